#include "compiler/space/loop_plan.h"

#include <algorithm>

#include "compiler/space/register_tile.h"

namespace lathe {

PlannedLoop LoopPlan::Whole(const AxisLoop& loop, bool reduction) {
  PlannedLoop whole;
  whole.name = whole.axis = loop.var;
  whole.extent = loop.extent;
  whole.trips = static_cast<double>(loop.extent);
  whole.reduction = reduction;
  return whole;
}

std::pair<PlannedLoop, PlannedLoop> LoopPlan::Split(const PlannedLoop& loop, int64_t factor,
                                                    int64_t unit) {
  splits_.push_back({loop.name, factor});
  PlannedLoop outer = loop, inner = loop;
  outer.name = loop.name + ".o";
  inner.name = loop.name + ".i";
  outer.step = loop.step * factor;
  outer.extent = (loop.extent + factor - 1) / factor;
  inner.extent = factor;
  inner.trips = static_cast<double>(factor);
  int64_t units = (loop.extent + unit - 1) / unit * unit;
  // The outer loop may be ragged already: its average counts.
  double missing = static_cast<double>(loop.extent) - loop.trips;
  outer.trips = partition_ ? (static_cast<double>(units) - missing) / static_cast<double>(factor)
                           : static_cast<double>(outer.extent);
  outer.trips = std::max(outer.trips, 1.0 / static_cast<double>(factor));
  outer.ragged = loop.ragged || loop.extent % factor != 0;
  inner.ragged = loop.ragged;
  return {outer, inner};
}

void LoopPlan::EmitSplits(TraceBuilder& trace) const {
  for (const PlannedSplit& split : splits_) trace.Split(split.loop, split.factor);
}

void LoopPlan::EmitOrder(TraceBuilder& trace) const {
  std::vector<std::string> order;
  for (const PlannedLoop& loop : loops) order.push_back(loop.name);
  if (order.size() > 1) trace.Reorder(order);
}

void LoopPlan::Mark(MarkList& marks) const {
  for (const PlannedLoop& loop : loops) {
    if (loop.kind == ModelLoopKind::kVector) marks.Vectorize(loop.name);
    if (loop.kind == ModelLoopKind::kUnrolled) marks.Unroll(loop.name);
    if (loop.kind == ModelLoopKind::kParallel) marks.Add("parallel", {loop.name});
  }
  for (const PlannedLoop& loop : loops) {
    bool code = loop.kind == ModelLoopKind::kSerial || loop.kind == ModelLoopKind::kParallel;
    if (partition_ && loop.ragged && code) marks.Partition(loop.name);
  }
}

std::vector<ModelLoop> LoopPlan::ModelLoops() const {
  std::vector<ModelLoop> result;
  for (const PlannedLoop& loop : loops) result.push_back({loop.trips, loop.kind, loop.reduction});
  return result;
}

}  // namespace lathe
