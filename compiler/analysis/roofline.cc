#include "compiler/analysis/roofline.h"

#include <algorithm>
#include <cmath>

#include "compiler/base/check.h"

namespace lathe {

std::string_view Name(LimitingResource resource) {
  return resource == LimitingResource::kArithmetic ? "arithmetic" : "memory";
}

Roofline RooflineOf(const Work& work, const MachinePeaks& peaks) {
  CHECK(peaks.flops_per_second > 0 && peaks.bytes_per_second > 0) << "peaks were not measured";
  const double arithmetic = work.flops / peaks.flops_per_second;
  const double memory = work.bytes / peaks.bytes_per_second;
  Roofline roofline;
  roofline.intensity = work.bytes > 0 ? work.flops / work.bytes : INFINITY;
  roofline.seconds = std::max(arithmetic, memory);
  roofline.flops_per_second = roofline.seconds > 0 ? work.flops / roofline.seconds : 0;
  roofline.limit = arithmetic >= memory ? LimitingResource::kArithmetic : LimitingResource::kMemory;
  return roofline;
}

}  // namespace lathe
