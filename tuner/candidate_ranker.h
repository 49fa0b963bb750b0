// Predicts how long points of a space take, from the analytic estimate, a cost
// model of other tasks and one of this task's own results.
#ifndef LATHE_TUNER_CANDIDATE_RANKER_H_
#define LATHE_TUNER_CANDIDATE_RANKER_H_

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "compiler/space/space.h"
#include "tuner/cost_model.h"
#include "tuner/search_space.h"

namespace lathe {

// A point with what the models see of it.
struct RatedPoint {
  Point point;
  std::vector<float> features;
  double analytic = 0, prior = 0;  // scores: the higher, the faster
};

class CandidateRanker {
 public:
  // `prior` may be null. It and `space` must outlive the ranker.
  CandidateRanker(const SearchSpace* space, SpaceOptions options, const CostModel* prior,
                  std::unique_ptr<CostModel> learner);

  std::vector<RatedPoint> Rate(std::vector<Point> points) const;
  // A result of this task: log(seconds), or a failure, which counts as slow.
  void AddResult(RatedPoint point, double log_seconds);
  void AddFailure(RatedPoint point);
  // Learns from the results so far; deterministic.
  void Train();
  bool is_calibrated() const { return calibrated_; }
  int num_results() const { return static_cast<int>(results_.size()); }

  // log(seconds) of each; before there are results right up to a constant factor.
  std::vector<double> Predict(absl::Span<const RatedPoint> points) const;

 private:
  struct Result {
    RatedPoint point;
    double log_seconds = 0;
    bool failed = false;
  };
  // Of one model's scores, to compare them with another's.
  struct Scale {
    double mean = 0, deviation = 1;
  };
  std::vector<double> Scores(absl::Span<const RatedPoint> points) const;
  std::vector<double> LearnedScores(absl::Span<const RatedPoint> points) const;
  void Calibrate();

  const SearchSpace& space_;
  const SpaceOptions options_;
  const CostModel* const prior_;
  const std::unique_ptr<CostModel> analytic_, learner_;
  std::vector<Result> results_;
  bool learned_ = false, calibrated_ = false;
  Scale analytic_scale_, prior_scale_, learned_scale_;
  double analytic_weight_ = 1, prior_weight_ = 1, learned_weight_ = 0;
  double offset_ = 0, slope_ = -1;  // log(seconds) of a score
};

}  // namespace lathe

#endif  // LATHE_TUNER_CANDIDATE_RANKER_H_
