// reverse_compute_at: a consumer moves into a loop of its producer, where it
// takes the region that each iteration has just produced.
//
//   for t.o in 3 { for t.i in 8 { t[t.o * 8 + t.i] = ... if t.o * 8 + t.i < 20 } }
//   for y.i in 20 { y[y.i] = f(t[y.i]) }
// reverse_compute_at(y, t.o) ->
//   for t.o in 3 {
//     for t.i in 8 { t[t.o * 8 + t.i] = ... if t.o * 8 + t.i < 20 }
//     for y.i in 8 { y[t.o * 8 + y.i] = f(t[t.o * 8 + y.i]) if t.o * 8 + y.i < 20 }
//   }
//
// A consumer of a reduction takes the last iteration of its reduction loops:
//
//   for t.k in 7 { for t.i in 8 { t[t.i] sum= ... } }
//   for y.i in 8 { y[y.i] = f(t[y.i]) }
// reverse_compute_at(y, t.i) ->
//   for t.k in 7 {
//     for t.i in 8 {
//       t[t.i] sum= ...
//       for y.i in 1 { y[t.i + y.i] = f(t[t.i + y.i]) if 5 < t.k }
//     }
//   }
//
// Legal when
//   - the consumer's loops are unmarked, one per axis, with nothing else in them;
//   - it reads the buffers written inside the loop at its own axes, each
//     dimension at another axis, and all of them over the same region;
//   - an iteration of the loop completes these elements, once the loops at and
//     around it that a producer reduces over (and does nothing else with) are in
//     their last iteration;
//   - everything else that it reads is complete before the outermost loop;
//   - an iteration writes a box of contiguous elements, all along each reduction
//     axis of the consumer;
//   - no loop at or around the place is vectorised.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"
#include "compiler/schedule/region.h"

namespace lathe {
namespace {

using schedule::Refuse;
using schedule::Region;
using schedule::Span;

class ReadCollector : public ExprVisitor {
 public:
  std::vector<const Read*> reads;

 protected:
  void VisitRead(const Read& node) override {
    reads.push_back(&node);
    ExprVisitor::VisitRead(node);
  }
};

// One move, from check to rewrite.
class Move {
 public:
  Move(const Program& program, std::string action, const StageInfo& stage, schedule::LoopSite place)
      : program_(program),
        action_(std::move(action)),
        stage_(stage),
        place_(std::move(place)),
        depth_(place_.enclosing.size()) {}

  absl::StatusOr<Program> Run() {
    RETURN_IF_ERROR(CheckPlace());
    RETURN_IF_ERROR(CheckConsumer());
    RETURN_IF_ERROR(SortInputs());
    RETURN_IF_ERROR(FindSpans());
    RETURN_IF_ERROR(CheckSpans());
    return Rewrite();
  }

