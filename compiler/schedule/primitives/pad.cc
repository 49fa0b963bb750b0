// pad: a copy of a buffer with its border, so that guarded reads need no guard.
//
//   for i in 8 { y[i] = (x[i - 1] if i >= 1 else 0) + (x[i + 1] if i + 1 < 8 else 0) }
// P = pad(x) ->
//   for P.d0 in 10 { P[P.d0] = (x[P.d0 - 1] if P.d0 - 1 >= 0 and P.d0 - 1 < 8 else 0) }
//   for i in 8 { y[i] = P[i] + P[i + 2] }
//
// The border is as wide as the guarded reads reach. compute_at then makes it per
// block; inline undoes it. Legal when every guard says just that the element is
// inside, all yield the same constant otherwise, and the buffer is complete at
// the root before the first nest that reads it. Reads without a guard stay.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/bounds.h"
#include "compiler/loop/buffer_accesses.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/index_range.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/copy_stage.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

bool Matches(const Expr& condition, const Linear& expected) {
  std::optional<Linear> sum = AsNonNegative(condition);
  return sum && ConstantDifference(*sum, expected) == 0;
}

// Whether `read` is guarded by "the element is inside", no more and no less.
bool GuardIsBorder(const Read& read, const Buffer& buffer, const Bounds& bounds) {
  std::vector<Expr> conditions = Conjuncts(read.predicate);
  std::vector<Linear> borders;
  for (size_t d = 0; d < read.indices.size(); ++d) {
    Linear low = LinearOf(read.indices[d]);  // index >= 0
    Linear high = Linear::Of(buffer.shape[d] - 1);
    high.Add(low, -1);  // extent - 1 - index >= 0
    for (Linear* border : {&low, &high}) {
      bool stated = std::any_of(conditions.begin(), conditions.end(),
                                [&](const Expr& c) { return Matches(c, *border); });
      Interval range = BoundsOf(*border, 1, bounds);
      if (!stated && !(range.min && *range.min >= 0)) return false;
      borders.push_back(*border);
    }
  }
  return std::all_of(conditions.begin(), conditions.end(), [&](const Expr& condition) {
    return std::any_of(borders.begin(), borders.end(),
                       [&](const Linear& border) { return Matches(condition, border); });
  });
}

// The guarded reads of one buffer: what they reach, and what they yield outside.
class Reach : public StmtVisitor {
 public:
  Reach(const Buffer& buffer, std::string action) : buffer_(buffer), action_(std::move(action)) {
    for (int64_t extent : buffer.shape) ranges.push_back(Interval::Of(0, extent - 1));
  }
  std::vector<Interval> ranges;  // of each subscript, the buffer's own included
  Expr otherwise;
  absl::Status status;

 protected:
  void VisitFor(const For& node) override {
    bounds_[node.var] = Interval::Of(0, node.extent - 1);
    StmtVisitor::VisitFor(node);
    bounds_.erase(node.var);
  }
  void VisitStore(const Store& node) override {
    conditions_ = Conjuncts(node.predicate);
    stage_ = node.stage;
    StmtVisitor::VisitStore(node);
  }
  void VisitRead(const Read& node) override {
    StmtVisitor::VisitRead(node);
    if (node.buffer != buffer_.name || !node.predicate) return;
    if (!GuardIsBorder(node, buffer_, bounds_)) {
      return Fail("under a guard that is not just its border");
    }
    bool constant = node.otherwise.As<FloatImm>() || node.otherwise.As<IntImm>();
    if (!constant || (otherwise && !StructurallyEqual(otherwise, node.otherwise))) {
      return Fail(constant ? "with several values outside" : "with no constant outside");
    }
    otherwise = node.otherwise;
    for (size_t d = 0; d < node.indices.size(); ++d) {
      SplitIndex index = SplitAt(node.indices[d], {}, bounds_);
      ClipRange(conditions_, &index);
      if (!index.range.bounded()) return Fail("at a subscript without bounds");
      ranges[d] = Hull(ranges[d], index.range);
    }
  }

 private:
  void Fail(const std::string& how) {
    if (!status.ok()) return;
    status = schedule::Refuse(action_, absl::StrCat("stage ", stage_, " reads it ", how));
  }

  const Buffer& buffer_;
  const std::string action_;
  Bounds bounds_;
  std::vector<Expr> conditions_;  // of the store around
  std::string stage_;
};

}  // namespace

absl::StatusOr<Program> Pad(const Program& program, std::string_view buffer_name,
                            std::string_view name) {
  std::string action = absl::StrCat("pad buffer ", ToAbsl(buffer_name));
  ASSIGN_OR_RETURN(const Buffer* buffer, schedule::FindBuffer(program, action, buffer_name));
  Reach reach(*buffer, action);
  reach.Visit(program.body);
  RETURN_IF_ERROR(reach.status);
  if (!reach.otherwise) return schedule::Refuse(action, "no read of it has a guard");

  schedule::CopyStage copy(*buffer, std::string(name));
  std::vector<Expr> source;
  for (size_t d = 0; d < buffer->shape.size(); ++d) {
    const Interval& range = reach.ranges[d];
    Expr index = copy.AddAxis({absl::StrCat("d", d), *range.max - *range.min + 1});
    source.push_back(Simplify(index + *range.min));
  }
  copy.SetSource(source, reach.otherwise);
  return copy.Insert(program, action, [&](const Read& read, const Bounds& bounds) -> Expr {
    if (!read.predicate) return Expr();
    std::vector<Expr> indices;
    for (size_t d = 0; d < read.indices.size(); ++d) {
      indices.push_back(Simplify(read.indices[d] - *reach.ranges[d].min, bounds));
    }
    return MakeRead(read.type, copy.name(), std::move(indices));
  });
}

}  // namespace lathe
