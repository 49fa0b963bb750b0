// Divides device time among the tasks of a suite by the gain expected of each
// second (after Zheng et al., Ansor, OSDI 2020, section 6): plain logic, no clock.
#ifndef LATHE_TUNER_TASK_SCHEDULER_H_
#define LATHE_TUNER_TASK_SCHEDULER_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace lathe {

struct SchedulerOptions {
  // Every so many slices one goes to the task that waited longest: an unfinished task
  // waits for at most this many slices times the number of tasks.
  int fair_every = 8;
  // How much of an expectation rests on the last slices; the rest looks ahead.
  double history_share = 0.35;
  double decay = 0.5;  // of a slice's weight in the history, from one to the next
};

struct ScheduledTask {
  double weight = 0;  // occurrences that count in the total; 0: not stated
  double floor = 0;   // seconds per call that nothing can beat (roofline); 0: unknown
};

// What a slice came to.
struct SliceOutcome {
  double seconds = 0;   // of the device
  int64_t trials = 0;   // of the slice
  double best = 0;      // seconds per call after it; 0: none yet
  double earlier = 0;   // best before the first slice, of earlier runs; 0: none
  int64_t resumed = 0;  // trials of earlier runs
  // The share of the best that another slice is expected to gain, if the search knows.
  std::optional<double> forecast;
};

// The total to lower is the sum of weight times best. Where no task states a weight,
// each counts by its time relative to its first best. Not thread-safe; deterministic.
class TaskScheduler {
 public:
  explicit TaskScheduler(const std::vector<ScheduledTask>& tasks, SchedulerOptions options = {});

  // The task of the next slice: first each one once, in order; then the one that gains
  // most a second, or the one in turn. nullopt when all are finished. Changes nothing.
  std::optional<size_t> Next() const;
  void Update(size_t task, const SliceOutcome& outcome);
  void Finish(size_t task);  // no slice any more

  bool is_finished(size_t task) const { return states_[task].finished; }
  // Of all device time so far; 0 before any.
  double ShareOfTime(size_t task) const;
  // The total's expected decrease for a second of this task; 0 if finished.
  double GainPerSecond(size_t task) const;

 private:
  struct State {
    ScheduledTask task;
    bool finished = false;
    int64_t slices = 0, last_slice = -1;
    int64_t trials = 0;          // all of them, resumed included
    double slice_trials = 0;     // of the last slice
    double seconds = 0;          // of the device, in total
    double slice_seconds = 0;    // expected of the next one
    double first = 0, best = 0;  // seconds per call; 0: none
    double improvement = 0;      // of the last slices, a share of the best; decayed mean
    std::optional<double> forecast;
  };
  double RelativeGain(const State& state) const;

  const SchedulerOptions options_;
  bool weighted_ = false;
  int64_t slices_ = 0;
  std::vector<State> states_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_TASK_SCHEDULER_H_
