// Loops of a plan while it takes shape: what each is called, and how far one
// iteration moves along which axis. Emission and model read the same list.
#ifndef LATHE_COMPILER_SPACE_LOOP_PLAN_H_
#define LATHE_COMPILER_SPACE_LOOP_PLAN_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/space/contraction.h"
#include "compiler/space/register_tile.h"

namespace lathe {

struct PlannedLoop {
  std::string name;
  std::string axis;     // loop of the naive nest
  int64_t step = 1;     // elements of the axis per iteration
  int64_t extent = 1;   // as built
  double trips = 1;     // on average, as ModelLoop has it
  bool ragged = false;  // the last iteration is not full
  ModelLoopKind kind = ModelLoopKind::kSerial;
  bool reduction = false;
};

struct PlannedSplit {
  std::string loop;
  int64_t factor = 1;
};

class LoopPlan {
 public:
  // `partition`: last iterations are code of their own.
  explicit LoopPlan(bool partition) : partition_(partition) {}

  static PlannedLoop Whole(const AxisLoop& loop, bool reduction = false);
  // Splits off the inner `factor` iterations. `unit`: the inner loop does its
  // work in units of so many.
  std::pair<PlannedLoop, PlannedLoop> Split(const PlannedLoop& loop, int64_t factor,
                                            int64_t unit = 1);

  std::vector<PlannedLoop> loops;  // outermost first
  const std::vector<PlannedSplit>& splits() const { return splits_; }
  void EmitSplits(TraceBuilder& trace) const;
  // Puts the loops from `first` on in this order.
  void EmitOrder(TraceBuilder& trace) const;
  // The loops from `first` on, before `end`, become one parallel loop, as many of
  // them as the threads need.
  void MakeParallel(size_t first, size_t end, int threads);
  // Kinds, and partitions where wanted; parallel loops are fused.
  void Mark(TraceBuilder& trace, MarkList& marks) const;
  std::vector<ModelLoop> ModelLoops() const;

 private:
  const bool partition_;
  std::vector<PlannedSplit> splits_;
};

// Parallel grain: so many iterations for each thread, and none waits long for the
// last. LoopsForThreads: how many loops of these extents, from the first on, make
// one loop that has them; 1 at least.
inline constexpr int64_t kTasksPerThread = 4;
size_t LoopsForThreads(std::span<const int64_t> extents, int threads);
// Fuses `loops`, perfectly nested, outermost first, into one; returns its name.
std::string FuseLoops(std::span<const std::string> loops, TraceBuilder& trace);
// The same, and marks it parallel; marks that `loops` have already are about it
// then. After all other rewrites.
void EmitParallel(std::span<const std::string> loops, TraceBuilder& trace, MarkList& marks);

// Elements per iteration of each loop, for an access that moves `stride`
// elements along an axis.
template <typename StrideOf>
std::vector<int64_t> StridesOver(std::span<const PlannedLoop> loops, StrideOf stride_of) {
  std::vector<int64_t> strides;
  for (const PlannedLoop& loop : loops) strides.push_back(stride_of(loop.axis) * loop.step);
  return strides;
}

// A nest of these loops, as yet without operations or accesses.
NestModel NestOver(std::span<const PlannedLoop> loops, int element_bytes);
// What the contraction does in these loops, inlined producers included, but for
// the writing of its result: operands are read as they stand.
NestModel ContractionNest(const Contraction& contraction, std::span<const PlannedLoop> loops);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_LOOP_PLAN_H_
