// How well a cost model ranks candidates that it was not trained on.
#ifndef LATHE_TUNER_MODEL_METRICS_H_
#define LATHE_TUNER_MODEL_METRICS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "tuner/cost_model.h"

namespace lathe {

// Means over tasks; tasks of fewer than four rows, or of equal times, say nothing.
struct RankingMetrics {
  int64_t tasks = 0, rows = 0;
  double rank_correlation = 0;  // Spearman's, of scores with speeds; 1: the same order
  // k, and how much slower than the best known candidate the best of the k
  // highest scored ones is: 0.02 is 2 %.
  std::vector<std::pair<int, double>> top_k_regret;
};

// Of `model` on `rows`; k = 1, 8, 32.
RankingMetrics EvaluateRanking(const CostModel& model, absl::Span<const TrainingRow> rows);

// Spearman's rank correlation of two equally long series, equal values sharing
// their ranks; 0 where one of them is constant.
double RankCorrelation(absl::Span<const double> a, absl::Span<const double> b);

}  // namespace lathe

#endif  // LATHE_TUNER_MODEL_METRICS_H_
