// The least time that a machine needs for a piece of work (Williams, Waterman
// and Patterson, Roofline, Communications of the ACM 52(4), 2009).
#ifndef LATHE_COMPILER_ANALYSIS_ROOFLINE_H_
#define LATHE_COMPILER_ANALYSIS_ROOFLINE_H_

#include <cstdint>
#include <string_view>

#include "compiler/tensor/function.h"

namespace lathe {

// What the machine can do at most, measured by probes; both positive.
struct MachinePeaks {
  double flops_per_second = 0;
  double bytes_per_second = 0;
};

enum class LimitingResource : uint8_t { kArithmetic, kMemory };
std::string_view Name(LimitingResource resource);  // "arithmetic", "memory"

struct Roofline {
  double intensity = 0;         // flops per byte; infinity when no byte moves
  double seconds = 0;           // no implementation is faster
  double flops_per_second = 0;  // at that time
  LimitingResource limit = LimitingResource::kArithmetic;
};

// Arithmetic and memory work at the same time: the slower one is the bound.
Roofline RooflineOf(const Work& work, const MachinePeaks& peaks);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_ROOFLINE_H_
