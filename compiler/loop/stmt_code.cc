#include "compiler/loop/stmt_code.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/intrinsic_nest.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

using Names = absl::flat_hash_set<std::string>;

bool Intersects(const Names& a, const Names& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& name) { return b.contains(name); });
}

class StmtCompiler {
 public:
  StmtCompiler(const Program& program, ExprCode* code)
      : program_(program), compiler_(code, program.lowered) {
    for (const Buffer& b : program.buffers) compiler_.AddBuffer({b.name, b.type, b.shape});
  }

  absl::StatusOr<StmtCode> Compile(const Stmt& s) {
    switch (s.kind()) {
      case StmtKind::kFor:
        return CompileFor(*s.As<For>());
      case StmtKind::kSequence: {
        StmtCode code(StmtKind::kSequence);
        for (const Stmt& child : s.As<Sequence>()->stmts) {
          ASSIGN_OR_RETURN(StmtCode compiled, Compile(child));
          code.children.push_back(std::move(compiled));
        }
        return code;
      }
      case StmtKind::kStore: {
        const auto& store = *s.As<Store>();
        absl::StatusOr<StmtCode> code = CompileStore(store);
        if (code.ok()) return code;
        return absl::Status(
            code.status().code(),
            absl::StrCat(program_.name, ": stage ", store.stage, ": ", code.status().message()));
      }
      case StmtKind::kIf:
        return CompileIf(*s.As<If>());
      case StmtKind::kAllocate:
        return CompileAllocate(*s.As<Allocate>());
      case StmtKind::kPrefetch:
        return StmtCode(StmtKind::kSequence);  // changes nothing
      case StmtKind::kIntrinsic:
        RETURN_IF_ERROR(CheckOperands(program_, *s.As<Intrinsic>()));
        return Compile(ExpandIntrinsic(*s.As<Intrinsic>()));
    }
    return absl::InternalError("a statement of unknown kind");
  }

 private:
  // A loop or condition around the statement that is compiled now.
  struct Frame {
    std::string var;  // "" for an If
    CodeLoop loop;
    Expr condition;               // If
    std::vector<InitCode> inits;  // to run before the loop
  };

  absl::StatusOr<StmtCode> CompileFor(const For& node) {
    StmtCode code(StmtKind::kFor);
    code.slot = compiler_.Bind(node.var);
    code.extent = node.extent;
    code.parallel = node.marks.kind == LoopKind::kParallel;
    frames_.push_back({node.var, {code.slot, node.extent}, Expr(), {}});
    absl::StatusOr<StmtCode> body = Compile(node.body);
    code.inits = std::move(frames_.back().inits);
    frames_.pop_back();
    compiler_.Unbind(node.var);
    RETURN_IF_ERROR(body.status());
    code.children.push_back(*std::move(body));
    return code;
  }

  absl::StatusOr<StmtCode> CompileIf(const If& node) {
    StmtCode code(StmtKind::kIf);
    code.origin = {"the condition of an if", compiler_.Bound()};
    ASSIGN_OR_RETURN(code.condition, compiler_.Compile(node.condition));
    frames_.push_back({"", {}, node.condition, {}});
    absl::StatusOr<StmtCode> body = Compile(node.then);
    frames_.pop_back();
    RETURN_IF_ERROR(body.status());
    code.children.push_back(*std::move(body));
    return code;
  }

  absl::StatusOr<StmtCode> CompileAllocate(const Allocate& node) {
    StmtCode code(StmtKind::kAllocate);
    ASSIGN_OR_RETURN(code.buffer, compiler_.FindBuffer(node.buffer));
    live_.insert(node.buffer);
    absl::StatusOr<StmtCode> body = Compile(node.body);
    live_.erase(node.buffer);
    RETURN_IF_ERROR(body.status());
    code.children.push_back(*std::move(body));
    return code;
  }

