// A cost model of gradient-boosted trees (Chen and Guestrin, XGBoost, KDD 2016).
// They are trained to rank the candidates of each task, and begin at the
// analytic estimate: what they learn is where it is wrong. Few rows already help.
#ifndef LATHE_TUNER_BOOSTED_TREES_H_
#define LATHE_TUNER_BOOSTED_TREES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tuner/cost_model.h"

namespace lathe {

class BoostedTrees : public CostModel {
 public:
  // Fewer rows than this, or no task with two of different times, are too few.
  static constexpr size_t kMinRows = 8;

  explicit BoostedTrees(uint64_t seed);
  ~BoostedTrees() override;

  std::string name() const override;  // "boosted-trees"
  // One thread. InvalidArgument for rows of another width than FeatureNames().
  absl::Status Train(absl::Span<const TrainingRow> rows) override;
  std::vector<double> Score(absl::Span<const float> features) const override;
  absl::StatusOr<std::string> Serialize() const override;  // model_file.cc

  bool is_trained() const;
  int64_t rows() const { return rows_; }      // it was trained on
  int64_t groups() const { return groups_; }  // of those rows

  // XGBoost's own bytes of the trained model. Internal where XGBoost fails.
  absl::StatusOr<std::string> Bytes() const;
  // The model of such bytes, of FeatureNames() of this version. DataLoss when
  // they are none: XGBoost is not made for bytes that nobody verified.
  static absl::StatusOr<std::unique_ptr<BoostedTrees>> FromBytes(std::string_view bytes,
                                                                 int64_t rows, int64_t groups);

 private:
  class Booster;

  const uint64_t seed_;
  int64_t rows_ = 0, groups_ = 0;
  std::unique_ptr<Booster> booster_;  // null: not trained
};

}  // namespace lathe

#endif  // LATHE_TUNER_BOOSTED_TREES_H_
