// Tuning of many tasks on one device: slices of their sessions, given out by the gain
// that is expected of each second.
#ifndef LATHE_TUNER_SUITE_SESSION_H_
#define LATHE_TUNER_SUITE_SESSION_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tuner/task_scheduler.h"
#include "tuner/tune_session.h"

namespace lathe {

struct SuiteTask {
  std::string name;
  double weight = 0;    // see ScheduledTask
  TuneOptions options;  // of its session; the budget is the suite's
  // Called when its first slice begins: it may learn from what the store has of the tasks
  // before it. An error is the task's.
  std::function<absl::StatusOr<std::unique_ptr<Search>>()> make_search;
};

struct SuiteOptions {
  absl::Duration budget = absl::InfiniteDuration();  // with the promotions
  int64_t slice_trials = 12;
  double most_for_promotion = 0.4;  // of the budget, at most, is kept for promotions
  SchedulerOptions scheduler;
};

enum class SuiteTaskState : uint8_t {
  kWaiting,    // for its next slice
  kTuning,     // the device is its
  kSearched,   // nothing more to try, or nothing more expected of it
  kPromoting,  // in its paired runs
  kDone,
  kFailed
};
std::string_view Name(SuiteTaskState state);  // "waiting", "tuning", ...

struct SuiteTaskStatus {
  std::string name;
  double weight = 0;
  SuiteTaskState state = SuiteTaskState::kWaiting;
  TuneProgress progress;
  double seconds = 0, share = 0;     // of the device, without promotion; of all tasks'
  absl::Status error;                // kFailed
  std::optional<TuneResult> result;  // kDone
};

// One run. Not thread-safe.
class SuiteSession {
 public:
  // `services.search` and `on_progress` are not used; `on_update` (may be empty) is called
  // by Run's thread whenever a status changed.
  SuiteSession(SuiteOptions options, std::vector<SuiteTask> tasks, TuneServices services,
               std::function<void()> on_update);

  // Slices until the budget but for the promotions, or all tasks, are used up; then the
  // promotion of each task. A task whose function cannot be tuned fails alone. Errors of the
  // device or the store end the run; what was measured is in the store.
  absl::Status Run();

  const std::vector<SuiteTaskStatus>& tasks() const { return statuses_; }
  absl::Duration elapsed() const;
  absl::Duration left() const;  // of the budget; infinite without one
  bool was_cancelled() const { return cancelled_; }

 private:
  absl::Status RunSlice(size_t task);
  absl::Status StartSession(size_t task);
  absl::Status Conclude(size_t task);
  // Handles the error of one task; returns it if it ends the run.
  absl::Status Fail(size_t task, absl::Status error);
  // What the promotions of the tasks begun so far will take.
  absl::Duration PromotionTime() const;
  absl::Duration SliceBudget() const;
  void Update(size_t task);

  const SuiteOptions options_;
  const std::vector<SuiteTask> tasks_;
  const TuneServices services_;
  const std::function<void()> on_update_;
  TaskScheduler scheduler_;
  std::vector<std::unique_ptr<Search>> searches_;
  std::vector<std::unique_ptr<TuneSession>> sessions_;  // null: not begun, or failed
  std::vector<SuiteTaskStatus> statuses_;
  absl::Time started_ = absl::InfinitePast();
  bool cancelled_ = false;
};

}  // namespace lathe

#endif  // LATHE_TUNER_SUITE_SESSION_H_
