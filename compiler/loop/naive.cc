// The naive program: one loop nest per stage, in order.
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "compiler/loop/program.h"
#include "compiler/loop/simplify.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

Bounds BoundsOfAxes(const std::vector<Axis>& axes) {
  Bounds bounds;
  for (const Axis& axis : axes) bounds[axis.name] = Interval::Of(0, axis.extent - 1);
  return bounds;
}

// Moves every reduction of an expression into a stage of its own, over the
// axes in scope that it uses, and reads that stage's buffer instead.
class ReductionHoister : public ExprMutator {
 public:
  ReductionHoister(const Stage& stage, std::vector<Stage>* stages)
      : name_(stage.name), scope_(stage.axes), stages_(stages) {}

  // The body of the equation; a reduction at its root stays.
  Expr HoistBelowRoot(const Expr& body) {
    const auto* reduce = body.As<Reduce>();
    return reduce ? MutateTerm(*reduce, body) : Mutate(body);
  }

 protected:
  Expr MutateReduce(const Reduce& node, const Expr& e) override {
    Expr reduction = MutateTerm(node, e);
    absl::flat_hash_set<std::string> used = FreeVars(reduction);
    Stage stage{absl::StrCat(name_, ".r", count_++), node.type.scalar, {}, reduction};
    std::vector<Expr> indices;
    for (const Axis& axis : scope_) {
      if (!used.contains(axis.name)) continue;
      stage.axes.push_back(axis);
      indices.push_back(MakeVar(axis.name));
    }
    stages_->push_back(std::move(stage));
    return MakeRead(node.type, stages_->back().name, std::move(indices));
  }

 private:
  // `reduction` with the reductions inside its term hoisted.
  Expr MutateTerm(const Reduce& node, const Expr& e) {
    size_t outside = scope_.size();
    scope_.insert(scope_.end(), node.axes.begin(), node.axes.end());
    Expr body = Mutate(node.body);
    scope_.resize(outside);
    return body.SameAs(node.body) ? e : MakeReduce(node.op, node.axes, std::move(body));
  }

  const std::string name_;
  std::vector<Axis> scope_;  // the stage's axes, then those of enclosing reductions
  std::vector<Stage>* const stages_;
  int count_ = 0;
};

// Gives guarded reads their predicate: the index bounds that do not always
// hold. A read that is always inside loses its guard.
class GuardExpander : public ExprMutator {
 public:
  GuardExpander(const std::vector<Buffer>& buffers, Bounds bounds)
      : buffers_(buffers), bounds_(std::move(bounds)) {}

 protected:
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = ExprMutator::MutateRead(node, e);
    const auto& read = *mutated.As<Read>();
    if (!read.otherwise) return mutated;
    const Buffer& buffer = BufferNamed(read.buffer);
    Expr inside;
    auto require = [&](Expr condition) {
      if (ProvablyTrue(condition, bounds_)) return;
      inside = inside ? MakeBinary(BinaryOp::kAnd, std::move(inside), std::move(condition))
                      : std::move(condition);
    };
    for (size_t d = 0; d < read.indices.size(); ++d) {
      require(MakeBinary(BinaryOp::kGe, read.indices[d], MakeInt(0)));
      require(MakeBinary(BinaryOp::kLt, read.indices[d], MakeInt(buffer.shape[d])));
    }
    Expr otherwise = inside ? read.otherwise : Expr();
    return MakeRead(read.type, read.buffer, read.indices, std::move(inside), std::move(otherwise));
  }

 private:
  const Buffer& BufferNamed(const std::string& name) const {
    for (const Buffer& buffer : buffers_) {
      if (buffer.name == name) return buffer;
    }
    CHECK(false) << "no tensor is named " << name;
    return buffers_.front();
  }

  const std::vector<Buffer>& buffers_;
  const Bounds bounds_;
};

// The function's stages with nested reductions made stages of their own.
std::vector<Stage> SplitReductions(const Function& function) {
  std::vector<Stage> stages;
  for (const Stage& stage : function.stages) {
    ReductionHoister hoister(stage, &stages);
    Expr body = hoister.HoistBelowRoot(stage.body);
    stages.push_back({stage.name, stage.type, stage.axes, std::move(body)});
  }
  return stages;
}

std::vector<int64_t> ShapeOf(const Stage& stage) {
  std::vector<int64_t> shape;
  for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
  return shape;
}

std::vector<Buffer> DeclareBuffers(const Function& function, const std::vector<Stage>& stages) {
  std::vector<Buffer> buffers;
  for (const Argument& argument : function.arguments) {
    Access access = argument.is_const ? Access::kConst : Access::kInput;
    buffers.push_back({argument.name, argument.type, argument.shape, Scope::kArgument, access, {}});
  }
  for (const std::string& output : function.outputs) {
    const Stage& stage = *function.FindStage(output);
    buffers.push_back(
        {stage.name, stage.type, ShapeOf(stage), Scope::kArgument, Access::kOutput, {}});
  }
  for (const Table& table : function.tables) {
    buffers.push_back(
        {table.name, table.type, table.shape, Scope::kTable, Access::kNone, table.values});
  }
  for (const Stage& stage : stages) {
    if (function.IsOutput(stage.name)) continue;
    buffers.push_back(
        {stage.name, stage.type, ShapeOf(stage), Scope::kWorkspace, Access::kNone, {}});
  }
  return buffers;
}

// The nest of one stage: spatial loops, then reduction loops, around its store.
Stmt BuildNest(const Stage& stage, const StageInfo& info, const std::vector<Buffer>& buffers) {
  const auto* reduce = stage.body.As<Reduce>();
  std::vector<Axis> axes = info.spatial;
  axes.insert(axes.end(), info.reduction.begin(), info.reduction.end());

  GuardExpander guards(buffers, BoundsOfAxes(axes));
  Expr value = guards.Mutate(reduce ? reduce->body : stage.body);
  Substitution loop_variables;
  std::vector<std::pair<std::string, Expr>> bindings;
  for (const Axis& axis : axes) {
    bindings.emplace_back(axis.name, MakeVar(absl::StrCat(stage.name, ".", axis.name)));
    loop_variables[axis.name] = bindings.back().second;
  }
  std::vector<Expr> indices;
  for (size_t i = 0; i < info.spatial.size(); ++i) indices.push_back(bindings[i].second);

  StoreRole role = reduce ? StoreRole::kReduce : StoreRole::kWhole;
  Stmt nest = MakeStore(stage.name, role, std::move(bindings), stage.name, std::move(indices),
                        Substitute(value, loop_variables));
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    nest = MakeFor(absl::StrCat(stage.name, ".", axis->name), axis->extent, {}, std::move(nest));
  }
  return nest;
}

}  // namespace

absl::StatusOr<Program> BuildNaive(const Function& function) {
  std::vector<Stage> stages = SplitReductions(function);
  Program program;
  program.name = function.name;
  program.buffers = DeclareBuffers(function, stages);
  std::vector<Stmt> nests;
  for (const Stage& stage : stages) {
    StageInfo info{stage.name, stage.axes, {}, ReduceOp::kSum};
    if (const auto* reduce = stage.body.As<Reduce>()) {
      info.reduction = reduce->axes;
      info.reduce_op = reduce->op;
    }
    nests.push_back(BuildNest(stage, info, program.buffers));
    program.stages.push_back(std::move(info));
  }
  program.body = MakeSequence(std::move(nests));
  if (!program.body) {
    return absl::InvalidArgumentError(
        absl::StrCat("function ", function.name, " has no equation, so there is nothing to run"));
  }
  return program;
}

}  // namespace lathe
