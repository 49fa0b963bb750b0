#include "tuner/boosted_trees.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/analysis/features.h"
#include "compiler/base/check.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "xgboost/c_api.h"

namespace lathe {
namespace {

// Small enough to be retrained between batches of a search: see
// tests/tuner/cost_model_benchmark.cc.
constexpr int kTrees = 60;
// How sure the estimate is before anything was learned: a candidate that it
// holds to be twice as fast is ranked first with probability 1 / (1 + e^-2).
constexpr double kEstimateWeight = 2;
// Times that differ by less than 2^(1/32), or 2 %, are equal: noise teaches nothing.
// Those slower than 2^5 times the best are all alike.
constexpr double kLevelsPerOctave = 32, kOctaves = 5;

absl::Status Check(int code, const char* call) {
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("XGBoost's ", call, " failed: ", XGBGetLastError()));
}
#define RETURN_IF_XGB_ERROR(call) RETURN_IF_ERROR(Check(call, #call))

class Matrix {
 public:
  Matrix() = default;
  Matrix(const Matrix&) = delete;
  ~Matrix() {
    if (handle != nullptr) XGDMatrixFree(handle);
  }
  DMatrixHandle handle = nullptr;
};

size_t Width() { return FeatureNames().size(); }

// The rows of each task together, in the order of their names: what is learned
// does not depend on the order in which tasks come.
std::vector<std::vector<const TrainingRow*>> Groups(absl::Span<const TrainingRow> rows) {
  std::map<std::string_view, std::vector<const TrainingRow*>> groups;
  for (const TrainingRow& row : rows) groups[row.group].push_back(&row);
  std::vector<std::vector<const TrainingRow*>> result;
  for (auto& [name, members] : groups) result.push_back(std::move(members));
  return result;
}

// Of rows of one task: the higher, the faster.
std::vector<float> Relevances(const std::vector<const TrainingRow*>& group) {
  double best = std::numeric_limits<double>::infinity();
  for (const TrainingRow* row : group) best = std::min(best, row->seconds);
  std::vector<float> levels;
  for (const TrainingRow* row : group) {
    double octaves = std::min(std::log2(row->seconds / best), kOctaves);
    levels.push_back(static_cast<float>(std::round((kOctaves - octaves) * kLevelsPerOctave)));
  }
  return levels;
}

// What rows say to XGBoost.
struct TrainingSet {
  std::vector<float> features, relevances, margins;
  std::vector<unsigned> group_sizes;
  bool has_order = false;  // some task has two different relevances
};

TrainingSet TrainingSetOf(absl::Span<const TrainingRow> rows) {
  TrainingSet set;
  for (const auto& group : Groups(rows)) {
    std::vector<float> relevances = Relevances(group);
    auto [least, most] = std::minmax_element(relevances.begin(), relevances.end());
    set.has_order = set.has_order || *least < *most;
    set.relevances.insert(set.relevances.end(), relevances.begin(), relevances.end());
    set.group_sizes.push_back(static_cast<unsigned>(group.size()));
    for (const TrainingRow* row : group) {
      set.features.insert(set.features.end(), row->features.begin(), row->features.end());
      set.margins.push_back(static_cast<float>(-kEstimateWeight * row->features[0]));
    }
  }
  return set;
}

absl::Status CheckRows(absl::Span<const TrainingRow> rows) {
  if (rows.size() < BoostedTrees::kMinRows) {
    return absl::FailedPreconditionError(
        absl::StrCat(rows.size(), " measured candidates are too few to train a cost model: ",
                     BoostedTrees::kMinRows, " are needed"));
  }
  for (const TrainingRow& row : rows) {
    if (row.features.size() != Width() || !(row.seconds > 0) || !std::isfinite(row.seconds)) {
      return absl::InvalidArgumentError(absl::StrCat("a row of task ", row.group, " has ",
                                                     row.features.size(), " features, not ",
                                                     Width(), ", or no time"));
    }
  }
  return absl::OkStatus();
}

absl::Status Fill(const TrainingSet& set, Matrix& matrix) {
  const size_t rows = set.relevances.size();
  RETURN_IF_XGB_ERROR(
      XGDMatrixCreateFromMat_omp(set.features.data(), rows, Width(), NAN, &matrix.handle, 1));
  RETURN_IF_XGB_ERROR(XGDMatrixSetFloatInfo(matrix.handle, "label", set.relevances.data(), rows));
  RETURN_IF_XGB_ERROR(
      XGDMatrixSetFloatInfo(matrix.handle, "base_margin", set.margins.data(), rows));
  return Check(
      XGDMatrixSetUIntInfo(matrix.handle, "group", set.group_sizes.data(), set.group_sizes.size()),
      "XGDMatrixSetUIntInfo");
}

}  // namespace

class BoostedTrees::Booster {
 public:
  Booster() = default;
  Booster(const Booster&) = delete;
  ~Booster() {
    if (handle != nullptr) XGBoosterFree(handle);
  }

  absl::Status Set(const std::vector<std::pair<std::string, std::string>>& parameters) {
    for (const auto& [name, value] : parameters) {
      RETURN_IF_XGB_ERROR(XGBoosterSetParam(handle, name.c_str(), value.c_str()));
    }
    return absl::OkStatus();
  }

