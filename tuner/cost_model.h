// Cost models: they rank candidates before any of them is built.
#ifndef LATHE_TUNER_COST_MODEL_H_
#define LATHE_TUNER_COST_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lathe {

// One measured candidate.
struct TrainingRow {
  std::string group;            // its task: only rows of one group are compared
  std::vector<float> features;  // FeaturesOf
  double seconds = 0;           // per call
};

class CostModel {
 public:
  virtual ~CostModel() = default;
  virtual std::string name() const = 0;
  // Learns from `rows` alone, forgetting what it knew. FailedPrecondition when
  // they are too few to learn from; the model then scores as before.
  virtual absl::Status Train(absl::Span<const TrainingRow> rows) = 0;
  // One score for each of the rows of FeatureNames().size() values; the higher,
  // the faster. Only comparisons within one task mean anything.
  virtual std::vector<double> Score(absl::Span<const float> features) const = 0;
  // Bytes of which ParseCostModel makes an equal model; FailedPrecondition where
  // there is nothing learned to keep.
  virtual absl::StatusOr<std::string> Serialize() const {
    return absl::FailedPreconditionError("this cost model has learned nothing");
  }
};

// By EstimateSeconds alone: what there is before anything was measured.
std::unique_ptr<CostModel> NewAnalyticCostModel();

// Boosted trees that correct the estimate (boosted_trees.h); the estimate alone
// until they are trained. Equal rows and seeds train equal models.
std::unique_ptr<CostModel> NewBoostedTrees(uint64_t seed);

// The trees that `lathe model train` wrote. NotFound without a file, InvalidArgument for one
// that is none or was trained on other features, DataLoss for a damaged one; the
// messages say what to do.
absl::StatusOr<std::unique_ptr<CostModel>> LoadCostModel(const std::string& path);
// As above, of the bytes of such a file or of Serialize; `origin` is for messages.
absl::StatusOr<std::unique_ptr<CostModel>> ParseCostModel(std::string_view bytes,
                                                          const std::string& origin);

}  // namespace lathe

#endif  // LATHE_TUNER_COST_MODEL_H_
