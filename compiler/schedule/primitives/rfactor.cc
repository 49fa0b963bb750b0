// rfactor: a reduction in two steps: partial results, one for each value of a
// loop, which a new stage then reduces.
//
//   for C.i in 8 { for k.o in 4 { for k.i in 16 {
//     C(i = C.i, k = k.o * 16 + k.i): C[C.i] sum= x[C.i, k.o * 16 + k.i] if k.o * 16 + k.i < 60
//   } } }
// N = rfactor(C, k.o) ->
//   stage C[i: 8, k_o: 4] sum(k_i: 16) where k_o * 16 + k_i < 60
//   stage N[i: 8] sum(k_o: 4)
//   for C.i in 8 { for k.o in 4 { for k.i in 16 {
//     C(i = C.i, k_o = k.o, k_i = k.i): N.part[C.i, k.o] sum= x[C.i, k.o * 16 + k.i] if ...
//   } } }
//   for N.i in 8 { for N.k_o in 4 { N(i = N.i, k_o = N.k_o): C[N.i] sum= N.part[N.i, N.k_o] } }
//
// As with cache_write, the stage keeps its loops and their names, and the new
// stage writes the old buffer. Each reduction loop becomes an axis, named like
// the loop: C.k gives k, k.o gives k_o. The new loops stand right after the old
// ones, one for each axis, the reduction innermost. With k.o outermost in C this
// is a reduction by blocks (compute_at(C, N.k_o), or more sums at once than a
// chain of additions allows); with k.i, vectorised, sums of vectors whose lanes
// are folded once at the end.
//
// Legal when
//   - the loop is unmarked and binds a reduction axis of the stage;
//   - another loop reduces too: something is left to do for each value;
//   - the stage's reduction loops contain no other stage;
//   - no loop and no condition of the predicate mixes spatial and reduction axes;
//   - an iteration of the loops around them writes a box of elements.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"
#include "compiler/schedule/region.h"

namespace lathe {
namespace {

using schedule::Refuse;

bool UsesAny(const Expr& e, const std::vector<const For*>& loops) {
  return std::any_of(loops.begin(), loops.end(),
                     [&](const For* loop) { return UsesVar(e, loop->var); });
}

class Factoring {
 public:
  Factoring(const Program& program, std::string action, const StageInfo& stage,
            const StoreSite& site, const For& loop, std::string final_name)
      : program_(program),
        action_(std::move(action)),
        stage_(stage),
        store_(*site.store),
        site_(site),
        loop_(loop),
        final_name_(std::move(final_name)) {}

  absl::StatusOr<Program> Run() {
    FindOwnLoops();
    RETURN_IF_ERROR(FindReductionLoops());
    RETURN_IF_ERROR(SortConditions());
    RETURN_IF_ERROR(NameParts());
    ASSIGN_OR_RETURN(Stmt combining, CombiningNest());

    Program result = program_;
    const StmtNode* old_nest = site_.loops[shared_];
    Stmt partial = schedule::Replace(AsStmt(*site_.loops[shared_]), &store_, PartialStore());
    result.body = schedule::Replace(program_.body, old_nest,
                                    MakeSequence({std::move(partial), std::move(combining)}));
    result.buffers.push_back(part_);
    size_t position = &stage_ - program_.stages.data();
    result.stages[position] = partial_;
    result.stages.insert(result.stages.begin() + position + 1, final_);
    return result;
  }

 private:
  static Stmt AsStmt(const For& loop) {
    return MakeFor(loop.var, loop.extent, loop.marks, loop.body);
  }

  // The loops that contain no other stage: from site_.loops[shared_] inwards.
  void FindOwnLoops() {
    shared_ = site_.loops.size();
    while (shared_ > 0 && schedule::StoresBelow(site_.loops[shared_ - 1]->body).size() == 1) {
      --shared_;
    }
  }

  absl::Status FindReductionLoops() {
    for (size_t i = 0; i < site_.loops.size(); ++i) {
      const For& loop = *site_.loops[i];
      schedule::Binds binds = schedule::BindsOf(program_, store_, loop.var);
      if (!binds.reduction) continue;
      if (binds.spatial) {
        return Refuse(action_, absl::StrCat("loop ", loop.var, " binds spatial axes too"));
      }
      if (i < shared_) {
        return Refuse(action_,
                      absl::StrCat("loop ", loop.var, " reduces, and contains other stages too"));
      }
      reducing_.push_back(&loop);
      if (&loop != &loop_) rest_.push_back(&loop);
    }
    if (rest_.size() == reducing_.size()) {
      return Refuse(action_, absl::StrCat("stage ", stage_.name, " does not reduce over the loop"));
    }
    if (rest_.empty()) {
      return Refuse(action_, "it is the only loop that reduces; split it first");
    }
    return absl::OkStatus();
  }

