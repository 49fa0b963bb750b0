#include "bench/contest.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "measurer/statistics.h"

namespace lathe {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr int kAttempts = 5;  // at a sample that nothing disturbs

// Takes the turns of one contestant.
class Turns {
 public:
  Turns(const Contestant& contestant, const ContestOptions& options)
      : contestant_(contestant), options_(options) {}

  // Finds the calls of a sample by doubling, which also warms up.
  bool Calibrate() {
    double seconds = 0;
    for (calls_ = 1; Time(calls_, &seconds); calls_ *= 2) {
      if (seconds >= options_.sample_seconds) {
        warm_up_ = seconds / static_cast<double>(calls_) < 10 * options_.sample_seconds;
        return true;
      }
    }
    return false;
  }

  // Seconds a call; NaN when it failed.
  double Sample() {
    double best = std::numeric_limits<double>::infinity();
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      double seconds = 0;
      if (warm_up_ && !contestant_.call()) return kMissing;
      const int64_t before = Disturbances();
      if (!Time(calls_, &seconds)) return kMissing;
      best = std::min(best, seconds / static_cast<double>(calls_));
      if (Disturbances() == before) break;
    }
    return best;
  }

  bool TakesPartIn(int round) const {
    return contestant_.max_rounds == 0 || round < contestant_.max_rounds;
  }

 private:
  bool Time(int64_t calls, double* seconds) {
    const auto& clock = options_.clock ? options_.clock : options_.now;
    const double start = clock();
    for (int64_t i = 0; i < calls; ++i) {
      if (!contestant_.call()) return false;
    }
    *seconds = clock() - start;
    return true;
  }

  int64_t Disturbances() const { return options_.disturbances ? options_.disturbances() : 0; }

  const Contestant& contestant_;
  const ContestOptions& options_;
  int64_t calls_ = 1;
  bool warm_up_ = true;
};

std::vector<double> Present(const std::vector<double>& samples) {
  std::vector<double> present;
  for (double sample : samples) {
    if (!std::isnan(sample)) present.push_back(sample);
  }
  return present;
}

}  // namespace

ContestResult RunContest(const std::vector<Contestant>& contestants,
                         const ContestOptions& options) {
  const size_t count = contestants.size();
  ContestResult result;
  result.samples.resize(count);
  result.failed.assign(count, false);
  std::vector<Turns> turns;
  for (const Contestant& contestant : contestants) turns.emplace_back(contestant, options);
  for (size_t i = 0; i < count; ++i) result.failed[i] = !turns[i].Calibrate();

  const double start = options.now();
  for (int& round = result.rounds; round < options.max_rounds; ++round) {
    if (round >= options.min_rounds && options.now() - start > options.budget_seconds) break;
    if (options.begin_round) options.begin_round(round);
    for (std::vector<double>& samples : result.samples) samples.push_back(kMissing);
    for (size_t turn = 0; turn < count; ++turn) {
      const size_t i = (turn + static_cast<size_t>(round)) % count;
      if (result.failed[i] || !turns[i].TakesPartIn(round)) continue;
      result.samples[i].back() = turns[i].Sample();
      result.failed[i] = std::isnan(result.samples[i].back());
    }
  }
  return result;
}

double MedianTime(const std::vector<double>& samples) { return Median(Present(samples)); }

RatioEstimate PairedRatio(const std::vector<double>& numerator,
                          const std::vector<double>& denominator) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(numerator.size(), denominator.size()); ++i) {
    double ratio = numerator[i] / denominator[i];
    if (std::isfinite(ratio)) ratios.push_back(ratio);
  }
  if (ratios.empty()) return {};
  MedianEstimate estimate = EstimateMedian(ratios);
  return {estimate.median, estimate.low, estimate.high};
}

double GeometricMean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

}  // namespace lathe
