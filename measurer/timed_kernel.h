// A checked kernel in memory of its own, ready to be called again and again.
#ifndef LATHE_MEASURER_TIMED_KERNEL_H_
#define LATHE_MEASURER_TIMED_KERNEL_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/cache_flush.h"
#include "measurer/kernel_call.h"
#include "measurer/loader.h"
#include "measurer/timing.h"

namespace lathe {

class TimedKernel {
 public:
  // `job` (see JobOf), `inputs` and `checked_outputs` must outlive it, and so must
  // `pool` and `page`. `flusher` evicts caches for a cold regime.
  TimedKernel(const RunnerJob& job, const std::vector<std::string>& inputs,
              const std::vector<std::string>& checked_outputs, lathe_thread_pool* pool,
              RunnerStatusPage* page, const RoutineFinder& find_routine, CacheFlusher* flusher);

  // Makes arguments in memory that the places before did not have, as far as memory goes,
  // or takes those of `beside`, which was placed before, and prepares what is packed.
  std::optional<Failure> Place(const LoadedKernel& kernel, const TimedKernel* beside = nullptr);

  // How it is sampled; valid while this lives.
  TimingSource Source();
  // CalibrateCalls, kept for Sample; a failure when a call failed.
  std::optional<Failure> Calibrate();
  uint64_t calls() const { return calls_; }

  // The failure of the last call, if it failed.
  std::optional<Failure> CallFailure() const;
  // Many calls on the same memory must have left what the checked one did. Another
  // kernel's calls may have come after: it is called once more where memory is shared.
  std::optional<Failure> Verify();

 private:
  // Keeps the memory of the last places: what is freed would be the next place again.
  void Retire();
  double Time(uint64_t calls);
  void EvictCaches();

  const RunnerJob& job_;
  const std::vector<std::string>& inputs_;
  const std::vector<std::string>& checked_outputs_;
  RunnerStatusPage* page_;
  CacheFlusher* flusher_;
  const KernelRuntime::Options options_;
  const double clock_overhead_;
  lathe_kernel_fn function_ = nullptr;
  std::optional<KernelArguments> arguments_;
  std::deque<KernelArguments> retired_;  // latest last
  std::optional<KernelRuntime> runtime_;
  std::vector<MemoryRange> memory_;  // what a call may read or write
  uint64_t calls_ = 0;
  int32_t code_ = 0;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_TIMED_KERNEL_H_