  // A lowered program uses a buffer of its own inside its Allocate only.
  absl::Status CheckLive(const std::string& name) const {
    const Buffer* buffer = program_.FindBuffer(name);
    if (buffer == nullptr || !program_.lowered || buffer->scope == Scope::kArgument ||
        buffer->scope == Scope::kTable || live_.contains(name)) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat(name, " is used outside of its allocation"));
  }

  absl::Status CheckReads(const Expr& e) const {
    if (!e) return absl::OkStatus();
    for (const std::string& name : BuffersRead(e)) RETURN_IF_ERROR(CheckLive(name));
    return absl::OkStatus();
  }

  absl::StatusOr<StmtCode> CompileStore(const Store& store) {
    StmtCode code(StmtKind::kStore);
    StoreCode& result = code.store;
    result.origin = {absl::StrCat("stage ", store.stage), compiler_.Bound()};
    result.role = store.role;
    RETURN_IF_ERROR(CheckLive(store.buffer));
    RETURN_IF_ERROR(CheckReads(store.value));
    RETURN_IF_ERROR(CheckReads(store.predicate));
    for (const Expr& index : store.indices) RETURN_IF_ERROR(CheckReads(index));
    ASSIGN_OR_RETURN(result.place, compiler_.CompilePlace(store.buffer, store.indices));
    ASSIGN_OR_RETURN(result.value, compiler_.Compile(store.value));
    if (store.predicate) {
      ASSIGN_OR_RETURN(result.predicate, compiler_.Compile(store.predicate));
    }
    const Buffer& buffer = program_.buffers[result.place.buffer];
    if (buffer.access == Access::kInput || buffer.access == Access::kConst ||
        buffer.scope == Scope::kTable) {
      return absl::FailedPreconditionError(
          absl::StrCat("writes ", buffer.name, ", which is an input"));
    }
    if (store.value.type().scalar != buffer.type) {
      return absl::FailedPreconditionError(absl::StrCat("writes ", Name(store.value.type()), " to ",
                                                        buffer.name, ", which is ",
                                                        std::string(Name(buffer.type))));
    }
    int index_lanes = 1;
    for (const Expr& index : store.indices) {
      index_lanes = std::max(index_lanes, index.type().lanes);
    }
    result.lanes = index_lanes;
    if (store.value.type().lanes > index_lanes) {
      return absl::FailedPreconditionError(absl::StrCat("writes ", store.value.type().lanes,
                                                        " lanes to one element of ", buffer.name));
    }
    if (store.role == StoreRole::kReduce) RETURN_IF_ERROR(CompileReduction(store, &code));
    return code;
  }

  // Places the implicit initialisation of a kReduce store.
  absl::Status CompileReduction(const Store& store, StmtCode* code) {
    const StageInfo* stage = program_.FindStage(store.stage);
    if (stage == nullptr || stage->reduction.empty()) {
      return absl::FailedPreconditionError("reduces, but is not declared as a reduction");
    }
    if (code->store.lanes != 1) {
      return absl::FailedPreconditionError("reduces vectors before lowering");
    }
    code->store.combiner = Combiner(stage->reduce_op);
    Names spatial_vars, reduction_vars;
    for (const auto& [axis, binding] : store.bindings) {
      bool is_reduction = std::any_of(stage->reduction.begin(), stage->reduction.end(),
                                      [&axis = axis](const Axis& a) { return a.name == axis; });
      Names vars = FreeVars(binding);
      (is_reduction ? reduction_vars : spatial_vars).insert(vars.begin(), vars.end());
    }
    for (const Expr& index : store.indices) {
      Names vars = FreeVars(index);
      spatial_vars.insert(vars.begin(), vars.end());
    }
    size_t anchor = 0;
    while (anchor < frames_.size() && !reduction_vars.contains(frames_[anchor].var)) ++anchor;

    InitCode init;
    init.origin = code->store.origin;
    init.origin.what += ", initialising,";
    init.place = code->store.place;
    ScalarType type = program_.buffers[init.place.buffer].type;
    Expr identity = Identity(stage->reduce_op, Type{type, 1});
    const auto* float_identity = identity.As<FloatImm>();
    init.identity =
        float_identity ? FloatCell(float_identity->value) : IntCell(*AsConstInt(identity));

    Names inner_vars;
    std::vector<Expr> conjuncts;
    auto append = [&conjuncts](const Expr& condition) {
      for (Expr& conjunct : Conjuncts(condition)) conjuncts.push_back(std::move(conjunct));
    };
    for (size_t f = anchor; f < frames_.size(); ++f) {
      append(frames_[f].condition);
      if (!frames_[f].var.empty()) inner_vars.insert(frames_[f].var);
    }
    append(store.predicate);
    Names used = spatial_vars;
    for (const Expr& conjunct : conjuncts) {
      Names vars = FreeVars(conjunct);
      // A condition on reduction axes says which terms an element has, be it
      // none, and nothing about which elements exist.
      if (Intersects(vars, reduction_vars)) continue;
      if (Intersects(vars, inner_vars) && !Intersects(vars, spatial_vars)) continue;
      ASSIGN_OR_RETURN(int condition, compiler_.Compile(conjunct));
      init.conditions.push_back(condition);
      used.insert(vars.begin(), vars.end());
    }
    for (size_t f = anchor; f < frames_.size(); ++f) {
      if (used.contains(frames_[f].var)) init.loops.push_back(frames_[f].loop);
    }
    (anchor < frames_.size() ? frames_[anchor].inits : code->inits).push_back(std::move(init));
    return absl::OkStatus();
  }

  const Program& program_;
  ExprCompiler compiler_;
  std::vector<Frame> frames_;
  Names live_;
};

}  // namespace

absl::StatusOr<StmtCode> CompileBody(const Program& program, ExprCode* code) {
  if (!program.body) return absl::FailedPreconditionError(program.name + " has no body");
  return StmtCompiler(program, code).Compile(MakeSequence({program.prepare, program.body}));
}

}  // namespace lathe
