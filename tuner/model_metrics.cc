#include "tuner/model_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>

#include "compiler/base/check.h"

namespace lathe {
namespace {

constexpr size_t kMinRows = 4;
constexpr int kTopK[] = {1, 8, 32};

std::vector<double> Ranks(absl::Span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (size_t i = first; i <= last; ++i) ranks[order[i]] = static_cast<double>(first + last) / 2;
    first = last + 1;
  }
  return ranks;
}

// Times in the order of falling scores; of equal scores the slower first, so that
// a model which says nothing is not lucky.
std::vector<double> SecondsByScore(const std::vector<double>& scores,
                                   const std::vector<double>& seconds) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : seconds[a] > seconds[b];
  });
  std::vector<double> sorted;
  for (size_t i : order) sorted.push_back(seconds[i]);
  return sorted;
}

}  // namespace

double RankCorrelation(absl::Span<const double> a, absl::Span<const double> b) {
  CHECK_EQ(a.size(), b.size());
  std::vector<double> ranks_a = Ranks(a), ranks_b = Ranks(b);
  double mean = (static_cast<double>(a.size()) - 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (ranks_a[i] - mean) * (ranks_b[i] - mean);
    aa += (ranks_a[i] - mean) * (ranks_a[i] - mean);
    bb += (ranks_b[i] - mean) * (ranks_b[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

RankingMetrics EvaluateRanking(const CostModel& model, absl::Span<const TrainingRow> rows) {
  std::map<std::string_view, std::vector<const TrainingRow*>> tasks;
  for (const TrainingRow& row : rows) tasks[row.group].push_back(&row);
  RankingMetrics metrics;
  for (int k : kTopK) metrics.top_k_regret.emplace_back(k, 0);
  for (const auto& [name, members] : tasks) {
    std::vector<float> features;
    std::vector<double> seconds, speeds;
    for (const TrainingRow* row : members) {
      features.insert(features.end(), row->features.begin(), row->features.end());
      seconds.push_back(row->seconds);
      speeds.push_back(1 / row->seconds);
    }
    auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
    if (members.size() < kMinRows || *least == *most) continue;
    std::vector<double> scores = model.Score(features);
    std::vector<double> sorted = SecondsByScore(scores, seconds);
    metrics.tasks += 1;
    metrics.rows += static_cast<int64_t>(members.size());
    metrics.rank_correlation += RankCorrelation(scores, speeds);
    for (auto& [k, regret] : metrics.top_k_regret) {
      auto end = sorted.begin() + std::min<ptrdiff_t>(k, static_cast<ptrdiff_t>(sorted.size()));
      regret += *std::min_element(sorted.begin(), end) / *least - 1;
    }
  }
  if (metrics.tasks == 0) return metrics;
  metrics.rank_correlation /= static_cast<double>(metrics.tasks);
  for (auto& [k, regret] : metrics.top_k_regret) regret /= static_cast<double>(metrics.tasks);
  return metrics;
}

}  // namespace lathe
