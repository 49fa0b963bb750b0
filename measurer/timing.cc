#include "measurer/timing.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lathe {
namespace {

constexpr uint64_t kMaxCalls = uint64_t{1} << 30;
constexpr size_t kAbandonAfter = 5;
constexpr size_t kBudgetFloor = 3;
// Samples of one place in memory, at least, and how many times longer they take than
// the way to the next one.
constexpr size_t kSamplesOfAPlace = 4;
constexpr double kStay = 4;

}  // namespace

double ClockOverhead(const std::function<double()>& now) {
  constexpr size_t kReadings = 101;
  std::vector<double> intervals;
  for (size_t i = 0; i < kReadings; ++i) {
    const double start = now();
    intervals.push_back(now() - start);
  }
  return Median(std::move(intervals));
}

uint64_t CalibrateCalls(const TimingPlan& plan, const TimingSource& source, double clock_overhead) {
  // The first call warms caches and page tables and does not count.
  if (source.time_calls(1) < 0) return 0;
  if (plan.cold) {
    constexpr double kOutlast = 100;
    constexpr double kMaxColdCalls = 100;
    const double call = TakeSample(plan, source, 1);
    if (call < 0) return 0;
    if (call == 0) return static_cast<uint64_t>(kMaxColdCalls);
    return static_cast<uint64_t>(
        std::clamp(std::ceil(kOutlast * clock_overhead / call), 1.0, kMaxColdCalls));
  }
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

double TakeSample(const TimingPlan& plan, const TimingSource& source, uint64_t calls) {
  double seconds = 0;
  if (plan.cold) {
    for (uint64_t i = 0; i < calls; ++i) {
      source.evict_caches();
      const double call = source.time_calls(1);
      if (call < 0) return -1;
      seconds += call;
    }
  } else {
    seconds = source.time_calls(calls);
  }
  return seconds < 0 ? -1 : seconds / static_cast<double>(calls);
}

TimingResult TakeSamples(const TimingPlan& plan, const TimingSource& source, uint64_t calls,
                         double deadline) {
  TimingResult result;
  result.calls_per_sample = calls;
  const double budget_ends = source.now() + plan.budget_seconds;
  const size_t min_samples = std::max<size_t>(plan.min_samples, 1);
  const size_t max_samples = std::max<size_t>(plan.max_samples, min_samples);
  size_t first_of_place = 0;
  double placed = source.now(), placing = source.placing;
  auto is_due = [&] {
    if (!source.place_anew || result.samples.size() < first_of_place + kSamplesOfAPlace) {
      return false;
    }
    const double now = source.now();
    return now - placed >= kStay * placing && now + placing < std::min(deadline, budget_ends);
  };
  // Another place, with warm caches again.
  auto move = [&] {
    const double start = source.now();
    if (!source.place_anew() || (!plan.cold && source.time_calls(1) < 0)) return false;
    placed = source.now();
    placing = placed - start;
    first_of_place = result.samples.size();
    return true;
  };
  while (result.samples.size() < max_samples) {
    if (is_due() && !move()) {
      result.failed = true;
      return result;
    }
    const double seconds = TakeSample(plan, source, calls);
    if (seconds < 0) {
      result.failed = true;
      return result;
    }
    result.samples.push_back(seconds);

    const size_t n = result.samples.size();
    const double now = source.now();
    const double limit = plan.abandon_above_seconds;
    const bool hopeless = n == 2 && std::min(result.samples[0], result.samples[1]) > 2 * limit;
    if (limit > 0 &&
        (hopeless || (n >= kAbandonAfter && EstimateMedian(result.samples).low > limit))) {
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
