// Executes the runner's jobs.
#ifndef LATHE_MEASURER_TRIAL_H_
#define LATHE_MEASURER_TRIAL_H_

#include <sched.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/conditions.h"
#include "measurer/kernel_runtime.h"
#include "measurer/loader.h"
#include "measurer/runner_protocol.h"

namespace lathe {

// Holds what survives from job to job: the thread pool, the condition sources
// and the memory that evicts caches. Make it before entering the sandbox.
class TrialRunner {
 public:
  // Reports its phase in `page`. `largest_cache_bytes` sizes cold-cache eviction.
  // `find_routine` may be null: kernels then have no libraries.
  TrialRunner(RunnerStatusPage* page, uint64_t largest_cache_bytes, RoutineFinder find_routine);

  // Never fails: what goes wrong is the reply's verdict. The descriptors are
  // those of JobKind and stay the caller's.
  RunnerReply Run(const RunnerJob& job, const std::vector<int>& descriptors);

 private:
  RunnerReply Reference(const RunnerJob& job, const std::vector<int>& descriptors);
  RunnerReply Trial(const RunnerJob& job, const std::vector<int>& descriptors);
  void Time(const RunnerJob& job, const LoadedKernel& kernel, double deadline,
            const std::vector<std::string>& checked_outputs, RunnerReply* reply);
  bool PreparePool(const TimingPlan& plan);
  void Pin(const TimingPlan& plan);
  void EvictCaches();

  using Pool = std::unique_ptr<lathe_thread_pool, void (*)(lathe_thread_pool*)>;

  RunnerStatusPage* page_;
  uint64_t evict_bytes_;
  const RoutineFinder find_routine_;
  std::vector<char> evict_;
  ConditionMonitor conditions_;
  Pool pool_;
  std::vector<int32_t> pool_cpus_;
  cpu_set_t all_cpus_;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_TRIAL_H_
