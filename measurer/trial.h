// Executes the runner's jobs.
#ifndef LATHE_MEASURER_TRIAL_H_
#define LATHE_MEASURER_TRIAL_H_

#include <sched.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/batch.h"
#include "measurer/cache_flush.h"
#include "measurer/conditions.h"
#include "measurer/job_memory.h"
#include "measurer/kernel_runtime.h"
#include "measurer/loader.h"
#include "measurer/runner_protocol.h"
#include "measurer/timed_kernel.h"

namespace lathe {

// Holds what survives from job to job: the thread pool, the condition sources, the
// inputs of the functions at work. Make it before entering the sandbox.
class TrialRunner {
 public:
  // Reports its phase in `page`. `largest_cache_bytes` sizes cold-cache eviction.
  // `find_routine` may be null: kernels then have no libraries.
  TrialRunner(RunnerStatusPage* page, uint64_t largest_cache_bytes, RoutineFinder find_routine);

  // Never fails: what goes wrong is the reply's verdict. The descriptors are
  // those of JobKind and stay the caller's.
  RunnerReply Run(const RunnerJob& job, const std::vector<int>& descriptors);

 private:
  // One of the kernels of a job; not movable, because its parts refer to each other.
  struct Entrant {
    Entrant(const RunnerJob& job, size_t number) : job(JobOf(job, number)), number(number) {}
    RunnerJob job;
    size_t number;
    int artifact = -1;  // descriptor
    std::optional<LoadedKernel> kernel;
    InputCache::Inputs inputs;         // of the first seed
    std::vector<std::string> outputs;  // of the first seed, checked
    std::optional<TimedKernel> timed;
    ContenderReply reply;
    double warm_up = 0;  // seconds of the last call that was not timed
    double placing = 0;  // seconds of the last way to another place

    bool ok() const { return reply.verdict == Verdict::kOk; }
    void Fail(Failure failure);
  };
  using Entrants = std::vector<std::unique_ptr<Entrant>>;

  RunnerReply Reference(const RunnerJob& job, const std::vector<int>& descriptors);
  RunnerReply Trial(const RunnerJob& job, const std::vector<int>& descriptors);
  // Says to whoever watches which kernel is at work.
  void Enter(const Entrant& entrant, RunnerStatusPage::Phase phase);
  std::optional<Failure> Check(Entrant& entrant, const std::vector<const char*>& references);
  BatchConditions TimeAlone(Entrant& entrant, double stop_at);
  BatchConditions TimeInTurn(const RunnerJob& job, Entrants& entrants, double stop_at,
                             uint32_t* rounds);
  void TakeRound(Entrants& entrants, size_t block, size_t round);
  void PlaceAnew(Entrant& entrant, bool first, const Entrant* beside);
  void PlaceAll(Entrants& entrants, size_t block, bool first);
  BatchConditions Observe(const RunnerJob& job, double stop_at, const std::function<bool()>& take);
  bool PreparePool(const TimingPlan& plan);
  void Pin(const TimingPlan& plan);

  using Pool = std::unique_ptr<lathe_thread_pool, void (*)(lathe_thread_pool*)>;

  RunnerStatusPage* page_;
  const RoutineFinder find_routine_;
  CacheFlusher flusher_;
  InputCache inputs_;
  ConditionMonitor conditions_;
  RepeatAllowance allowance_;
  const ConditionLimits limits_ = ConditionLimits::ForThisMachine();
  Pool pool_;
  std::vector<int32_t> pool_cpus_;
  cpu_set_t all_cpus_;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_TRIAL_H_
