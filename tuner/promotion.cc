#include "tuner/promotion.h"

#include <algorithm>
#include <utility>

#include "compiler/base/status_macros.h"
#include "measurer/statistics.h"
#include "tuner/significance.h"

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

// Not looked at, or no time was left for it.
bool IsWithoutOutcome(const v1::MeasureResult& result) {
  return result.status() == v1::TRIAL_STATUS_UNSPECIFIED ||
         (result.status() == v1::TRIAL_STATUS_OK && !result.has_timing());
}

}  // namespace

std::vector<std::string> ChooseFinalists(const std::map<std::string, double>& seconds,
                                         const std::optional<std::string>& incumbent,
                                         const std::string& default_trace, int most) {
  std::vector<std::string> traces;
  if (incumbent) traces.push_back(*incumbent);
  if (seconds.contains(default_trace) && incumbent != default_trace) {
    traces.push_back(default_trace);
  }
  const auto defender = traces.empty() ? seconds.end() : seconds.find(traces.front());
  std::vector<std::pair<double, std::string>> ranking;
  for (const auto& [trace, median] : seconds) {
    if (std::find(traces.begin(), traces.end(), trace) != traces.end()) continue;
    if (defender != seconds.end() && median > kFinalistFactor * defender->second) continue;
    ranking.emplace_back(median, trace);
  }
  std::sort(ranking.begin(), ranking.end());
  ranking.resize(std::min(ranking.size(), static_cast<size_t>(most)));
  for (auto& [median, trace] : ranking) traces.push_back(std::move(trace));
  return traces;
}

Comparison Judge(PairedTimes times, int look) {
  SignificanceOptions significance;
  significance.false_positives /= kMostLooks;
  Comparison comparison;
  comparison.winner = FindWinner(times.samples, times.rounds, significance);
  comparison.again = look < kMostLooks && comparison.winner == 0 && IsUndecided(times.samples);
  comparison.times = std::move(times);
  return comparison;
}

absl::StatusOr<Promotion> DecidePromotion(const PromotionJob& job,
                                          std::vector<std::shared_ptr<Trial>> finalists) {
  Promotion promotion;
  for (int look = 1;; ++look) {
    ASSIGN_OR_RETURN(PairedTimes times,
                     MeasurePaired(job.problem, finalists, job.reference, job.options, job.blocks,
                                   job.measurer, job.cancellation));
    const Comparison comparison = Judge(std::move(times), look);
    if (job.on_comparison) job.on_comparison(comparison);
    promotion.winner = comparison.winner;
    promotion.last.assign(finalists.size(), std::nullopt);
    promotion.compared.assign(finalists.size(), false);
    for (size_t i = 0; i < finalists.size(); ++i) {
      if (IsWithoutOutcome(finalists[i]->outcome.result)) continue;
      Record record = RecordOf(job.task, *finalists[i]);
      // One that could not be paired has no time that may be compared.
      promotion.compared[i] = !comparison.times.samples[i].empty();
      record.promoted = !comparison.again && i == comparison.winner;
      promotion.last[i] = record;
      promotion.records.push_back(std::move(record));
    }
    if (!comparison.again) return promotion;
    for (std::shared_ptr<Trial>& finalist : finalists) {
      finalist = std::make_shared<Trial>(*finalist);
      finalist->outcome = {};
      job.identify(*finalist);
    }
  }
}

}  // namespace lathe