 private:
  absl::Status CheckPlace() const {
    std::vector<const For*> around = place_.enclosing;
    around.push_back(place_.loop);
    for (const For* loop : around) {
      if (loop->marks.kind == LoopKind::kVectorize) {
        return Refuse(action_, absl::StrCat("loop ", loop->var, " is vectorized"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckConsumer() {
    ASSIGN_OR_RETURN(consumer_, schedule::FindOwnNest(program_, action_, stage_.name));
    ASSIGN_OR_RETURN(axis_of_loop_, schedule::AxesOfLoops(action_, consumer_));
    return absl::OkStatus();
  }

  // Splits what the consumer reads into producers inside the loop and the rest,
  // which must be complete.
  absl::Status SortInputs() {
    ReadCollector collector;
    collector.Visit(consumer_.store->value);
    reads_ = std::move(collector.reads);
    absl::flat_hash_set<std::string> read;
    for (const Read* node : reads_) read.insert(node->buffer);

    const For* root = depth_ == 0 ? place_.loop : place_.enclosing.front();
    bool after_root = false;
    bool seen_root = false;
    for (const StoreSite& site : schedule::StoresOf(program_)) {
      bool in_root = !site.loops.empty() && site.loops.front() == root;
      seen_root |= in_root;
      after_root = seen_root && !in_root;
      if (site.store == consumer_.store) {
        if (!after_root) return Refuse(action_, "the stage stands before the loop");
        break;
      }
      if (!read.contains(site.store->buffer)) continue;
      bool inside = site.loops.size() > depth_ && site.loops[depth_] == place_.loop;
      if (inside) {
        if (producers_.contains(site.store->buffer)) {
          return Refuse(action_,
                        absl::StrCat("buffer ", site.store->buffer, " has several stores"));
        }
        if (!site.store->region.empty()) {
          return Refuse(action_, absl::StrCat("stage ", site.store->stage,
                                              ", which it reads, is computed at a loop"));
        }
        producers_.emplace(site.store->buffer, site);
      } else if (in_root || after_root) {
        return Refuse(action_, absl::StrCat("it reads stage ", site.store->stage,
                                            ", which is not complete when the loop runs"));
      }
    }
    if (producers_.empty()) return Refuse(action_, "the loop computes nothing that it reads");
    for (const auto& [buffer, producer] : producers_) {
      for (size_t i = 0; i <= depth_; ++i) {
        const std::string& loop = producer.loops[i]->var;
        schedule::Binds binds = schedule::BindsOf(program_, *producer.store, loop);
        if (binds.reduction && binds.spatial) {
          return Refuse(action_,
                        absl::StrCat("stage ", producer.store->stage, " reduces over loop ", loop,
                                     " and chooses elements by it, so no iteration completes it"));
        }
        if (binds.reduction) reducing_.insert(loop);
      }
    }
    return absl::OkStatus();
  }

  // The span of each axis that some producer's dimension is read at.
  absl::Status FindSpans() {
    spans_.resize(consumer_.store->bindings.size());
    absl::flat_hash_map<std::string, Region> regions;
    for (const Read* read : reads_) {
      auto producer = producers_.find(read->buffer);
      if (producer == producers_.end()) continue;
      auto region = regions.find(read->buffer);
      if (region == regions.end()) {
        ASSIGN_OR_RETURN(Region found, schedule::RegionWritten(action_, producer->second, depth_));
        for (const Expr& condition : found.conditions) {
          ASSIGN_OR_RETURN(bool about_terms, IsAboutTerms(condition));
          if (!about_terms) conditions_.push_back(condition);
        }
        region = regions.emplace(read->buffer, std::move(found)).first;
      }
      RETURN_IF_ERROR(AddRead(*read, region->second));
    }
    return absl::OkStatus();
  }

  // Whether a condition of a producer removes terms of its reduction: the last
  // iteration completes its elements even if it has no term of its own.
  absl::StatusOr<bool> IsAboutTerms(const Expr& condition) const {
    size_t terms = 0;
    absl::flat_hash_set<std::string> used = FreeVars(condition);
    for (const std::string& name : used) terms += reducing_.contains(name);
    if (terms == 0 || terms == used.size()) return terms > 0;
    return Refuse(action_, absl::StrCat("the predicate ", ToText(condition),
                                        " joins loops that reduce with others"));
  }

  absl::Status AddRead(const Read& read, const Region& region) {
    const Buffer& buffer = *program_.FindBuffer(read.buffer);
    absl::flat_hash_set<size_t> used;
    for (size_t d = 0; d < read.indices.size(); ++d) {
      const auto* var = read.indices[d].As<Var>();
      auto found = var ? axis_of_loop_.find(var->name) : axis_of_loop_.end();
      if (found == axis_of_loop_.end() || !used.insert(found->second).second) {
        return Refuse(action_, absl::StrCat("it reads ", ToText(AsExpr(read)),
                                            ", not each dimension at another axis of its own"));
      }
      size_t axis = found->second;
      int64_t extent = AxisAt(axis).extent;
      if (extent > buffer.shape[d]) {
        return Refuse(action_, absl::StrCat("its axis ", AxisAt(axis).name, " is longer than ",
                                            "dimension ", d, " of ", buffer.name));
      }
      Span span = region.spans[d];
      if (extent < buffer.shape[d]) span.limits.push_back({span.base, extent});
      if (!spans_[axis]) {
        spans_[axis] = std::move(span);
        continue;
      }
      Span& known = *spans_[axis];
      if (!schedule::SameLinear(known.base, span.base) || known.extent != span.extent) {
        return Refuse(action_, absl::StrCat("its reads take different regions along axis ",
                                            AxisAt(axis).name));
      }
      known.limits.insert(known.limits.end(), span.limits.begin(), span.limits.end());
    }
    return absl::OkStatus();
  }

  absl::Status CheckSpans() {
    for (size_t axis = 0; axis < spans_.size(); ++axis) {
      int64_t extent = AxisAt(axis).extent;
      if (!spans_[axis]) {
        spans_[axis] = Span{Linear::Of(0), extent, {}};
        continue;
      }
      bool whole = spans_[axis]->base.IsConstant() && spans_[axis]->extent >= extent;
      if (axis >= stage_.spatial.size() && !whole) {
        return Refuse(action_, absl::StrCat("an iteration produces a part of its reduction axis ",
                                            AxisAt(axis).name));
      }
    }
    // Every loop around must choose among the elements, or they would be
    // computed again in each of its iterations; or reduce, so that the last counts.
    for (size_t i = 0; i <= depth_; ++i) {
      const For& loop = i == depth_ ? *place_.loop : *place_.enclosing[i];
      if (loop.extent == 1) continue;
      bool chooses = std::any_of(spans_.begin(), spans_.end(), [&](const auto& span) {
        return UsesVar(span->base.ToExpr(), loop.var);
      });
      bool reduces = reducing_.contains(loop.var);
      if (chooses && reduces) {
        return Refuse(action_, absl::StrCat("loop ", loop.var, " reduces in one producer and ",
                                            "chooses the elements of another"));
      }
      if (reduces) {
        conditions_.push_back(
            MakeBinary(BinaryOp::kLt, MakeInt(loop.extent - 2), MakeVar(loop.var)));
      } else if (!chooses) {
        return Refuse(action_,
                      absl::StrCat("each iteration of loop ", loop.var, " would compute it again"));
      }
    }
    return absl::OkStatus();
  }

  Program Rewrite() const {
    Bounds bounds;
    for (const For* loop : place_.enclosing) bounds[loop->var] = Interval::Of(0, loop->extent - 1);
    bounds[place_.loop->var] = Interval::Of(0, place_.loop->extent - 1);

    Substitution values;
    absl::flat_hash_map<std::string, int64_t> extents;
    for (const auto& [loop, axis] : axis_of_loop_) {
      const Span& span = *spans_[axis];
      int64_t extent = span.extent;
      for (const Span::Limit& limit : span.limits) {
        if (limit.outer.IsConstant()) extent = std::min(extent, limit.bound - limit.outer.constant);
      }
      extents[loop] = extent;
      bounds[loop] = Interval::Of(0, extent - 1);
      Linear value = span.base;
      value.Add(MakeVar(loop), 1);
      values[loop] = value.ToExpr();
    }
    std::vector<Expr> conditions = conditions_;
    for (const For* loop : consumer_.loops) {
      const std::string& var = loop->var;
      for (const Span::Limit& limit : spans_[axis_of_loop_.at(var)]->limits) {
        Linear offset = limit.outer;
        offset.Add(MakeVar(var), 1);
        conditions.push_back(MakeBinary(BinaryOp::kLt, offset.ToExpr(), MakeInt(limit.bound)));
      }
    }

    Stmt nest = Substitute(AsStmt(), values);
    Expr predicate;
    std::vector<Expr> kept;
    for (const Expr& e : conditions) {
      bool known = std::any_of(kept.begin(), kept.end(),
                               [&](const Expr& other) { return StructurallyEqual(e, other); });
      if (known || ProvablyTrue(e, bounds)) continue;
      kept.push_back(e);
      predicate = schedule::And(predicate, e);
    }
    if (predicate) nest = schedule::AddPredicate(nest, predicate);
    for (auto loop = consumer_.loops.rbegin(); loop != consumer_.loops.rend(); ++loop) {
      nest = MakeFor((*loop)->var, extents.at((*loop)->var), {}, std::move(nest));
    }

    const For& into = *place_.loop;
    Stmt with_consumer =
        MakeFor(into.var, into.extent, into.marks, MakeSequence({into.body, nest}));
    Stmt body = schedule::Replace(program_.body, consumer_.loops.front(), Stmt());
    return schedule::WithBody(program_, schedule::Replace(body, &into, with_consumer));
  }

  const Axis& AxisAt(size_t i) const {
    return i < stage_.spatial.size() ? stage_.spatial[i]
                                     : stage_.reduction[i - stage_.spatial.size()];
  }
  static Expr AsExpr(const Read& read) {
    return MakeRead(read.type, read.buffer, read.indices, read.predicate, read.otherwise);
  }
  Stmt AsStmt() const {
    const Store& s = *consumer_.store;
    return MakeStore(s.stage, s.role, s.bindings, s.buffer, s.indices, s.value, s.predicate);
  }

  const Program& program_;
  const std::string action_;
  const StageInfo& stage_;
  const schedule::LoopSite place_;
  const size_t depth_;  // loops around the place

  StoreSite consumer_;
  absl::flat_hash_map<std::string, size_t> axis_of_loop_;  // of the consumer
  std::vector<const Read*> reads_;
  absl::flat_hash_map<std::string, StoreSite> producers_;  // by buffer
  std::vector<std::optional<Span>> spans_;                 // by axis of the consumer
  std::vector<Expr> conditions_;                           // on the iteration itself
  absl::flat_hash_set<std::string> reducing_;              // loops that some producer reduces over
};

}  // namespace

absl::StatusOr<Program> ReverseComputeAt(const Program& program, std::string_view stage,
                                         std::string_view loop) {
  std::string action = absl::StrCat("move stage ", ToAbsl(stage), " into loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(const StageInfo* info, schedule::FindStage(program, action, stage));
  ASSIGN_OR_RETURN(schedule::LoopSite place, schedule::FindLoop(program, action, loop));
  return Move(program, std::move(action), *info, std::move(place)).Run();
}

}  // namespace lathe
