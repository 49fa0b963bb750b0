// Rules of both forms: names, buffers, variables, types, roles, read-only.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/intrinsic_nest.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/text_words.h"
#include "compiler/loop/verify_internal.h"

namespace lathe {
namespace {

absl::Status CheckName(std::string_view what, std::string_view name) {
  if (IsProgramName(name)) return absl::OkStatus();
  return Broken("names", absl::StrCat(ToAbsl(what), " '", ToAbsl(name), "' is no name"));
}

absl::Status CheckBuffers(const Program& program) {
  constexpr int64_t kMaxElements = int64_t{1} << 48;
  absl::flat_hash_set<std::string> names;
  int phase = 0;  // inputs, outputs, others
  for (const Buffer& buffer : program.buffers) {
    RETURN_IF_ERROR(CheckName("buffer", buffer.name));
    if (!names.insert(buffer.name).second) {
      return Broken("names", absl::StrCat("two buffers are named ", buffer.name));
    }
    bool is_argument = buffer.scope == Scope::kArgument;
    int own = !is_argument                       ? 3
              : buffer.access == Access::kPacked ? 2
              : buffer.access == Access::kOutput ? 1
                                                 : 0;
    if (own < phase) {
      return Broken("buffers",
                    absl::StrCat("buffer ", buffer.name,
                                 " is out of order: inputs, outputs, packed, then others"));
    }
    phase = own;
    if (is_argument != (buffer.access != Access::kNone)) {
      return Broken("buffers", absl::StrCat("buffer ", buffer.name,
                                            is_argument ? " is an argument without access"
                                                        : " has an access but is no argument"));
    }
    int64_t elements = 1;
    for (int64_t extent : buffer.shape) {
      if (extent <= 0 || __builtin_mul_overflow(elements, extent, &elements) ||
          elements > kMaxElements) {
        return Broken("buffers", extent <= 0
                                     ? absl::StrCat("buffer ", buffer.name, " has extent ", extent)
                                     : absl::StrCat("buffer ", buffer.name, " has more than ",
                                                    kMaxElements, " elements"));
      }
    }
    bool is_table = buffer.scope == Scope::kTable;
    if (buffer.values.size() != static_cast<size_t>(is_table ? elements : 0)) {
      return Broken("buffers",
                    absl::StrCat("buffer ", buffer.name, " has ", buffer.values.size(), " values"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckStages(const Program& program) {
  absl::flat_hash_set<std::string> names;
  for (const StageInfo& stage : program.stages) {
    RETURN_IF_ERROR(CheckName("stage", stage.name));
    if (!names.insert(stage.name).second) {
      return Broken("names", absl::StrCat("two stages are named ", stage.name));
    }
    absl::flat_hash_set<std::string> axes;
    for (const auto* list : {&stage.spatial, &stage.reduction}) {
      for (const Axis& axis : *list) {
        RETURN_IF_ERROR(CheckName("axis", axis.name));
        if (!axes.insert(axis.name).second || axis.extent <= 0) {
          return Broken("names", absl::StrCat("axis ", axis.name, " of stage ", stage.name,
                                              " is repeated or empty"));
        }
      }
    }
  }
  return absl::OkStatus();
}

// Types and variables of one expression; the first fault is kept.
class ExprChecker : public ExprVisitor {
 public:
  ExprChecker(const Program& program, const absl::flat_hash_set<std::string>& variables,
              const std::string& stage)
      : program_(program), variables_(variables), stage_(stage) {}

  absl::Status status;

 protected:
  void VisitVar(const Var& node) override {
    if (!variables_.contains(node.name)) Fail("variables", "no loop around is named " + node.name);
  }
  void VisitReduce(const Reduce&) override { Fail("types", "a reduction inside an expression"); }
  void VisitRamp(const Ramp& node) override {
    if (!program_.lowered) Fail("form", "a vector in a scheduled program");
    ExprVisitor::VisitRamp(node);
  }
  void VisitBroadcast(const Broadcast& node) override {
    if (!program_.lowered) Fail("form", "a vector in a scheduled program");
    ExprVisitor::VisitBroadcast(node);
  }
  void VisitLaneReduce(const LaneReduce& node) override {
    if (!program_.lowered) Fail("form", "a vector in a scheduled program");
    ExprVisitor::VisitLaneReduce(node);
  }
  void VisitRead(const Read& node) override {
    const Buffer* buffer = program_.FindBuffer(node.buffer);
    if (buffer == nullptr) return Fail("types", "there is no buffer " + node.buffer);
    if (buffer->shape.size() != node.indices.size()) {
      return Fail("types", "a read of " + node.buffer + " has the wrong rank");
    }
    int lanes = 1;
    for (const Expr& index : node.indices) lanes = std::max(lanes, index.type().lanes);
    bool fits = node.type == Type{buffer->type, lanes};
    for (const Expr& index : node.indices) {
      fits = fits && index.type().scalar == ScalarType::kI64 &&
             (index.type().lanes == 1 || index.type().lanes == lanes);
    }
    if (!fits) return Fail("types", "a read of " + node.buffer + " has the wrong type");
    if (!node.predicate != !node.otherwise) {
      return Fail("types", "a guarded read of " + node.buffer + " lacks predicate or value");
    }
    if (node.predicate) {
      Type type = node.predicate.type();
      if (type.scalar != ScalarType::kBool || (type.lanes != 1 && type.lanes != lanes)) {
        return Fail("types", "the predicate of a read of " + node.buffer + " has the wrong type");
      }
    }
    ExprVisitor::VisitRead(node);
  }

 private:
  void Fail(const char* rule, const std::string& what) {
    if (status.ok()) status = Broken(rule, absl::StrCat("stage ", stage_, ": ", what));
  }

  const Program& program_;
  const absl::flat_hash_set<std::string>& variables_;
  const std::string& stage_;
};

class StructureChecker {
 public:
  explicit StructureChecker(const Program& program) : program_(program) {}

  std::vector<StoreSite> sites;

  absl::Status Check(const Stmt& s) {
    switch (s.kind()) {
      case StmtKind::kFor: {
        const auto& node = *s.As<For>();
        RETURN_IF_ERROR(CheckName("loop", node.var));
        bool is_new = variables_.insert(node.var).second;
        is_new = (all_loops_.insert(node.var).second || program_.lowered) && is_new;
        if (!is_new) return Broken("names", absl::StrCat("two loops are named ", node.var));
        around_.loops.push_back(&node);
        RETURN_IF_ERROR(Check(node.body));
        around_.loops.pop_back();
        variables_.erase(node.var);
        return absl::OkStatus();
      }
      case StmtKind::kSequence:
        for (const Stmt& child : s.As<Sequence>()->stmts) RETURN_IF_ERROR(Check(child));
        return absl::OkStatus();
      case StmtKind::kIf: {
        if (!program_.lowered) return Broken("form", "an If in a scheduled program");
        const auto& node = *s.As<If>();
        RETURN_IF_ERROR(CheckExpr(node.condition, "(an If)"));
        around_.conditions.push_back(node.condition);
        RETURN_IF_ERROR(Check(node.then));
        around_.conditions.pop_back();
        return absl::OkStatus();
      }
      case StmtKind::kAllocate:
        if (!program_.lowered) return Broken("form", "an Allocate in a scheduled program");
        return Check(s.As<Allocate>()->body);
      case StmtKind::kPrefetch:
        if (!program_.lowered) return Broken("form", "machine code in a scheduled program");
        return absl::OkStatus();
      case StmtKind::kIntrinsic:
        if (!program_.lowered) return Broken("form", "machine code in a scheduled program");
        return CheckIntrinsic(*s.As<Intrinsic>());
      case StmtKind::kStore:
        around_.store = s.As<Store>();
        sites.push_back(around_);
        return CheckStore(*s.As<Store>());
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckIntrinsic(const Intrinsic& node) {
    absl::Status operands = CheckOperands(program_, node);
    if (!operands.ok()) return Broken("types", FromAbsl(operands.message()));
    for (const Intrinsic::Operand& operand : node.operands) {
      RETURN_IF_ERROR(CheckExpr(operand.index, node.name));
    }
    const Buffer& written = *program_.FindBuffer(node.operands.front().buffer);
    if (!IsWritable(written)) {
      return Broken("read-only", absl::StrCat("intrinsic ", node.name, " writes ", written.name));
    }
    Stmt loops = ExpandIntrinsic(node);
    StoreSite site = around_;
    const For* loop = loops.As<For>();
    for (; loop != nullptr; loop = loop->body.As<For>()) {
      site.loops.push_back(loop);
      site.store = loop->body.As<Store>();
    }
    return VerifyInBounds(program_, site);
  }

  static bool IsWritable(const Buffer& buffer) {
    if (buffer.scope != Scope::kArgument) return buffer.scope != Scope::kTable;
    return buffer.access == Access::kOutput || buffer.access == Access::kPacked;
  }

  absl::Status CheckExpr(const Expr& e, const std::string& stage) {
    ExprChecker checker(program_, variables_, stage);
    checker.Visit(e);
    return checker.status;
  }

  absl::Status CheckStore(const Store& store) {
    const StageInfo* stage = program_.FindStage(store.stage);
    if (stage == nullptr) {
      return Broken("roles", absl::StrCat("a store belongs to no stage: ", store.stage));
    }
    bool reduces = !stage->reduction.empty();
    bool fits = reduces == (store.role != StoreRole::kWhole);
    if (store.role == StoreRole::kReduce) fits = fits && !program_.lowered;
    if (store.role == StoreRole::kInit || store.role == StoreRole::kUpdate) {
      fits = fits && program_.lowered;
    }
    if (!fits) return Broken("roles", absl::StrCat("a store of stage ", store.stage));
    const Buffer* buffer = program_.FindBuffer(store.buffer);
    auto wrong = [&](const std::string& what) {
      return Broken("types", absl::StrCat("stage ", store.stage, ": ", what));
    };
    if (buffer == nullptr) return wrong("there is no buffer " + store.buffer);
    if (!IsWritable(*buffer)) {
      return Broken("read-only", absl::StrCat("stage ", store.stage, " writes ", store.buffer));
    }
    if (buffer->shape.size() != store.indices.size()) {
      return wrong("the store to " + store.buffer + " has the wrong rank");
    }
    if (store.value.type().scalar != buffer->type) {
      return wrong("the store to " + store.buffer + " has the wrong type");
    }
    for (const Expr& index : store.indices) {
      if (index.type().scalar != ScalarType::kI64) return wrong("an index is no i64");
      RETURN_IF_ERROR(CheckExpr(index, store.stage));
    }
    for (const auto& [axis, value] : store.bindings) {
      if (value.type() != kIndexType) return wrong("axis " + axis + " is bound to no i64");
      RETURN_IF_ERROR(CheckExpr(value, store.stage));
    }
    RETURN_IF_ERROR(CheckExpr(store.value, store.stage));
    return store.predicate ? CheckExpr(store.predicate, store.stage) : absl::OkStatus();
  }

  const Program& program_;
  absl::flat_hash_set<std::string> variables_;  // of the loops around
  absl::flat_hash_set<std::string> all_loops_;
  StoreSite around_;
};

}  // namespace

absl::StatusOr<std::vector<StoreSite>> VerifyStructure(const Program& program) {
  RETURN_IF_ERROR(CheckName("program", program.name));
  RETURN_IF_ERROR(CheckBuffers(program));
  RETURN_IF_ERROR(CheckStages(program));
  StructureChecker checker(program);
  if (program.prepare) {
    if (!program.lowered) return Broken("form", "a prepare part in a scheduled program");
    RETURN_IF_ERROR(checker.Check(program.prepare));
  }
  if (program.body) RETURN_IF_ERROR(checker.Check(program.body));
  return std::move(checker.sites);
}

}  // namespace lathe
