#include "compiler/loop/intrinsic_nest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/check.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/intrinsic/intrinsic.h"
#include "compiler/loop/library_nest.h"
#include "compiler/loop/nest_operand.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

// Puts numbered placeholders for the reads of an expression and keeps the reads,
// so that what is computed of them can be compared.
class ReadNumberer : public ExprMutator {
 public:
  std::vector<const Read*> reads;

 protected:
  Expr MutateRead(const Read& node, const Expr&) override {
    reads.push_back(&node);
    return MakeRead(node.type, absl::StrCat("@", reads.size()), {}, node.predicate, node.otherwise);
  }
};

// The reads of the definition's operands after the first, in their order.
std::vector<const Read*> OperandReads(const HardwareIntrinsic& intrinsic) {
  ReadNumberer numberer;
  numberer.Mutate(intrinsic.stage().body);
  CHECK_EQ(numberer.reads.size(), intrinsic.definition.arguments.size()) << intrinsic.name;
  for (size_t i = 0; i < numberer.reads.size(); ++i) {
    CHECK(numberer.reads[i]->buffer == intrinsic.definition.arguments[i].name) << intrinsic.name;
  }
  return std::move(numberer.reads);
}

class Matcher {
 public:
  Matcher(const Program& program, const HardwareIntrinsic& intrinsic)
      : program_(program), intrinsic_(intrinsic) {}

  absl::StatusOr<Stmt> Match(const For& outermost) {
    RETURN_IF_ERROR(FindNest(outermost));
    RETURN_IF_ERROR(FindReads());
    // Loops may stand in any order: which axis is whose shows in the strides.
    std::vector<size_t> order(loops_.size());  // axis -> loop
    std::iota(order.begin(), order.end(), 0);
    do {
      if (Stmt match = MatchInOrder(order)) return match;
    } while (std::next_permutation(order.begin(), order.end()));
    return absl::InvalidArgumentError(
        absl::StrCat("the extents of its loops, or how they index, are not those of ",
                     intrinsic_.name, ", whose rows are contiguous"));
  }

 private:
  absl::Status FindNest(const For& outermost) {
    const Stage& stage = intrinsic_.stage();
    const For* loop = &outermost;
    while (loop != nullptr && loops_.size() < stage.axes.size()) {
      loops_.push_back(loop);
      store_ = loop->body.As<Store>();
      loop = loop->body.As<For>();
    }
    if (loops_.size() == stage.axes.size() && store_ != nullptr &&
        store_->role == StoreRole::kWhole) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("it does not head ", stage.axes.size(),
                     " perfectly nested loops around one store that reduces nothing"));
  }

  absl::Status FindReads() {
    ReadNumberer expected, actual;
    bool same =
        StructurallyEqual(expected.Mutate(intrinsic_.stage().body), actual.Mutate(store_->value));
    if (!same) {
      return absl::InvalidArgumentError(absl::StrCat("it computes ", ToText(store_->value),
                                                     ", and ", intrinsic_.name, " computes ",
                                                     ToText(intrinsic_.stage().body)));
    }
    reads_ = std::move(actual.reads);
    std::vector<std::string> buffers = {store_->buffer};
    for (const Read* read : reads_) buffers.push_back(read->buffer);
    for (size_t i = 0; i < buffers.size(); ++i) {
      Scope scope = program_.FindBuffer(buffers[i])->scope;
      if (scope == Scope::kRegister || scope == Scope::kTile) {
        return absl::InvalidArgumentError(absl::StrCat("buffer ", buffers[i], " is not in memory"));
      }
      if (std::find(buffers.begin(), buffers.begin() + i, buffers[i]) != buffers.begin() + i) {
        return absl::InvalidArgumentError(absl::StrCat("two operands lie in buffer ", buffers[i]));
      }
    }
    return absl::OkStatus();
  }

  Stmt MatchInOrder(const std::vector<size_t>& order) const {
    const Stage& stage = intrinsic_.stage();
    absl::flat_hash_map<std::string, std::string> loop_of_axis;
    std::vector<std::string> in_order;
    for (size_t i = 0; i < order.size(); ++i) {
      const For& loop = *loops_[order[i]];
      if (loop.extent != stage.axes[i].extent) return Stmt();
      loop_of_axis[stage.axes[i].name] = loop.var;
      in_order.push_back(loop.var);
    }
    std::vector<Intrinsic::Operand> operands;
    auto add = [&](const std::string& name, const std::vector<Expr>& indices,
                   const std::vector<std::string>& loops) {
      const Buffer& buffer = *program_.FindBuffer(name);
      std::optional<Intrinsic::Operand> operand =
          AsOperand(buffer, FlatIndex(buffer, indices), loops);
      // Rows have no gaps.
      if (!operand || operand->strides.back() != 1) return false;
      operands.push_back(*std::move(operand));
      return true;
    };
    if (!add(store_->buffer, store_->indices, in_order)) return Stmt();
    std::vector<const Read*> expected = OperandReads(intrinsic_);
    for (size_t i = 0; i < reads_.size(); ++i) {
      std::vector<std::string> loops;
      for (const Expr& index : expected[i]->indices) {
        loops.push_back(loop_of_axis.at(index.As<Var>()->name));
      }
      // A loop that the definition does not index with must move nothing.
      for (const std::string& loop : in_order) {
        bool indexes = std::find(loops.begin(), loops.end(), loop) != loops.end();
        bool moves = std::any_of(reads_[i]->indices.begin(), reads_[i]->indices.end(),
                                 [&](const Expr& index) { return UsesVar(index, loop); });
        if (moves && !indexes) return Stmt();
      }
      if (!add(reads_[i]->buffer, reads_[i]->indices, loops)) return Stmt();
    }
    return MakeIntrinsic(intrinsic_.name, std::move(operands));
  }

  const Program& program_;
  const HardwareIntrinsic& intrinsic_;
  std::vector<const For*> loops_;
  const Store* store_ = nullptr;
  std::vector<const Read*> reads_;
};

