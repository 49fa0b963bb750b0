#include "tuner/significance.h"

#include <algorithm>
#include <cmath>

#include "compiler/base/check.h"
#include "measurer/statistics.h"

namespace lathe {

std::vector<double> GainsOfBlocks(std::span<const double> a, std::span<const double> b,
                                  size_t rounds) {
  CHECK(rounds > 0 && a.size() == b.size() && a.size() % rounds == 0);
  std::vector<double> gains;
  for (size_t block = 0; block < a.size(); block += rounds) {
    std::vector<double> ratios;
    for (size_t i = block; i < block + rounds; ++i) ratios.push_back(a[i] / b[i]);
    gains.push_back(1 - Median(std::move(ratios)));
  }
  return gains;
}

double SignedRankTail(std::span<const double> gains) {
  const size_t n = gains.size();
  if (n == 0) return 1;
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return std::abs(gains[a]) < std::abs(gains[b]); });
  // Twice the ranks, so that the mean rank of ties is whole.
  std::vector<size_t> ranks(n);
  for (size_t i = 0; i < n;) {
    size_t end = i + 1;
    while (end < n && std::abs(gains[order[end]]) == std::abs(gains[order[i]])) ++end;
    for (size_t k = i; k < end; ++k) ranks[order[k]] = i + end + 1;
    i = end;
  }
  size_t against = 0;
  for (size_t i = 0; i < n; ++i) against += gains[i] > 0 ? 0 : ranks[i];
  // Each rank counts against with probability 1/2: the distribution of their sum.
  std::vector<double> probability(n * (n + 1) + 1, 0.0);
  probability[0] = 1;
  size_t most = 0;
  for (size_t rank : ranks) {
    most += rank;
    for (size_t sum = most + 1; sum-- > 0;) {
      probability[sum] = 0.5 * (probability[sum] + (sum >= rank ? probability[sum - rank] : 0));
    }
  }
  double tail = 0;
  for (size_t sum = 0; sum <= against; ++sum) tail += probability[sum];
  return std::min(tail, 1.0);
}

size_t FindWinner(const std::vector<std::vector<double>>& samples, size_t rounds,
                  const SignificanceOptions& options) {
  size_t holder = 0;
  while (holder < samples.size() && samples[holder].empty()) ++holder;
  if (holder == samples.size()) return holder;
  size_t challengers = 0;
  for (size_t k = holder + 1; k < samples.size(); ++k) challengers += samples[k].empty() ? 0 : 1;
  size_t winner = holder;
  for (size_t k = holder + 1; k < samples.size(); ++k) {
    if (samples[k].empty()) continue;
    std::vector<double> gains = GainsOfBlocks(samples[k], samples[holder], rounds);
    for (double& gain : gains) gain -= options.least_gain;
    // Bonferroni: the chances of being fooled add up.
    if (SignedRankTail(gains) > options.false_positives / static_cast<double>(challengers)) {
      continue;
    }
    if (winner == holder || Median(samples[k]) < Median(samples[winner])) winner = k;
  }
  return winner;
}

}  // namespace lathe
