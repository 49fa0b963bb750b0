#include "tuner/candidate_ranker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "compiler/analysis/features.h"
#include "tuner/model_metrics.h"

namespace lathe {
namespace {

// Results from which rank correlations say something.
constexpr size_t kMinResults = 8;
// What the learner weighs after so many results: half of its final weight.
constexpr double kHalfWeightAt = 16;
constexpr double kFinalWeight = 2;
// A model that ranked this task's results no better than chance still weighs so much.
constexpr double kLeastWeight = 0.1;
// A failure counts as so many times slower than the slowest result.
constexpr double kFailureFactor = 2;
// The fit of scores to times is about the candidates that matter.
constexpr double kNearBest = 1.1;  // log(3)
// How many deviations of a score count: far below, slow is slow.
constexpr double kLowest = -3, kHighest = 6;

std::vector<float> Matrix(absl::Span<const RatedPoint> points) {
  std::vector<float> matrix;
  for (const RatedPoint& point : points) {
    matrix.insert(matrix.end(), point.features.begin(), point.features.end());
  }
  return matrix;
}

}  // namespace

CandidateRanker::CandidateRanker(const SearchSpace* space, SpaceOptions options,
                                 const CostModel* prior, std::unique_ptr<CostModel> learner)
    : space_(*space),
      options_(std::move(options)),
      prior_(prior),
      analytic_(NewAnalyticCostModel()),
      learner_(std::move(learner)) {}

std::vector<RatedPoint> CandidateRanker::Rate(std::vector<Point> points) const {
  std::vector<RatedPoint> rated(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    const Sketch& sketch = space_.sketch(points[i].sketch);
    rated[i].features =
        FeaturesOf(sketch.Model(points[i].setting), options_.target, options_.threads);
    rated[i].point = std::move(points[i]);
  }
  const std::vector<float> matrix = Matrix(rated);
  const std::vector<double> analytic = analytic_->Score(matrix);
  const std::vector<double> prior = prior_ != nullptr ? prior_->Score(matrix) : analytic;
  for (size_t i = 0; i < rated.size(); ++i) {
    rated[i].analytic = analytic[i];
    rated[i].prior = prior[i];
  }
  return rated;
}

void CandidateRanker::AddResult(RatedPoint point, double log_seconds) {
  results_.push_back({std::move(point), log_seconds});
}

void CandidateRanker::AddFailure(RatedPoint point) {
  results_.push_back({std::move(point), 0, true});
}

void CandidateRanker::Train() {
  double slowest = -std::numeric_limits<double>::infinity();
  for (const Result& result : results_) {
    if (!result.failed) slowest = std::max(slowest, result.log_seconds);
  }
  if (std::isinf(slowest)) return;
  std::vector<TrainingRow> rows;
  for (Result& result : results_) {
    if (result.failed) result.log_seconds = slowest + std::log(kFailureFactor);
    rows.push_back({"own", result.point.features, std::exp(result.log_seconds)});
  }
  learned_ = learner_ != nullptr && learner_->Train(rows).ok();
  Calibrate();
}

// Brings the scores on one scale, weighs them, and fits times to what they give.
void CandidateRanker::Calibrate() {
  std::vector<RatedPoint> points;
  std::vector<double> analytic, prior, speeds;
  for (const Result& result : results_) {
    points.push_back(result.point);
    analytic.push_back(result.point.analytic);
    prior.push_back(result.point.prior);
    speeds.push_back(-result.log_seconds);
  }
  auto scale = [](const std::vector<double>& scores) {
    double mean = 0, square = 0;
    for (double score : scores) mean += score / static_cast<double>(scores.size());
    for (double score : scores) square += (score - mean) * (score - mean);
    double deviation = std::sqrt(square / static_cast<double>(scores.size()));
    return Scale{mean, std::max(deviation, 1e-9)};
  };
  analytic_scale_ = scale(analytic);
  prior_scale_ = scale(prior);
  if (results_.size() >= kMinResults) {
    analytic_weight_ = std::max(kLeastWeight, RankCorrelation(analytic, speeds));
    prior_weight_ = std::max(kLeastWeight, RankCorrelation(prior, speeds));
  }
  if (learned_) {
    const double n = static_cast<double>(results_.size());
    learned_weight_ = kFinalWeight * n / (n + kHalfWeightAt);
    learned_scale_ = scale(LearnedScores(points));
  }
  const std::vector<double> scores = Scores(points);
  const double best = *std::max_element(speeds.begin(), speeds.end());
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (speeds[i] < best - kNearBest) continue;
    n += 1;
    x += scores[i];
    y -= speeds[i];
    xx += scores[i] * scores[i];
    xy -= scores[i] * speeds[i];
  }
  const double variance = xx - x * x / n;
  slope_ = variance > 1e-12 ? (xy - x * y / n) / variance : 0;
  // However few results say so, a higher score does not mean a slower candidate.
  slope_ = std::min(slope_, -1e-3);
  offset_ = (y - slope_ * x) / n;
  calibrated_ = true;
}

std::vector<double> CandidateRanker::LearnedScores(absl::Span<const RatedPoint> points) const {
  return learner_->Score(Matrix(points));
}

std::vector<double> CandidateRanker::Scores(absl::Span<const RatedPoint> points) const {
  auto scaled = [](double score, const Scale& scale) {
    return std::clamp((score - scale.mean) / scale.deviation, kLowest, kHighest);
  };
  std::vector<double> learned;
  if (learned_) learned = LearnedScores(points);
  const double weights = analytic_weight_ + prior_weight_ + (learned_ ? learned_weight_ : 0);
  std::vector<double> scores;
  for (size_t i = 0; i < points.size(); ++i) {
    double score = analytic_weight_ * scaled(points[i].analytic, analytic_scale_) +
                   prior_weight_ * scaled(points[i].prior, prior_scale_);
    if (learned_) score += learned_weight_ * scaled(learned[i], learned_scale_);
    scores.push_back(score / weights);
  }
  return scores;
}

std::vector<double> CandidateRanker::Predict(absl::Span<const RatedPoint> points) const {
  if (!calibrated_) {
    // Any scale will do to compare them.
    std::vector<double> logs;
    for (const RatedPoint& point : points) logs.push_back(-point.prior);
    return logs;
  }
  std::vector<double> logs = Scores(points);
  for (double& log : logs) log = offset_ + slope_ * log;
  return logs;
}

}  // namespace lathe
