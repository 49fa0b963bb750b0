// Which memory a schedule touches, and what moves between the levels of caches.
#ifndef LATHE_COMPILER_ANALYSIS_TRAFFIC_H_
#define LATHE_COMPILER_ANALYSIS_TRAFFIC_H_

#include <array>
#include <vector>

#include "compiler/analysis/core_model.h"
#include "compiler/analysis/schedule_model.h"

namespace lathe {

// Of one nest, in one call.
struct NestTraffic {
  double footprint_bytes = 0;  // distinct lines of all loops
  double inner_bytes = 0;      // of one run of the innermost serial loop
  // Bytes that come from (and, written, go back to) the level beyond L1, L2, L3;
  // cycles that they take, scattered rows dearer.
  std::array<double, kNumMemoryLevels> bytes = {}, cycles = {};
  double pages = 0;         // beyond those of the first-level TLB
  double packed_bytes = 0;  // of what is written and read again by later nests
};

// Of each nest of `model`, in its order. Caches are taken to be least-recently-used,
// with the sets that rows of equal distance share; data that fits is there from the
// call before.
std::vector<NestTraffic> TrafficOf(const ScheduleModel& model, const Target& target,
                                   const CoreModel& core);

// The index of the innermost loop that is neither unrolled nor a vector; the
// number of loops where there is none.
size_t InnermostSerialLoop(const NestModel& nest);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_TRAFFIC_H_