std::string AxisLoop(const Axis& axis) { return absl::StrCat("@", axis.name); }

// The type and rank of operand i.
std::pair<ScalarType, size_t> OperandShape(const HardwareIntrinsic& intrinsic, size_t i) {
  if (i == 0) return {intrinsic.stage().type, intrinsic.stage().axes.size()};
  const Argument& argument = intrinsic.definition.arguments[i - 1];
  return {argument.type, argument.shape.size()};
}

}  // namespace

absl::StatusOr<Stmt> MatchIntrinsic(const Program& program, const For& loop,
                                    std::string_view name) {
  if (const LibraryRoutine* routine = FindLibraryRoutine(name)) {
    return MatchLibraryCall(program, loop, *routine);
  }
  const HardwareIntrinsic* intrinsic = FindIntrinsic(name);
  if (intrinsic == nullptr) {
    std::vector<std::string> names = IntrinsicNames();
    return absl::InvalidArgumentError(absl::StrCat("there is no intrinsic ", ToAbsl(name),
                                                   DidYouMean(name, names), "; the intrinsics are ",
                                                   absl::StrJoin(names, ", ")));
  }
  return Matcher(program, *intrinsic).Match(loop);
}

absl::Status CheckOperands(const Program& program, const Intrinsic& intrinsic) {
  if (AsLibraryCall(intrinsic)) return CheckLibraryOperands(program, intrinsic);
  const HardwareIntrinsic* known = FindIntrinsic(intrinsic.name);
  auto wrong = [&](const std::string& what) {
    return absl::FailedPreconditionError(absl::StrCat("intrinsic ", intrinsic.name, ": ", what));
  };
  if (known == nullptr) return wrong("there is none of this name");
  if (intrinsic.operands.size() != known->definition.arguments.size() + 1) {
    return wrong(absl::StrCat("it has ", known->definition.arguments.size() + 1, " operands, not ",
                              intrinsic.operands.size()));
  }
  for (size_t i = 0; i < intrinsic.operands.size(); ++i) {
    const Intrinsic::Operand& operand = intrinsic.operands[i];
    const Buffer* buffer = program.FindBuffer(operand.buffer);
    auto [type, rank] = OperandShape(*known, i);
    if (buffer == nullptr || buffer->type != type || buffer->shape.size() != 1) {
      return wrong(absl::StrCat("operand ", operand.buffer, " is no buffer of its type"));
    }
    if (operand.strides.size() != rank || operand.strides.back() != 1) {
      return wrong(absl::StrCat("operand ", operand.buffer, " has wrong strides"));
    }
  }
  return absl::OkStatus();
}

Stmt ExpandIntrinsic(const Intrinsic& intrinsic) {
  if (AsLibraryCall(intrinsic)) return ExpandLibraryCall(intrinsic);
  const HardwareIntrinsic* known = FindIntrinsic(intrinsic.name);
  CHECK(known != nullptr) << intrinsic.name;
  // Reads of the definition by argument, which each occurs in once.
  class ReadReplacer : public ExprMutator {
   public:
    ReadReplacer(const Intrinsic& intrinsic, const HardwareIntrinsic& known)
        : intrinsic_(intrinsic), known_(known) {}

   protected:
    Expr MutateRead(const Read& node, const Expr&) override {
      const auto& arguments = known_.definition.arguments;
      size_t i = 0;
      while (arguments[i].name != node.buffer) ++i;
      std::vector<std::string> loops;
      for (const Expr& index : node.indices) loops.push_back("@" + index.As<Var>()->name);
      const Intrinsic::Operand& operand = intrinsic_.operands[i + 1];
      return MakeRead(node.type, operand.buffer, {ElementOf(operand, loops)});
    }

   private:
    const Intrinsic& intrinsic_;
    const HardwareIntrinsic& known_;
  };
  const Stage& stage = known->stage();
  std::vector<std::string> loops;
  for (const Axis& axis : stage.axes) loops.push_back(AxisLoop(axis));
  const Intrinsic::Operand& out = intrinsic.operands.front();
  Stmt nest = MakeStore(intrinsic.name, StoreRole::kWhole, {}, out.buffer, {ElementOf(out, loops)},
                        ReadReplacer(intrinsic, *known).Mutate(stage.body));
  for (size_t d = loops.size(); d > 0; --d) {
    nest = MakeFor(loops[d - 1], stage.axes[d - 1].extent, {}, std::move(nest));
  }
  return nest;
}

}  // namespace lathe