  // Splits the predicate into conditions on elements and on terms.
  absl::Status SortConditions() {
    for (Expr& condition : Conjuncts(store_.predicate)) {
      if (!UsesAny(condition, reducing_)) continue;
      for (const For* loop : site_.loops) {
        bool reduces = std::find(reducing_.begin(), reducing_.end(), loop) != reducing_.end();
        if (reduces || !UsesVar(condition, loop->var)) continue;
        return Refuse(action_, absl::StrCat("the predicate ", ToText(condition), " is about loop ",
                                            loop->var, ", which does not reduce, too"));
      }
      on_terms_.push_back(std::move(condition));
    }
    return absl::OkStatus();
  }

  // The name of the axis that a reduction loop becomes. It changes with the
  // stage's names, as TraceNames expects of the loops that are named after it.
  absl::StatusOr<std::string> AxisOf(const For& loop) const {
    for (const auto& [axis, value] : store_.bindings) {
      const auto* var = value.As<Var>();
      if (var != nullptr && var->name == loop.var) return axis;
    }
    std::string own = absl::StrCat(stage_.name, ".");
    if (absl::StartsWith(loop.var, own)) return loop.var.substr(own.size());
    std::string name = absl::StrReplaceAll(loop.var, {{".", "_"}});
    for (const auto* axes : {&stage_.spatial, &stage_.reduction}) {
      for (const Axis& axis : *axes) {
        if (axis.name != name) continue;
        return Refuse(action_, absl::StrCat("loop ", loop.var, " would become an axis ", name,
                                            ", but stage ", stage_.name, " has one already"));
      }
    }
    return name;
  }

  absl::Status NameParts() {
    Substitution axis_of_loop;
    std::vector<Axis> reduction;
    Axis factored;
    for (const For* loop : reducing_) {
      ASSIGN_OR_RETURN(std::string name, AxisOf(*loop));
      axis_of_loop[loop->var] = MakeVar(name);
      Axis axis{std::move(name), loop->extent};
      if (loop == &loop_) {
        factored = axis;
      } else {
        reduction.push_back(axis);
      }
      axes_.push_back(std::move(axis));
    }
    // Conditions of the old domain on elements hold for the parts as well. One on
    // the factored loop alone says which parts there are, for both stages.
    std::vector<Expr> on_elements, on_parts;
    for (Expr& condition : Conjuncts(stage_.where)) {
      bool about_terms =
          std::any_of(stage_.reduction.begin(), stage_.reduction.end(),
                      [&](const Axis& axis) { return UsesVar(condition, axis.name); });
      if (!about_terms) on_elements.push_back(std::move(condition));
    }
    on_parts = on_elements;
    for (const Expr& condition : on_terms_) {
      on_parts.push_back(Substitute(condition, axis_of_loop));
      if (!UsesAny(condition, rest_)) on_elements.push_back(on_parts.back());
    }

    partial_ = {stage_.name, stage_.spatial, std::move(reduction), stage_.reduce_op,
                Conjunction(on_parts)};
    partial_.spatial.push_back(factored);
    final_ = {final_name_, stage_.spatial, {factored}, stage_.reduce_op, Conjunction(on_elements)};
    const Buffer& old = *program_.FindBuffer(store_.buffer);
    part_ = {
        absl::StrCat(final_name_, ".part"), old.type, {}, Scope::kWorkspace, Access::kNone, {}};
    for (const Axis& axis : partial_.spatial) part_.shape.push_back(axis.extent);
    RETURN_IF_ERROR(schedule::CheckNewStage(program_, action_, final_.name));
    RETURN_IF_ERROR(schedule::CheckNewStage(program_, action_, part_.name));
    std::vector<std::string> loops;
    for (const Axis& axis : partial_.spatial) loops.push_back(FinalLoop(axis));
    return schedule::CheckNewLoops(program_, action_, loops);
  }

  std::string FinalLoop(const Axis& axis) const {
    return absl::StrCat(final_name_, ".", axis.name);
  }

  // The old store, of a part: the loops that reduce are axes.
  Stmt PartialStore() const {
    auto spatial_end = store_.bindings.begin() + stage_.spatial.size();
    std::vector<std::pair<std::string, Expr>> bindings(store_.bindings.begin(), spatial_end);
    std::vector<Expr> indices;
    for (const auto& [axis, value] : bindings) indices.push_back(value);
    indices.push_back(MakeVar(loop_.var));
    bindings.emplace_back(partial_.spatial.back().name, indices.back());
    for (size_t i = 0; i < reducing_.size(); ++i) {
      if (reducing_[i] == &loop_) continue;
      bindings.emplace_back(axes_[i].name, MakeVar(reducing_[i]->var));
    }
    std::vector<AxisSpan> region = store_.region;
    if (!region.empty()) region.push_back({MakeInt(0), loop_.extent});
    return MakeStore(store_.stage, store_.role, std::move(bindings), part_.name, std::move(indices),
                     store_.value, store_.predicate, std::move(region));
  }

