#include "compiler/space/loop_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

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

void LoopPlan::MakeParallel(size_t first, size_t end, int threads) {
  std::vector<int64_t> extents;
  for (size_t l = first; l < end; ++l) extents.push_back(loops[l].extent);
  size_t count = LoopsForThreads(extents, threads);
  for (size_t l = first; l < first + count; ++l) loops[l].kind = ModelLoopKind::kParallel;
}

void LoopPlan::Mark(TraceBuilder& trace, MarkList& marks) const {
  std::vector<std::string> parallel;
  for (const PlannedLoop& loop : loops) {
    if (loop.kind == ModelLoopKind::kVector) marks.Vectorize(loop.name);
    if (loop.kind == ModelLoopKind::kUnrolled) marks.Unroll(loop.name);
    if (loop.kind == ModelLoopKind::kParallel) parallel.push_back(loop.name);
  }
  for (const PlannedLoop& loop : loops) {
    bool code = loop.kind == ModelLoopKind::kSerial || loop.kind == ModelLoopKind::kParallel;
    if (partition_ && loop.ragged && code) marks.Partition(loop.name);
  }
  if (!parallel.empty()) EmitParallel(parallel, trace, marks);
}

std::vector<ModelLoop> LoopPlan::ModelLoops() const {
  std::vector<ModelLoop> result;
  for (const PlannedLoop& loop : loops) result.push_back({loop.trips, loop.kind, loop.reduction});
  return result;
}

size_t LoopsForThreads(std::span<const int64_t> extents, int threads) {
  size_t count = 1;
  int64_t tasks = extents.empty() ? 1 : extents.front();
  while (count < extents.size() && tasks < kTasksPerThread * threads) tasks *= extents[count++];
  return count;
}

std::string FuseLoops(std::span<const std::string> loops, TraceBuilder& trace) {
  std::string fused = loops.front();
  for (size_t l = 1; l < loops.size(); ++l) {
    fused = trace.Fuse(fused, loops[l], absl::StrCat(loops.front(), ".f", l));
  }
  return fused;
}

void EmitParallel(std::span<const std::string> loops, TraceBuilder& trace, MarkList& marks) {
  std::string fused = FuseLoops(loops, trace);
  marks.Redirect(loops, fused);
  marks.Add("parallel", {fused});
}

NestModel NestOver(std::span<const PlannedLoop> loops, int element_bytes) {
  NestModel nest;
  nest.element_bytes = element_bytes;
  for (const PlannedLoop& loop : loops) {
    nest.loops.push_back({loop.trips, loop.kind, loop.reduction});
  }
  return nest;
}

NestModel ContractionNest(const Contraction& contraction, std::span<const PlannedLoop> loops) {
  NestModel nest = NestOver(loops, contraction.element_bytes);
  nest.multiply_adds = contraction.operations.multiply_adds;
  nest.arithmetic = contraction.operations.arithmetic;
  nest.divisions = contraction.operations.divisions;
  nest.elementary = contraction.operations.elementary;
  for (const FusedProducer& producer : contraction.producers) {
    nest.arithmetic += producer.operations.arithmetic;
    nest.divisions += producer.operations.divisions;
    nest.elementary += producer.operations.elementary;
  }
  for (const ContractionOperand& operand : contraction.operands) {
    nest.accesses.push_back(
        {operand.number, operand.element_bytes, false,
         StridesOver(loops, [&](const std::string& axis) { return operand.StrideOf(axis); })});
  }
  return nest;
}

}  // namespace lathe
