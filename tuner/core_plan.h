// Which CPUs time and which compile: never the same core at once.
#ifndef LATHE_TUNER_CORE_PLAN_H_
#define LATHE_TUNER_CORE_PLAN_H_

#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

struct CpuInfo {
  int cpu = 0;   // logical CPU
  int core = 0;  // any number that its SMT siblings share
};

// The CPUs this process may use, from its affinity and sysfs; ascending.
std::vector<CpuInfo> AvailableCpus();

struct CorePlan {
  std::vector<int> measure_cpus;
  std::vector<int> build_cpus;  // one worker each
  // No core is spare: compiling and timing must alternate.
  bool alternate = false;
};

// `threads` kernel threads on distinct cores where there are enough;
// `requested` CPUs to measure on, empty: chosen from the end, as the system's
// own work tends to be on the first. InvalidArgument for threads below one or
// above the CPUs, or for a CPU that is not available.
absl::StatusOr<CorePlan> PlanCores(const std::vector<CpuInfo>& available, int threads,
                                   const std::vector<int>& requested);

}  // namespace lathe

#endif  // LATHE_TUNER_CORE_PLAN_H_
