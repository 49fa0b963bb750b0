// The end of a tuning session: only a candidate that wins interleaved paired
// runs against the default and the other finalists is called the best. The
// minimum of many noisy medians alone would favour luck.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "tuner/tune_session.h"

namespace lathe {

absl::Status TuneSession::Promote() {
  if (auto best = Best()) {
    result_.best_trace = best->first;
    result_.best = best->second;
  }
  result_.default_candidate = TimeOf(default_trace_);
  result_.naive = TimeOf(naive_trace_);
  if (result_.stop == StopReason::kCancelled || options_.promotion_rounds == 0) {
    return absl::OkStatus();
  }
  std::vector<TrialPtr> finalists = BuildFinalists();
  if (finalists.size() < 2) {
    result_.promoted = result_.best.has_value();
    return absl::OkStatus();
  }
  std::vector<std::vector<Measured>> times(finalists.size());
  for (int round = 1; round <= options_.promotion_rounds; ++round) {
    for (size_t i = 0; i < finalists.size(); ++i) {
      // Back and forth, so that a drift of the machine hits all alike.
      size_t which = round % 2 == 1 ? i : finalists.size() - 1 - i;
      ASSIGN_OR_RETURN(std::optional<Measured> time, MeasureFinalist(*finalists[which], round));
      if (cancelled()) {
        result_.stop = StopReason::kCancelled;
        return absl::OkStatus();
      }
      if (time) times[which].push_back(*time);
    }
  }
  std::optional<Measured> best;
  for (size_t i = 0; i < finalists.size(); ++i) {
    // One that failed in a round is not to be trusted.
    if (times[i].size() < static_cast<size_t>(options_.promotion_rounds)) continue;
    auto middle = times[i].begin() + static_cast<std::ptrdiff_t>(times[i].size() / 2);
    std::nth_element(times[i].begin(), middle, times[i].end(),
                     [](const Measured& a, const Measured& b) { return a.median < b.median; });
    const std::string& trace = finalists[i]->trace;
    if (trace == default_trace_) result_.default_candidate = *middle;
    if (best && best->median <= middle->median) continue;
    best = *middle;
    result_.best_trace = trace;
  }
  if (best) result_.best = best;
  result_.promoted = best.has_value();
  Report();
  return absl::OkStatus();
}

// The default and the fastest others, built again: the same bytes as before.
std::vector<TuneSession::TrialPtr> TuneSession::BuildFinalists() {
  std::vector<std::pair<double, std::string>> ranking;
  for (const auto& [trace, time] : ok_) {
    if (trace != default_trace_ && trace != naive_trace_) ranking.emplace_back(time.median, trace);
  }
  std::sort(ranking.begin(), ranking.end());
  ranking.resize(std::min(ranking.size(), static_cast<size_t>(options_.finalists)));
  if (auto time = TimeOf(default_trace_)) ranking.emplace_back(time->median, default_trace_);

  std::vector<TrialPtr> finalists;
  absl::flat_hash_set<std::string> programs;
  for (const auto& [median, trace] : ranking) {
    auto trial = std::make_shared<Trial>();
    trial->role = TrialRole::kPromotion;
    trial->trace = trace;
    trial->build = BuildAndWait(*services_.builder, BuildRequestFor(options_.problem, trace));
    bool built = trial->build.status() == v1::BUILD_STATUS_OK;
    if (built && programs.insert(trial->build.program_hash()).second) finalists.push_back(trial);
  }
  return finalists;
}

absl::StatusOr<std::optional<Measured>> TuneSession::MeasureFinalist(const Trial& finalist,
                                                                     int round) {
  Trial trial = finalist;
  trial.id = NewUuid();
  trial.number = next_number_++;
  trial.search = absl::StrCat("promotion round=", round);
  ASSIGN_OR_RETURN(MeasureJob job, MeasureJobFor(options_.problem, trial, *reference_,
                                                 OptionsFor(TrialRole::kPromotion)));
  trial.outcome = MeasureAndWait(*services_.measurer, std::move(job), services_.cancellation);
  if (absl::IsCancelled(trial.outcome.status)) return std::nullopt;
  RETURN_IF_ERROR(trial.outcome.status);
  if (!reference_->proved()) RETURN_IF_ERROR(reference_->Prove(trial.outcome.result));
  RETURN_IF_ERROR(journal_.Add(RecordOf(result_.task, trial)));
  if (StatusOf(trial) != RecordStatus::kOk) return std::nullopt;
  const v1::Timing& timing = trial.outcome.result.timing();
  return Measured{timing.median_seconds(), timing.ci_low_seconds(), timing.ci_high_seconds()};
}

}  // namespace lathe
