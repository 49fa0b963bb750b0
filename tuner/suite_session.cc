#include "tuner/suite_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

// A slice of slow kernels ends early: after this, or this share of the budget for a task.
constexpr absl::Duration kLeastSlice = absl::Seconds(2);
constexpr double kSliceShare = 0.25;
// What MeasurePaired plans for a block of a promotion.
constexpr double kBlockSeconds = 0.2;

std::vector<ScheduledTask> Scheduled(const std::vector<SuiteTask>& tasks) {
  std::vector<ScheduledTask> scheduled;
  for (const SuiteTask& task : tasks) scheduled.push_back({task.weight, 0});
  return scheduled;
}

}  // namespace

std::string_view Name(SuiteTaskState state) {
  switch (state) {
    case SuiteTaskState::kWaiting:
      return "waiting";
    case SuiteTaskState::kTuning:
      return "tuning";
    case SuiteTaskState::kSearched:
      return "searched";
    case SuiteTaskState::kPromoting:
      return "promoting";
    case SuiteTaskState::kDone:
      return "done";
    case SuiteTaskState::kFailed:
      return "failed";
  }
  return "";
}

SuiteSession::SuiteSession(SuiteOptions options, std::vector<SuiteTask> tasks,
                           TuneServices services, std::function<void()> on_update)
    : options_(options),
      tasks_(std::move(tasks)),
      services_(std::move(services)),
      on_update_(std::move(on_update)),
      scheduler_(Scheduled(tasks_), options.scheduler),
      searches_(tasks_.size()),
      sessions_(tasks_.size()),
      statuses_(tasks_.size()) {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    statuses_[i].name = tasks_[i].name;
    statuses_[i].weight = tasks_[i].weight;
    statuses_[i].progress.total = tasks_[i].options.trials;
  }
}

absl::Duration SuiteSession::elapsed() const { return absl::Now() - started_; }

absl::Duration SuiteSession::left() const {
  return std::max(absl::ZeroDuration(), options_.budget - elapsed());
}

absl::Status SuiteSession::Run() {
  started_ = absl::Now();
  absl::Status status = absl::OkStatus();
  while (status.ok() && !cancelled_ && left() > PromotionTime()) {
    const std::optional<size_t> task = scheduler_.Next();
    if (!task) break;
    status = RunSlice(*task);
    if (IsRequested(services_.cancellation)) cancelled_ = true;
  }
  // Also after an error or a cancellation: what there is becomes a result.
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (sessions_[i] == nullptr) continue;
    absl::Status concluded = Conclude(i);
    if (status.ok()) status = concluded;
  }
  return status;
}

absl::Status SuiteSession::RunSlice(size_t task) {
  SuiteTaskStatus& status = statuses_[task];
  const absl::Time begun = absl::Now();
  status.state = SuiteTaskState::kTuning;
  const bool first = sessions_[task] == nullptr;
  if (first) {
    absl::Status started = StartSession(task);
    if (!started.ok()) return Fail(task, std::move(started));
  }
  TuneSession& session = *sessions_[task];
  const TuneProgress before = session.Progress();
  absl::StatusOr<StopReason> stop = session.Advance(options_.slice_trials, SliceBudget());
  if (!stop.ok()) return Fail(task, stop.status());
  const TuneProgress after = session.Progress();

  SliceOutcome outcome;
  outcome.seconds = absl::ToDoubleSeconds(absl::Now() - begun);
  outcome.trials = after.done - before.done;
  outcome.best = after.best.value_or(0);
  outcome.earlier = first ? before.best.value_or(0) : 0;
  outcome.resumed = after.resumed;
  outcome.forecast = after.forecast;
  scheduler_.Update(task, outcome);
  status.seconds += outcome.seconds;
  const bool over = *stop == StopReason::kExhausted || *stop == StopReason::kConverged ||
                    after.done >= tasks_[task].options.trials;
  if (over) scheduler_.Finish(task);
  status.state = over ? SuiteTaskState::kSearched : SuiteTaskState::kWaiting;
  for (size_t i = 0; i < statuses_.size(); ++i) statuses_[i].share = scheduler_.ShareOfTime(i);
  Update(task);
  return absl::OkStatus();
}

absl::Status SuiteSession::StartSession(size_t task) {
  TuneServices services = services_;
  ASSIGN_OR_RETURN(searches_[task], tasks_[task].make_search());
  services.search = searches_[task].get();
  services.on_progress = [this, task](const TuneProgress& progress) {
    statuses_[task].progress = progress;
    if (on_update_) on_update_();
  };
  TuneOptions options = tasks_[task].options;
  options.budget = absl::InfiniteDuration();  // slices end by the suite's
  auto session = std::make_unique<TuneSession>(std::move(options), std::move(services));
  RETURN_IF_ERROR(session->Start());
  sessions_[task] = std::move(session);
  return absl::OkStatus();
}

absl::Status SuiteSession::Conclude(size_t task) {
  statuses_[task].state = SuiteTaskState::kPromoting;
  Update(task);
  absl::StatusOr<TuneResult> result = sessions_[task]->Conclude();
  if (!result.ok()) return Fail(task, result.status());
  statuses_[task].result = *std::move(result);
  statuses_[task].state = SuiteTaskState::kDone;
  Update(task);
  return absl::OkStatus();
}

absl::Status SuiteSession::Fail(size_t task, absl::Status error) {
  if (absl::IsCancelled(error)) {
    cancelled_ = true;
    statuses_[task].state = SuiteTaskState::kWaiting;
    return absl::OkStatus();
  }
  statuses_[task].state = SuiteTaskState::kFailed;
  statuses_[task].error = error;
  scheduler_.Finish(task);
  sessions_[task].reset();
  if (on_update_) on_update_();
  if (IsOfOneTask(error)) return absl::OkStatus();
  return absl::Status(error.code(), absl::StrCat(tasks_[task].name, ": ", error.message()));
}

absl::Duration SuiteSession::PromotionTime() const {
  if (options_.budget == absl::InfiniteDuration()) return absl::ZeroDuration();
  double seconds = 0;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    const int64_t trials = statuses_[i].progress.done - statuses_[i].progress.resumed;
    if (sessions_[i] == nullptr || trials <= 0) continue;
    const TuneOptions& options = tasks_[i].options;
    if (options.promotion_rounds == 0) continue;
    // Building and checking each finalist takes about what a trial does.
    const double contenders = options.finalists + 2.0;
    seconds += kBlockSeconds * options.promotion_rounds +
               contenders * statuses_[i].seconds / static_cast<double>(trials);
  }
  return std::min(absl::Seconds(seconds), options_.most_for_promotion * options_.budget);
}

absl::Duration SuiteSession::SliceBudget() const {
  if (options_.budget == absl::InfiniteDuration()) return absl::InfiniteDuration();
  const absl::Duration share = kSliceShare / static_cast<double>(tasks_.size()) * options_.budget;
  return std::min(std::max(kLeastSlice, share), left() - PromotionTime());
}

void SuiteSession::Update(size_t task) {
  statuses_[task].progress = sessions_[task]->Progress();
  if (on_update_) on_update_();
}

}  // namespace lathe
