#include "tuner/tune_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "compiler/base/status_macros.h"
#include "database/lookup.h"

namespace lathe {
namespace {

// How often the loop looks at the clock and at the cancellation.
constexpr absl::Duration kPoll = absl::Milliseconds(50);
// Candidates of one round when compiling and timing alternate.
constexpr size_t kAlternateBatch = 8;
// Suggestions asked for at once: each was made without the results of the others.
constexpr int kSuggestions = 4;
// Naive is measured if its calls are expected to take less than this, and less than
// this share of a budget. They are about so many, and do not reach more than so many
// operations a second; nor are they quicker than those of the reference, which the first
// lease runs.
constexpr absl::Duration kNaiveLimit = absl::Milliseconds(2500);
constexpr double kNaiveShare = 0.1;
constexpr double kNaiveCalls = 6, kNaiveFlops = 1e9;
constexpr double kNaiveCost = 3;
// Leases given out: one is measured while the next waits at the device.
constexpr size_t kLeases = 2;

}  // namespace

TuneSession::TuneSession(TuneOptions options, TuneServices services)
    : options_(std::move(options)),
      services_(std::move(services)),
      journal_(services_.store),
      events_(std::make_shared<EventQueue<Event>>()),
      naive_trace_(ToText(Trace{})),
      default_trace_(ToText(options_.default_trace)) {}

absl::StatusOr<TuneResult> TuneSession::Run() {
  absl::Status status = Start();
  if (status.ok()) status = Advance(options_.trials, options_.budget).status();
  if (absl::IsCancelled(status) && !result_.device.uuid().empty()) {
    result_.stop = StopReason::kCancelled;
    status = absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  return Conclude();
}

absl::Status TuneSession::Start() {
  started_ = absl::Now();
  const Problem& problem = options_.problem;
  ASSIGN_OR_RETURN(result_.device,
                   AwaitDevice(*services_.measurer, options_.device_wait, services_.cancellation));
  const v1::Device& device = result_.device;
  absl::StatusOr<Target> device_target = ParseTarget(device.target());
  if (device_target.ok()) RETURN_IF_ERROR(CheckRunsOn(problem.target, *device_target));
  RETURN_IF_ERROR(services_.store->PutDevice(
      {device.uuid(), device.name(), device.kind().text(), device.DebugString()}));
  result_.task = TaskOf(Query{problem.function, problem.target, device.kind().text(),
                              problem.threads, problem.regime, problem.accuracy});
  RETURN_IF_ERROR(Resume());
  if (started_trials_ >= options_.trials) return absl::OkStatus();  // nothing to add
  // The default is built and measured first: its time lets others be abandoned.
  AddBaseline(TrialRole::kDefault,
              {-1, {}, options_.default_decisions, options_.default_trace, "default"});
  return BuildReference();
}

absl::StatusOr<StopReason> TuneSession::Advance(int64_t trials, absl::Duration budget) {
  const int64_t room = options_.trials - std::min(options_.trials, started_trials_);
  slice_trials_ = started_trials_ + std::min(room, trials);
  slice_end_ = std::min(absl::Now() + budget, started_ + options_.budget);
  search_is_dry_ = false;
  absl::Status status = Loop();
  // Callbacks that are still to come find the queue, which they share.
  for (const std::string& trial : measuring_) services_.measurer->Cancel(trial);
  absl::Status flushed = journal_.Flush();  // what was measured is kept, whatever happened
  if (absl::IsCancelled(status)) {
    result_.stop = StopReason::kCancelled;
    status = absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(flushed);
  return result_.stop;
}

absl::StatusOr<TuneResult> TuneSession::Conclude() {
  JournalStop();
  absl::Status status = absl::OkStatus();
  if (result_.stop != StopReason::kCancelled) status = MeasureNaive();
  if (status.ok() && result_.stop != StopReason::kCancelled) status = Promote();
  for (const std::string& trial : measuring_) services_.measurer->Cancel(trial);
  absl::Status flushed = journal_.Flush();
  if (absl::IsCancelled(status)) {
    result_.stop = StopReason::kCancelled;
    JournalStop();
    status = absl::OkStatus();
  }
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(flushed);
  RETURN_IF_ERROR(Summarize());
  Report();
  result_.elapsed = absl::Now() - started_;
  return result_;
}

bool TuneSession::budget_is_over() const { return absl::Now() >= slice_end_; }

// It waits for the next slice, if there is one; baselines are measured anyway.
bool TuneSession::IsLate(const Trial& trial) const {
  bool searched = trial.role == TrialRole::kSearch || trial.role == TrialRole::kRepeat;
  return searched && budget_is_over();
}

void TuneSession::AddBaseline(TrialRole role, Candidate candidate) {
  std::string text = ToText(candidate.trace);
  if (!traces_.insert(text).second) return;
  auto trial = std::make_shared<Trial>();
  trial->role = role;
  trial->search = candidate.origin;
  trial->candidate = std::move(candidate);
  trial->trace = std::move(text);
  baselines_.push_back(std::move(trial));
}

// Last, because a call of it may take long, and others need not wait for it.
absl::Status TuneSession::MeasureNaive() {
  const bool nothing_new = result_.done == result_.resumed;
  if (!options_.naive || nothing_new || !reference_ || !reference_->proved()) {
    return absl::OkStatus();
  }
  absl::Duration affordable = std::min(kNaiveLimit, kNaiveShare * options_.budget);
  const double by_work = kNaiveCalls * CountWork(options_.problem.function).flops / kNaiveFlops;
  if (absl::Seconds(std::max(by_work, kNaiveCost * first_lease_)) > affordable) {
    return absl::OkStatus();
  }
  const StopReason stop = result_.stop;
  slice_trials_ = started_trials_;
  slice_end_ = absl::InfiniteFuture();
  suggested_.clear();
  built_.clear();
  AddBaseline(TrialRole::kNaive, {-1, {}, "", Trace{}, "naive"});
  absl::Status status = Loop();
  result_.stop = stop;
  return status;
}

absl::Status TuneSession::BuildReference() {
  if (reference_) return absl::OkStatus();
  ASSIGN_OR_RETURN(reference_, ReferenceCheck::Build(options_.problem, *services_.builder,
                                                     services_.cancellation));
  return absl::OkStatus();
}

absl::Status TuneSession::Loop() {
  Report();
  while (true) {
    if (IsRequested(services_.cancellation)) return absl::CancelledError("interrupted");
    StartBuilds();
    RETURN_IF_ERROR(StartMeasurements());
    if (building_ == 0 && measuring_.empty() && (built_.empty() || IsLate(*built_.front()))) {
      return absl::OkStatus();
    }
    if (std::optional<Event> event = events_->Pop(kPoll)) {
      RETURN_IF_ERROR(event->measured ? OnMeasured(std::move(event->trial))
                                      : OnBuilt(std::move(event->trial)));
    }
    RETURN_IF_ERROR(journal_.FlushIfOld());
  }
}

// Null when there is no more to start now; then `result_.stop` says why.
TuneSession::TrialPtr TuneSession::NextTrial() {
  TrialPtr trial;
  if (!baselines_.empty()) {
    trial = std::move(baselines_.back());
    baselines_.pop_back();
    if (trial->role == TrialRole::kDefault) ++started_trials_;
  } else if (std::optional<Candidate> candidate = NextCandidate()) {
    trial = std::make_shared<Trial>();
    trial->trace = ToText(candidate->trace);
    trial->candidate = *std::move(candidate);
    trial->search = services_.search->name();
    if (trial->candidate.repeat) trial->role = TrialRole::kRepeat;
    if (!trial->candidate.repeat) ++started_trials_;
  } else {
    return nullptr;
  }
  Identify(*trial);
  return trial;
}

std::optional<Candidate> TuneSession::NextCandidate() {
  if (started_trials_ >= slice_trials_) {
    result_.stop = StopReason::kTrials;
    return std::nullopt;
  }
  if (budget_is_over()) {
    result_.stop = StopReason::kBudget;
    return std::nullopt;
  }
  while (!search_is_dry_) {
    while (!suggested_.empty()) {
      Candidate candidate = std::move(suggested_.front());
      suggested_.pop_front();
      if (candidate.repeat || traces_.insert(ToText(candidate.trace)).second) return candidate;
    }
    if (IsConverged(options_.auto_stop, *services_.search, times_)) {
      result_.stop = StopReason::kConverged;
      return std::nullopt;
    }
    for (Candidate& candidate : services_.search->Suggest(kSuggestions)) {
      suggested_.push_back(std::move(candidate));
    }
    search_is_dry_ = suggested_.empty();
  }
  result_.stop = StopReason::kExhausted;
  return std::nullopt;
}

void TuneSession::StartBuilds() {
  if (measure_phase_ && built_.empty() && measuring_.empty()) measure_phase_ = false;
  if (measure_phase_) return;
  int parallelism = services_.builder->parallelism();
  // Few, so that the search decides late and knows much.
  size_t ahead = options_.alternate ? kAlternateBatch : static_cast<size_t>(parallelism) + 1;
  while (building_ < parallelism && built_.size() + static_cast<size_t>(building_) < ahead) {
    TrialPtr trial = NextTrial();
    if (trial == nullptr) break;
    ++building_;
    v1::BuildRequest request = BuildRequestFor(options_.problem, trial->trace);
    request.set_id(static_cast<uint64_t>(trial->number));
    services_.builder->Submit(std::move(request),
                              [events = events_, trial](v1::BuildResponse response) {
                                trial->build = std::move(response);
                                events->Push({trial, false});
                              });
  }
  if (options_.alternate && building_ == 0) measure_phase_ = true;
}

absl::Status TuneSession::StartMeasurements() {
  if (options_.alternate && !measure_phase_) return absl::OkStatus();
  while (measuring_.size() < kLeases && !built_.empty() && !IsLate(*built_.front())) {
    TrialPtr trial = std::move(built_.front());
    built_.pop_front();
    ASSIGN_OR_RETURN(MeasureJob job,
                     MeasureJobFor(options_.problem, *trial, *reference_, OptionsFor(trial->role)));
    measuring_.insert(trial->id);
    services_.measurer->Measure(std::move(job), [events = events_, trial](MeasureOutcome outcome) {
      trial->outcome = std::move(outcome);
      events->Push({trial, true});
    });
  }
  return absl::OkStatus();
}

absl::Status TuneSession::OnBuilt(TrialPtr trial) {
  --building_;
  if (trial->build.status() != v1::BUILD_STATUS_OK) return Finish(std::move(trial));
  if (trial->role == TrialRole::kRepeat) {
    built_.push_front(std::move(trial));
    return absl::OkStatus();
  }
  auto [known, is_new] = programs_.try_emplace(trial->build.program_hash());
  if (is_new) {
    // Naive and default first, whichever was built first.
    bool front = trial->role != TrialRole::kSearch;
    built_.insert(front ? built_.begin() : built_.end(), std::move(trial));
    return absl::OkStatus();
  }
  // Another trace led to the same program: measuring it tells nothing new.
  ++result_.duplicates;
  if (trial->role != TrialRole::kNaive) --started_trials_;
  if (known->second.finished) {
    Learn(*trial, known->second.time);
  } else {
    known->second.waiting.push_back(std::move(trial));
  }
  return absl::OkStatus();
}

absl::Status TuneSession::OnMeasured(TrialPtr trial) {
  measuring_.erase(trial->id);
  if (absl::IsCancelled(trial->outcome.status)) return absl::OkStatus();
  RETURN_IF_ERROR(trial->outcome.status);
  const v1::MeasureResult& result = trial->outcome.result;
  if (!reference_->proved()) {
    first_lease_ = result.wall_seconds();
    RETURN_IF_ERROR(reference_->Prove(result));
  }
  RETURN_IF_ERROR(Finish(trial));
  if (result.status() == v1::TRIAL_STATUS_REFERENCE_FAILED) {
    return absl::InternalError(
        absl::StrCat("the correctness reference fails on the device: ", result.error()));
  }
  return absl::OkStatus();
}

absl::Status TuneSession::Finish(TrialPtr trial) {
  RecordStatus status = StatusOf(*trial);
  std::optional<Measured> time;
  if (status == RecordStatus::kOk) {
    const v1::Timing& timing = trial->outcome.result.timing();
    time = Measured{timing.median_seconds(), timing.ci_low_seconds(), timing.ci_high_seconds()};
    longest_ok_ = std::max(longest_ok_, trial->outcome.result.wall_seconds());
  }
  if (trial->role == TrialRole::kRepeat) {
    ++result_.repeats;
  } else if (trial->role != TrialRole::kNaive) {
    ++result_.statuses[status];
    ++result_.done;
    times_.push_back(time ? time->median : std::numeric_limits<double>::infinity());
    if (services_.journal != nullptr) services_.journal->Add(TrialEvent{times_.back()});
  }
  Learn(*trial, time);
  if (status != RecordStatus::kBuildFailed && trial->role != TrialRole::kRepeat) {
    Known& known = programs_[trial->build.program_hash()];
    known.finished = true;
    known.time = time;
    for (const TrialPtr& waiting : std::exchange(known.waiting, {})) Learn(*waiting, time);
  }
  RETURN_IF_ERROR(journal_.Add(RecordOf(result_.task, *trial)));
  Report();
  return absl::OkStatus();
}

}  // namespace lathe
