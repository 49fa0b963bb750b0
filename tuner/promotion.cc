// The end of a tuning session: only a candidate that is significantly faster than the
// default or the incumbent, when all are timed in turn, is called the best. The minimum
// of many noisy medians alone would favour luck.
#include <algorithm>
#include <utility>

#include "compiler/base/status_macros.h"
#include "measurer/statistics.h"
#include "tuner/paired.h"
#include "tuner/significance.h"
#include "tuner/tune_session.h"

namespace lathe {
namespace {

// A candidate that took so much longer than the one to be beaten is no finalist.
// (Not longer than the fastest: that may have been lucky.)
constexpr double kFinalistFactor = 1.5;
// Comparisons, each in a lease of its own, until one is significant; they share the
// rate of false positives.
constexpr int kMostLooks = 3;
// So much less time than the first needs without being significant asks for another look.
constexpr double kPromisingGain = 0.015;

// Whether one of the others seems faster than the first, which holds its place.
bool IsUndecided(const std::vector<std::vector<double>>& samples) {
  if (samples.front().empty()) return false;
  const double holder = Median(samples.front());
  return std::any_of(samples.begin() + 1, samples.end(), [&](const std::vector<double>& times) {
    return !times.empty() && Median(times) < (1 - kPromisingGain) * holder;
  });
}

}  // namespace

absl::Status TuneSession::Promote() {
  if (options_.promotion_rounds == 0) return absl::OkStatus();
  RETURN_IF_ERROR(journal_.Flush());
  ASSIGN_OR_RETURN(std::optional<Record> incumbent, services_.store->Best(result_.task));
  if (incumbent && !incumbent->promoted) incumbent.reset();
  // Nothing is new since the last promotion.
  if (incumbent && result_.done == result_.resumed) return absl::OkStatus();
  std::vector<std::string> traces = ChooseFinalists(incumbent);
  if (traces.size() < 2) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<TrialPtr> finalists, BuildFinalists(traces));
  if (finalists.size() < 2) return absl::OkStatus();
  RETURN_IF_ERROR(BuildReference());

  JobOptions job = OptionsFor(TrialRole::kPromotion);
  SignificanceOptions significance;
  significance.false_positives /= kMostLooks;
  std::vector<Record> records;
  for (int look = 1;; ++look) {
    ASSIGN_OR_RETURN(PairedTimes times, MeasurePaired(options_.problem, finalists, *reference_, job,
                                                      options_.promotion_rounds,
                                                      *services_.measurer, services_.cancellation));
    const size_t winner = FindWinner(times.samples, times.rounds, significance);
    const bool again = look < kMostLooks && winner == 0 && IsUndecided(times.samples);
    for (size_t i = 0; i < finalists.size(); ++i) {
      const Trial& finalist = *finalists[i];
      const v1::MeasureResult& result = finalist.outcome.result;
      // Not looked at, or no time was left for it.
      if (result.status() == v1::TRIAL_STATUS_UNSPECIFIED) continue;
      if (result.status() == v1::TRIAL_STATUS_OK && !result.has_timing()) continue;
      Record& record = records.emplace_back(RecordOf(result_.task, finalist));
      // One that could not be paired has no time that may be compared.
      if (times.samples[i].empty()) continue;
      record.promoted = !again && i == winner;
      ok_[finalist.trace] = {record.median, record.ci_low, record.ci_high};
    }
    if (!again) break;
    for (TrialPtr& finalist : finalists) {
      finalist = std::make_shared<Trial>(*finalist);
      finalist->outcome = {};
      Identify(*finalist);
    }
  }
  // At once: a promotion is in the store whole or not at all.
  return services_.store->AddRecords(records);
}

// The incumbent, the default, and the fastest others.
std::vector<std::string> TuneSession::ChooseFinalists(
    const std::optional<Record>& incumbent) const {
  std::vector<std::string> traces;
  if (incumbent) traces.push_back(incumbent->trace);
  if (TimeOf(default_trace_) && (!incumbent || incumbent->trace != default_trace_)) {
    traces.push_back(default_trace_);
  }
  auto defender = traces.empty() ? std::nullopt : TimeOf(traces.front());
  std::vector<std::pair<double, std::string>> ranking;
  for (const auto& [trace, time] : ok_) {
    if (std::find(traces.begin(), traces.end(), trace) != traces.end()) continue;
    if (defender && time.median > kFinalistFactor * defender->median) continue;
    ranking.emplace_back(time.median, trace);
  }
  std::sort(ranking.begin(), ranking.end());
  ranking.resize(std::min(ranking.size(), static_cast<size_t>(options_.finalists)));
  for (auto& [median, trace] : ranking) traces.push_back(std::move(trace));
  return traces;
}

// Built again: the same bytes as before.
absl::StatusOr<std::vector<TuneSession::TrialPtr>> TuneSession::BuildFinalists(
    const std::vector<std::string>& traces) {
  std::vector<std::future<v1::BuildResponse>> builds;
  for (const std::string& trace : traces) {
    builds.push_back(StartBuild(*services_.builder, BuildRequestFor(options_.problem, trace)));
  }
  std::vector<TrialPtr> finalists;
  absl::flat_hash_set<std::string> programs;
  for (size_t i = 0; i < traces.size(); ++i) {
    auto trial = std::make_shared<Trial>();
    trial->role = TrialRole::kPromotion;
    trial->trace = traces[i];
    auto decisions = decisions_.find(traces[i]);
    if (decisions != decisions_.end()) trial->candidate.decisions = decisions->second;
    ASSIGN_OR_RETURN(trial->build, Await(std::move(builds[i]), services_.cancellation));
    if (trial->build.status() != v1::BUILD_STATUS_OK) continue;
    if (!programs.insert(trial->build.program_hash()).second) continue;
    trial->search = "promotion";
    Identify(*trial);
    finalists.push_back(std::move(trial));
  }
  return finalists;
}

void TuneSession::Identify(Trial& trial) {
  trial.id = NewUuid();
  trial.number = next_number_++;
}

}  // namespace lathe
