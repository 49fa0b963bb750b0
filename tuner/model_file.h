// Cost models in files.
#ifndef LATHE_TUNER_MODEL_FILE_H_
#define LATHE_TUNER_MODEL_FILE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tuner/boosted_trees.h"
#include "tuner/model_metrics.h"

namespace lathe {

// What a file says of its model, beside the trees.
struct ModelInfo {
  int feature_version = 0;
  std::string features_hash;  // FeaturesHash() of the Lathe that trained it
  std::string lathe_version;
  int64_t rows = 0, groups = 0;
  std::string held_out;                   // what `metrics` are of, "family 12ab..."; "" if nothing
  std::optional<RankingMetrics> metrics;  // on what was held out
};

// SHA-256 of the names of the features, in their order.
std::string FeaturesHash();

struct ModelFile {
  ModelInfo info;
  std::unique_ptr<BoostedTrees> model;
};

// One line with the SHA-256 of all that follows, one line of JSON (ModelInfo),
// XGBoost's bytes. The versions, rows and groups of `info` are filled in.
// FailedPrecondition when `model` was not trained.
absl::StatusOr<std::string> ModelFileText(const BoostedTrees& model, ModelInfo info);
// Errors as LoadCostModel; `path` is for messages.
absl::StatusOr<ModelFile> ParseModelFile(std::string_view bytes, const std::string& path);
// As above, from the file.
absl::StatusOr<ModelFile> ReadModelFile(const std::string& path);

}  // namespace lathe

#endif  // LATHE_TUNER_MODEL_FILE_H_