  // The loops of the new stage, over the elements that one iteration of the
  // loops around writes.
  absl::StatusOr<Stmt> CombiningNest() const {
    std::vector<schedule::Span> spans;
    std::vector<Expr> conditions;
    if (!store_.region.empty()) {
      for (size_t d = 0; d < stage_.spatial.size(); ++d) {
        Linear base = LinearOf(store_.region[d].base);
        spans.push_back({base, store_.region[d].extent, {{base, stage_.spatial[d].extent}}});
        conditions.push_back(MakeBinary(BinaryOp::kGe, ElementAt(spans[d], d), MakeInt(0)));
      }
    } else if (shared_ == 0) {
      for (const Axis& axis : stage_.spatial) spans.push_back({Linear::Of(0), axis.extent, {}});
    } else {
      ASSIGN_OR_RETURN(schedule::Region region,
                       schedule::RegionWritten(action_, site_, shared_ - 1));
      spans = std::move(region.spans);
      conditions = std::move(region.conditions);
    }

    Bounds bounds;
    for (size_t i = 0; i < shared_; ++i) {
      bounds[site_.loops[i]->var] = Interval::Of(0, site_.loops[i]->extent - 1);
    }
    Substitution values;  // of the axes
    std::vector<std::pair<std::string, Expr>> bindings;
    std::vector<Expr> element;
    for (size_t d = 0; d < spans.size(); ++d) {
      schedule::Span& span = spans[d];
      for (const schedule::Span::Limit& limit : span.limits) {
        if (limit.outer.IsConstant()) {
          span.extent = std::min(span.extent, limit.bound - limit.outer.constant);
        } else {
          Linear offset = limit.outer;
          offset.Add(MakeVar(FinalLoop(stage_.spatial[d])), 1);
          conditions.push_back(MakeBinary(BinaryOp::kLt, offset.ToExpr(), MakeInt(limit.bound)));
        }
      }
      bounds[FinalLoop(stage_.spatial[d])] = Interval::Of(0, span.extent - 1);
      element.push_back(ElementAt(span, d));
      bindings.emplace_back(stage_.spatial[d].name, element.back());
      values[stage_.spatial[d].name] = element.back();
    }
    const Axis& factored = final_.reduction[0];
    values[factored.name] = MakeVar(FinalLoop(factored));
    bounds[FinalLoop(factored)] = Interval::Of(0, factored.extent - 1);
    for (const Expr& condition : Conjuncts(final_.where)) {
      conditions.push_back(Substitute(condition, values));
    }
    Expr predicate = DropProvable(Conjunction(conditions), bounds);

    std::vector<Expr> part = element;
    part.push_back(MakeVar(FinalLoop(factored)));
    bindings.emplace_back(factored.name, part.back());
    Stmt nest = MakeStore(final_.name, StoreRole::kReduce, std::move(bindings), store_.buffer,
                          std::move(element), MakeRead(Type{part_.type}, part_.name, part),
                          std::move(predicate), store_.region);
    nest = MakeFor(FinalLoop(factored), factored.extent, {}, std::move(nest));
    for (size_t d = spans.size(); d > 0; --d) {
      nest = MakeFor(FinalLoop(stage_.spatial[d - 1]), spans[d - 1].extent, {}, std::move(nest));
    }
    return nest;
  }

  // Value number `loop of the axis` of a span.
  Expr ElementAt(const schedule::Span& span, size_t d) const {
    Linear value = span.base;
    value.Add(MakeVar(FinalLoop(stage_.spatial[d])), 1);
    return value.ToExpr();
  }

  const Program& program_;
  const std::string action_;
  const StageInfo& stage_;
  const Store& store_;
  const StoreSite& site_;
  const For& loop_;
  const std::string final_name_;

  size_t shared_ = 0;                 // loops around that contain other stages
  std::vector<const For*> reducing_;  // loops that bind reduction axes, outermost first
  std::vector<const For*> rest_;      // those but loop_
  std::vector<Axis> axes_;            // what they become
  std::vector<Expr> on_terms_;        // conditions on reduction loops
  StageInfo partial_, final_;
  Buffer part_;
};

}  // namespace

absl::StatusOr<Program> RFactor(const Program& program, std::string_view stage,
                                std::string_view loop, std::string_view final_stage) {
  std::string action =
      absl::StrCat("factor the reduction of stage ", ToAbsl(stage), " at loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(const StageInfo* info, schedule::FindStage(program, action, stage));
  ASSIGN_OR_RETURN(schedule::LoopSite place, schedule::FindLoop(program, action, loop));
  RETURN_IF_ERROR(schedule::CheckUnmarked(action, *place.loop));
  RETURN_IF_ERROR(schedule::CheckUnshared(program, action, stage));
  std::vector<StoreSite> stores = schedule::StoresOfStage(program, stage);
  if (stores.size() != 1) return Refuse(action, "it has several stores");
  return Factoring(program, std::move(action), *info, stores[0], *place.loop,
                   std::string(final_stage))
      .Run();
}

}  // namespace lathe