  // One value for each row of `features`.
  absl::StatusOr<std::vector<double>> Predict(absl::Span<const float> features) const {
    const size_t rows = features.size() / Width();
    if (rows == 0) return std::vector<double>();
    const std::string array = absl::StrFormat(
        R"({"data": [%u, true], "shape": [%u, %u], "typestr": "<f4", "version": 3})",
        reinterpret_cast<uintptr_t>(features.data()), rows, Width());
    // Type 1: the sum of the leaves, without a transformation.
    constexpr char kConfig[] =
        R"({"type": 1, "training": false, "iteration_begin": 0, "iteration_end": 0,)"
        R"( "strict_shape": false, "missing": NaN, "cache_id": 0})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* values = nullptr;
    RETURN_IF_XGB_ERROR(XGBoosterPredictFromDense(handle, array.c_str(), kConfig, nullptr, &shape,
                                                  &dimensions, &values));
    if (dimensions < 1 || shape[0] != rows) {
      return absl::InternalError("XGBoost predicted another number of values than rows");
    }
    return std::vector<double>(values, values + rows);
  }

  BoosterHandle handle = nullptr;
};

BoostedTrees::BoostedTrees(uint64_t seed) : seed_(seed) {}
BoostedTrees::~BoostedTrees() = default;

std::string BoostedTrees::name() const { return "boosted-trees"; }
bool BoostedTrees::is_trained() const { return booster_ != nullptr; }

absl::Status BoostedTrees::Train(absl::Span<const TrainingRow> rows) {
  RETURN_IF_ERROR(CheckRows(rows));
  TrainingSet set = TrainingSetOf(rows);
  if (!set.has_order) {
    return absl::FailedPreconditionError(
        "no task has two candidates of different times: there is nothing to learn from");
  }
  Matrix matrix;
  RETURN_IF_ERROR(Fill(set, matrix));
  auto booster = std::make_unique<Booster>();
  RETURN_IF_XGB_ERROR(XGBoosterCreate(&matrix.handle, 1, &booster->handle));
  RETURN_IF_ERROR(booster->Set({
      {"verbosity", "0"},
      {"nthread", "1"},
      {"seed", absl::StrCat(seed_ & 0x7fffffff)},
      {"objective", "rank:pairwise"},
      {"tree_method", "hist"},
      {"max_bin", "32"},
      {"max_depth", "4"},
      {"eta", "0.2"},
      {"min_child_weight", "1"},
      {"subsample", "0.8"},
      {"colsample_bytree", "0.6"},
  }));
  for (int tree = 0; tree < kTrees; ++tree) {
    RETURN_IF_XGB_ERROR(XGBoosterUpdateOneIter(booster->handle, tree, matrix.handle));
  }
  booster_ = std::move(booster);
  rows_ = static_cast<int64_t>(rows.size());
  groups_ = static_cast<int64_t>(set.group_sizes.size());
  return absl::OkStatus();
}

std::vector<double> BoostedTrees::Score(absl::Span<const float> features) const {
  CHECK_EQ(features.size() % Width(), 0);
  std::vector<double> scores(features.size() / Width());
  if (booster_ != nullptr) {
    // It was trained or tried on rows of this width: only memory can fail.
    absl::StatusOr<std::vector<double>> predicted = booster_->Predict(features);
    CHECK(predicted.ok()) << predicted.status();
    scores = *std::move(predicted);
  }
  for (size_t r = 0; r < scores.size(); ++r) scores[r] -= kEstimateWeight * features[r * Width()];
  return scores;
}

absl::StatusOr<std::string> BoostedTrees::Bytes() const {
  if (booster_ == nullptr) return absl::FailedPreconditionError("the cost model is not trained");
  bst_ulong size = 0;
  const char* bytes = nullptr;
  RETURN_IF_XGB_ERROR(
      XGBoosterSaveModelToBuffer(booster_->handle, R"({"format": "ubj"})", &size, &bytes));
  return std::string(bytes, size);
}

absl::StatusOr<std::unique_ptr<BoostedTrees>> BoostedTrees::FromBytes(std::string_view bytes,
                                                                      int64_t rows,
                                                                      int64_t groups) {
  auto booster = std::make_unique<Booster>();
  auto load = [&]() -> absl::Status {
    RETURN_IF_XGB_ERROR(XGBoosterCreate(nullptr, 0, &booster->handle));
    RETURN_IF_ERROR(booster->Set({{"verbosity", "0"}, {"nthread", "1"}}));
    RETURN_IF_XGB_ERROR(XGBoosterLoadModelFromBuffer(booster->handle, bytes.data(), bytes.size()));
    bst_ulong width = 0;
    RETURN_IF_XGB_ERROR(XGBoosterGetNumFeature(booster->handle, &width));
    if (width != Width()) {
      return absl::DataLossError(absl::StrCat("its trees are of ", width, " features"));
    }
    return booster->Predict(std::vector<float>(Width())).status();
  };
  if (absl::Status status = load(); !status.ok()) {
    return absl::DataLossError(absl::StrCat("no trees can be read: ", status.message()));
  }
  auto trees = std::make_unique<BoostedTrees>(0);
  trees->booster_ = std::move(booster);
  trees->rows_ = rows;
  trees->groups_ = groups;
  return trees;
}

std::unique_ptr<CostModel> NewBoostedTrees(uint64_t seed) {
  return std::make_unique<BoostedTrees>(seed);
}

}  // namespace lathe
