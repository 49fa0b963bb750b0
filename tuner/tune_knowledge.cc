// What a tuning session learns from results, of this run and of earlier ones.
#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "tuner/tune_session.h"

namespace lathe {
namespace {

// A candidate whose lower bound is this much above the incumbent is abandoned.
constexpr double kAbandonFactor = 1.25;
// A candidate may take this much longer than the longest successful one.
constexpr double kTimeoutFactor = 5;
constexpr double kMinTimeout = 10;  // seconds
// A lease that must run the reference first gets this much more.
constexpr double kReferenceAllowance = 2;

}  // namespace

absl::Status TuneSession::Resume() {
  ASSIGN_OR_RETURN(std::vector<Record> records, services_.store->Records(result_.task));
  std::vector<Outcome> outcomes;
  absl::flat_hash_map<std::string, size_t> outcome_of;  // by trace
  for (const Record& record : records) {
    next_number_ = std::max(next_number_, record.trial + 1);
    bool ok = record.status == RecordStatus::kOk;
    // Another version may succeed where one failed, and its code has other times.
    if (record.lathe_version != LatheVersion()) continue;
    absl::StatusOr<Trace> trace = ParseTrace(record.trace, "record " + record.id);
    if (!trace.ok()) continue;  // of a newer Lathe
    bool is_new = traces_.insert(record.trace).second;
    if (is_new && record.trace != naive_trace_) ++result_.resumed;
    std::optional<Measured> time;
    if (ok) ok_[record.trace] = *(time = Measured{record.median, record.ci_low, record.ci_high});
    if (!record.program_hash.empty() && record.status != RecordStatus::kBuildFailed) {
      programs_[record.program_hash] = {true, time, {}};
    }
    if (!record.decisions.empty()) decisions_[record.trace] = record.decisions;
    auto [outcome, inserted] = outcome_of.emplace(record.trace, outcomes.size());
    if (inserted) {
      outcomes.push_back({{-1, {}, record.decisions, *std::move(trace), "resumed"}});
    }
    // The latest time counts.
    Outcome& known = outcomes[outcome->second];
    if (ok || !known.ok) {
      bool timed = ok || record.status == RecordStatus::kAbandoned;
      known.ok = ok;
      known.seconds = timed ? record.median : 0;
      known.ci_low = timed ? record.ci_low : 0;
      known.ci_high = timed ? record.ci_high : 0;
    }
  }
  result_.done = started_trials_ = result_.resumed;
  services_.search->Update(outcomes);
  if (services_.journal != nullptr) {
    services_.journal->Add(SessionEvent{options_.trials, result_.resumed, options_.auto_stop,
                                        default_trace_, options_.finalists,
                                        options_.promotion_rounds});
  }
  return absl::OkStatus();
}

void TuneSession::Learn(const Trial& trial, const std::optional<Measured>& time) {
  search_is_dry_ = false;
  if (!trial.candidate.decisions.empty()) decisions_[trial.trace] = trial.candidate.decisions;
  if (time) ok_[trial.trace] = *time;
  Outcome outcome{trial.candidate, time.has_value()};
  if (time) {
    outcome.seconds = time->median;
    outcome.ci_low = time->ci_low;
    outcome.ci_high = time->ci_high;
  } else if (StatusOf(trial) == RecordStatus::kAbandoned) {
    const v1::Timing& timing = trial.outcome.result.timing();
    outcome.seconds = timing.median_seconds();
    outcome.ci_low = timing.ci_low_seconds();
    outcome.ci_high = timing.ci_high_seconds();
  }
  services_.search->Update({&outcome, 1});
}

std::optional<std::pair<std::string, Measured>> TuneSession::Best() const {
  std::optional<std::pair<std::string, Measured>> best;
  for (const auto& [trace, time] : ok_) {
    if (!best || time.median < best->second.median) best = {trace, time};
  }
  return best;
}

std::optional<Measured> TuneSession::TimeOf(const std::string& trace) const {
  auto time = ok_.find(trace);
  if (time == ok_.end()) return std::nullopt;
  return time->second;
}

double TuneSession::AbandonAbove(TrialRole role) const {
  auto best = Best();
  return role == TrialRole::kSearch && best ? kAbandonFactor * best->second.ci_high : 0;
}

double TuneSession::Timeout(TrialRole role) const {
  double timeout = options_.problem.timing.timeout;
  if (!reference_->proved()) return kReferenceAllowance * timeout;
  if (role == TrialRole::kNaive || longest_ok_ == 0) return timeout;
  return std::min(timeout, std::max(kMinTimeout, kTimeoutFactor * longest_ok_));
}

JobOptions TuneSession::OptionsFor(TrialRole role) const {
  return {result_.task.function_hash, result_.task.device_kind, AbandonAbove(role), Timeout(role)};
}

TuneProgress TuneSession::Progress() const {
  TuneProgress progress;
  progress.done = result_.done;
  progress.total = options_.trials;
  progress.resumed = result_.resumed;
  progress.statuses = result_.statuses;
  if (auto best = Best()) progress.best = best->second.median;
  if (auto time = TimeOf(default_trace_)) progress.default_candidate = time->median;
  if (auto time = TimeOf(naive_trace_)) progress.naive = time->median;
  progress.elapsed = absl::Now() - started_;
  double seconds = absl::ToDoubleSeconds(progress.elapsed);
  if (progress.done > progress.resumed && seconds > 0) {
    progress.trials_per_second = static_cast<double>(progress.done - progress.resumed) / seconds;
    double left = static_cast<double>(std::max<int64_t>(0, progress.total - progress.done));
    progress.eta = absl::Seconds(left / progress.trials_per_second);
  }
  if (progress.best) {
    progress.forecast = ExpectedGain(options_.auto_stop, *services_.search, times_);
  }
  progress.eta =
      std::min(progress.eta, std::max(options_.budget - progress.elapsed, absl::ZeroDuration()));
  return progress;
}

void TuneSession::JournalStop() const {
  if (services_.journal == nullptr) return;
  services_.journal->Add(StopEvent{result_.stop, static_cast<int64_t>(times_.size())});
}

void TuneSession::Report() const {
  if (services_.on_progress) services_.on_progress(Progress());
}

absl::Status TuneSession::Summarize() {
  result_.default_candidate = TimeOf(default_trace_);
  result_.naive = TimeOf(naive_trace_);
  if (Best()) result_.forecast = ExpectedGain(options_.auto_stop, *services_.search, times_);
  ASSIGN_OR_RETURN(std::optional<Record> best, services_.store->Best(result_.task));
  if (!best) return absl::OkStatus();
  result_.best = Measured{best->median, best->ci_low, best->ci_high};
  result_.best_trace = best->trace;
  result_.promoted = best->promoted;
  if (best->trace == default_trace_) result_.default_candidate = result_.best;
  return absl::OkStatus();
}

}  // namespace lathe
