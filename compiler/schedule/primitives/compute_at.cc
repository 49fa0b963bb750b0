// compute_at: a producer moves into a loop of its consumers, where each
// iteration computes the region that its reads need, perhaps again.
//
//   for p.i in 22 { p[p.i] = ... }
//   for o in 5 { for i in 4 { y[o * 4 + i] = p[o * 4 + i] + p[o * 4 + i + 2] } }
// compute_at(p, o) ->
//   for o in 5 {
//     for p.i in 6 { within [o * 4: 6]: p[o * 4 + p.i] = ... }
//     for i in 4 { y[o * 4 + i] = p[o * 4 + i] + p[o * 4 + i + 2] }
//   }
//
// The region is the bounding box of what an iteration reads: intervals of the
// subscripts with the loops at and around the place held fixed. A predicate
// keeps it within the stage's domain. Legal when
//   - the stage stands at the root with nothing else in its loops, which are
//     unmarked and one per axis;
//   - if it is an output, the regions of all iterations are its domain, each
//     element once (rule coverage of the verifier): its store has no region then;
//   - every read of its buffer is inside the loop;
//   - no loop at or around the place is vectorised.
// That what it reads itself is complete at the new place, the verifier checks.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/buffer_accesses.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/index_range.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

using schedule::Refuse;

// One move, from check to rewrite.
class Move {
 public:
  Move(const Program& program, std::string action, const StageInfo& stage, schedule::LoopSite place)
      : program_(program),
        action_(std::move(action)),
        stage_(stage),
        place_(std::move(place)),
        buffer_(nullptr) {
    around_ = place_.enclosing;
    around_.push_back(place_.loop);
    for (const For* loop : around_) {
      outside_.insert(loop->var);
      bounds_[loop->var] = Interval::Of(0, loop->extent - 1);
    }
  }

  absl::StatusOr<Program> Run() {
    for (const For* loop : around_) {
      if (loop->marks.kind == LoopKind::kVectorize) {
        return Refuse(action_, absl::StrCat("loop ", loop->var, " is vectorized"));
      }
    }
    ASSIGN_OR_RETURN(producer_, schedule::FindOwnNest(program_, action_, stage_.name));
    ASSIGN_OR_RETURN(axis_of_loop_, schedule::AxesOfLoops(action_, producer_));
    buffer_ = program_.FindBuffer(producer_.store->buffer);
    is_output_ = buffer_->access == Access::kOutput;
    if (!is_output_) RETURN_IF_ERROR(schedule::CheckIntermediate(action_, *buffer_));
    RETURN_IF_ERROR(FindReads());
    for (size_t d = 0; d < stage_.spatial.size(); ++d) spans_.push_back(SpanOf(d));
    Program result = Rewrite();
    if (!is_output_) return result;
    absl::Status legal = Verify(result);
    if (legal.ok()) return result;
    return Refuse(action_, absl::StrCat("its buffer ", buffer_->name, " is an output, and ",
                                        legal.message()));
  }

 private:
  absl::Status FindReads() {
    auto accesses = CollectAccesses(program_.body);
    for (BufferAccess& access : accesses[buffer_->name]) {
      if (access.is_write) continue;
      auto loop = std::find(access.path.begin(), access.path.end(), place_.loop);
      if (loop == access.path.end()) {
        const auto& store = *static_cast<const Store*>(access.path.back());
        return Refuse(action_,
                      absl::StrCat("stage ", store.stage, " reads it outside of the loop"));
      }
      if (before_ == nullptr) {
        ++loop;
        if ((*loop)->kind == StmtKind::kSequence) ++loop;
        before_ = *loop;
      }
      for (Expr& index : access.indices) index = Simplify(index, access.bounds);
      reads_.push_back(std::move(access));
    }
    if (reads_.empty()) return Refuse(action_, "nothing reads it");
    return absl::OkStatus();
  }

