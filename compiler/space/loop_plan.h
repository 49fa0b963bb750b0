// Loops of a plan while it takes shape: what each is called, and how far one
// iteration moves along which axis. Emission and model read the same list.
#ifndef LATHE_COMPILER_SPACE_LOOP_PLAN_H_
#define LATHE_COMPILER_SPACE_LOOP_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/space/contraction.h"

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
  // Kinds, and partitions where wanted.
  void Mark(class MarkList& marks) const;
  std::vector<ModelLoop> ModelLoops() const;

 private:
  const bool partition_;
  std::vector<PlannedSplit> splits_;
};

// Elements per iteration of each loop, for an access that moves `stride`
// elements along an axis.
template <typename StrideOf>
std::vector<int64_t> StridesOver(const std::vector<PlannedLoop>& loops, StrideOf stride_of) {
  std::vector<int64_t> strides;
  for (const PlannedLoop& loop : loops) strides.push_back(stride_of(loop.axis) * loop.step);
  return strides;
}

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_LOOP_PLAN_H_
