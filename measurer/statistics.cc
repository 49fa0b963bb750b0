#include "measurer/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe {
namespace {

double MedianOfSorted(const std::vector<double>& sorted) {
  if (sorted.empty()) return 0;
  size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return sorted[middle];
  return sorted[middle - 1] + (sorted[middle] - sorted[middle - 1]) / 2;
}

// P(Binomial(n, 1/2) = k).
double HalfBinomial(size_t n, size_t k) {
  double log_choose = std::lgamma(static_cast<double>(n) + 1) -
                      std::lgamma(static_cast<double>(k) + 1) -
                      std::lgamma(static_cast<double>(n - k) + 1);
  return std::exp(log_choose - static_cast<double>(n) * std::log(2.0));
}

}  // namespace

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return MedianOfSorted(values);
}

double Quantile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(rank);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (rank - static_cast<double>(below));
}

RankInterval MedianRanks(size_t n, double confidence) {
  if (n == 0) return {};
  // Ranks (low, n - 1 - low) miss the median with probability
  // 2 P(Binomial <= low): move inwards while that stays allowed.
  const double allowed = (1 - confidence) / 2;
  double tail = HalfBinomial(n, 0);
  size_t low = 0;
  while (low + 1 < (n + 1) / 2) {
    double wider = tail + HalfBinomial(n, low + 1);
    if (wider > allowed) break;
    tail = wider;
    ++low;
  }
  return {low, n - 1 - low};
}

double MedianEstimate::RelativeInterval() const {
  if (median == 0) return std::numeric_limits<double>::infinity();
  return (high - low) / 2 / median;
}

MedianEstimate EstimateMedian(std::span<const double> samples) {
  if (samples.empty()) return {};
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  RankInterval ranks = MedianRanks(sorted.size(), 0.95);
  return {MedianOfSorted(sorted), sorted[ranks.low], sorted[ranks.high], sorted.front()};
}

}  // namespace lathe