  // What an iteration reads of dimension `d`; all of it where the reads do not
  // move in step.
  AxisSpan SpanOf(size_t d) const {
    const int64_t extent = stage_.spatial[d].extent;
    std::optional<Linear> fixed;
    std::optional<Interval> hull;
    for (const BufferAccess& read : reads_) {
      SplitIndex index = SplitAt(read.indices[d], outside_, read.bounds);
      ClipRange(read.conditions, &index);
      if (!fixed) fixed = index.fixed;
      if (ConstantDifference(*fixed, index.fixed) != 0 || !index.range.bounded()) {
        return {MakeInt(0), extent};
      }
      hull = hull ? Hull(*hull, index.range) : index.range;
    }
    if (fixed->IsConstant()) {
      hull->min = std::max<int64_t>(*hull->min, 0);
      hull->max = std::min(*hull->max, extent - 1);
    }
    int64_t needed = *hull->max - *hull->min + 1;
    if (needed < 1 || needed >= extent) return {MakeInt(0), extent};
    fixed->constant += *hull->min;
    return {fixed->ToExpr(), needed};
  }

  Program Rewrite() {
    const Store& old = *producer_.store;
    Substitution values;
    absl::flat_hash_map<std::string, int64_t> extents;
    for (const For* loop : producer_.loops) {
      extents[loop->var] = loop->extent;
      size_t axis = axis_of_loop_.at(loop->var);
      if (axis >= spans_.size()) continue;
      extents[loop->var] = spans_[axis].extent;
      values[loop->var] = Simplify(spans_[axis].base + MakeVar(loop->var));
    }
    for (const auto& [loop, extent] : extents) bounds_[loop] = Interval::Of(0, extent - 1);
    Stmt moved = Substitute(MakeStore(old.stage, old.role, old.bindings, old.buffer, old.indices,
                                      old.value, old.predicate),
                            values);
    const auto& store = *moved.As<Store>();
    Expr predicate = store.predicate;
    for (size_t d = 0; d < spans_.size(); ++d) {
      const Expr& value = store.bindings[d].second;
      for (const Expr& inside :
           {MakeBinary(BinaryOp::kGe, value, MakeInt(0)),
            MakeBinary(BinaryOp::kLt, value, MakeInt(stage_.spatial[d].extent))}) {
        if (!ProvablyTrue(inside, bounds_)) predicate = schedule::And(predicate, inside);
      }
    }
    Stmt nest = MakeStore(store.stage, store.role, store.bindings, store.buffer, store.indices,
                          store.value, predicate, is_output_ ? std::vector<AxisSpan>() : spans_);
    for (auto loop = producer_.loops.rbegin(); loop != producer_.loops.rend(); ++loop) {
      nest = MakeFor((*loop)->var, extents.at((*loop)->var), {}, std::move(nest));
    }
    Stmt body = schedule::Replace(program_.body, producer_.loops.front(), Stmt());
    return schedule::WithBody(program_, schedule::InsertBefore(body, before_, nest));
  }

  const Program& program_;
  const std::string action_;
  const StageInfo& stage_;
  const schedule::LoopSite place_;
  std::vector<const For*> around_;  // the place, the innermost last
  absl::flat_hash_set<std::string> outside_;
  Bounds bounds_;

  StoreSite producer_;
  const Buffer* buffer_;
  bool is_output_ = false;
  absl::flat_hash_map<std::string, size_t> axis_of_loop_;
  std::vector<BufferAccess> reads_;
  const StmtNode* before_ = nullptr;  // what the producer is put before
  std::vector<AxisSpan> spans_;       // by spatial axis
};

}  // namespace

absl::StatusOr<Program> ComputeAt(const Program& program, std::string_view stage,
                                  std::string_view loop) {
  std::string action = absl::StrCat("compute stage ", ToAbsl(stage), " at loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(const StageInfo* info, schedule::FindStage(program, action, stage));
  ASSIGN_OR_RETURN(schedule::LoopSite place, schedule::FindLoop(program, action, loop));
  return Move(program, std::move(action), *info, std::move(place)).Run();
}

}  // namespace lathe
