#include "measurer/timing.h"

#include <algorithm>

namespace lathe {
namespace {

constexpr uint64_t kMaxCalls = uint64_t{1} << 30;
constexpr size_t kAbandonAfter = 5;
constexpr size_t kBudgetFloor = 3;

}  // namespace

uint64_t CalibrateCalls(const TimingPlan& plan, const TimingSource& source) {
  // The first call warms caches and page tables and does not count.
  if (source.time_calls(1) < 0) return 0;
  if (plan.cold) return 1;
  uint64_t calls = 1;
  while (true) {
    double seconds = source.time_calls(calls);
    if (seconds < 0) return 0;
    if (seconds >= plan.min_sample_seconds || calls >= kMaxCalls) return calls;
    // Jump close to the goal, but never more than tenfold on one noisy reading.
    double ratio = seconds > 0 ? plan.min_sample_seconds / seconds * 1.1 : 10;
    ratio = std::clamp(ratio, 1.5, 10.0);
    calls = std::min(
        kMaxCalls, std::max(calls + 1, static_cast<uint64_t>(static_cast<double>(calls) * ratio)));
  }
}

TimingResult TakeSamples(const TimingPlan& plan, const TimingSource& source, uint64_t calls,
                         double deadline) {
  TimingResult result;
  result.calls_per_sample = calls;
  const double budget_ends = source.now() + plan.budget_seconds;
  const size_t min_samples = std::max<size_t>(plan.min_samples, 1);
  const size_t max_samples = std::max<size_t>(plan.max_samples, min_samples);
  while (result.samples.size() < max_samples) {
    if (plan.cold) source.evict_caches();
    double seconds = source.time_calls(calls);
    if (seconds < 0) {
      result.failed = true;
      return result;
    }
    result.samples.push_back(seconds / static_cast<double>(calls));

    const size_t n = result.samples.size();
    const double now = source.now();
    if (n >= kAbandonAfter && plan.abandon_above_seconds > 0 &&
        EstimateMedian(result.samples).low > plan.abandon_above_seconds) {
      result.abandoned = true;
      return result;
    }
    if (now >= deadline || (now >= budget_ends && n >= std::min(kBudgetFloor, min_samples))) break;
    if (n >= min_samples &&
        EstimateMedian(result.samples).RelativeInterval() <= plan.target_relative_interval) {
      break;
    }
  }
  return result;
}

}  // namespace lathe
