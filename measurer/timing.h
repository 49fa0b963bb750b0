// How a kernel's calls are sampled: calibration, stopping, early abandonment.
#ifndef LATHE_MEASURER_TIMING_H_
#define LATHE_MEASURER_TIMING_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "measurer/runner_protocol.h"
#include "measurer/statistics.h"

namespace lathe {

// What sampling needs from the world; injected, so that tests run on a fake clock.
struct TimingSource {
  // Calls the kernel `calls` times; the seconds that took. Negative: it failed.
  std::function<double(uint64_t calls)> time_calls;
  std::function<double()> now;         // seconds, monotonic
  std::function<void()> evict_caches;  // before every call of a cold regime
  // Puts kernel and arguments in other memory; false: that failed. Empty: they stay.
  std::function<bool()> place_anew = nullptr;
  double placing = 0;  // seconds that place_anew is expected to take
};

// What reading the clock twice takes: the median of many empty intervals.
double ClockOverhead(const std::function<double()>& now);

struct TimingResult {
  std::vector<double> samples;  // seconds a call, in order of measurement
  uint64_t calls_per_sample = 0;
  bool abandoned = false;
  bool failed = false;  // a call failed
};

// Calls per sample that make a sample last plan.min_sample_seconds, found by
// growing their number, which is also the warm-up. In a cold regime calls are timed one
// by one, and few are needed: so many that they outlast `clock_overhead` (seconds) a
// hundredfold. 0 when a call failed.
uint64_t CalibrateCalls(const TimingPlan& plan, const TimingSource& source,
                        double clock_overhead = 0);

// One sample, seconds a call; negative when a call failed. In a cold regime the mean
// of single calls, each after an eviction that is not timed.
double TakeSample(const TimingPlan& plan, const TimingSource& source, uint64_t calls);

// Takes samples until the median's interval is within the plan's target (after
// min_samples), or max_samples, or the budget (at least three samples) or
// `deadline` (by source.now) is reached. Every few samples come from another place in
// memory, if moving there takes a small part of the time: pages decide several per cent. Abandons
// once the interval's lower end, of at least five samples, lies above plan.abandon_above_seconds,
// or after two that are both more than twice as long.
TimingResult TakeSamples(const TimingPlan& plan, const TimingSource& source, uint64_t calls,
                         double deadline);

}  // namespace lathe

#endif  // LATHE_MEASURER_TIMING_H_
