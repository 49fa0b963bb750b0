// Boosted trees, their metrics and their files.
#include "tuner/cost_model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/analysis/features.h"
#include "compiler/base/digest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/run_program.h"
#include "tuner/boosted_trees.h"
#include "tuner/model_file.h"
#include "tuner/model_metrics.h"

namespace lathe {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using testing::ScratchDirectory;

// Candidates that the estimate (the first feature) ranks wrongly: in truth those
// of the middle are the fastest. The tasks differ in scale.
std::vector<TrainingRow> Rows(int tasks, int per_task, uint64_t seed) {
  std::mt19937_64 rng(seed);
  auto uniform = [&] { return static_cast<double>(rng() >> 11) / 9007199254740992.0; };
  std::vector<TrainingRow> rows;
  for (int t = 0; t < tasks; ++t) {
    for (int r = 0; r < per_task; ++r) {
      TrainingRow row;
      row.group = absl::StrCat("task", t);
      for (size_t f = 0; f < FeatureNames().size(); ++f) {
        row.features.push_back(static_cast<float>(uniform()));
      }
      row.seconds = std::exp2(6 * std::abs(row.features[0] - 0.5) + 0.02 * uniform() - 10 - t);
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::vector<float> FeaturesOf(const std::vector<TrainingRow>& rows) {
  std::vector<float> features;
  for (const TrainingRow& row : rows) {
    features.insert(features.end(), row.features.begin(), row.features.end());
  }
  return features;
}

TEST(RankCorrelation, OfKnownSeries) {
  EXPECT_THAT(RankCorrelation({1, 2, 3, 4}, {10, 20, 30, 400}), DoubleNear(1, 1e-12));
  EXPECT_THAT(RankCorrelation({1, 2, 3, 4}, {4, 3, 2, 1}), DoubleNear(-1, 1e-12));
  EXPECT_THAT(RankCorrelation({1, 2, 3, 4}, {1, 3, 2, 4}), DoubleNear(0.8, 1e-12));
  EXPECT_THAT(RankCorrelation({1, 2, 2, 3}, {1, 2, 3, 4}), DoubleNear(3 / std::sqrt(10), 1e-3));
  EXPECT_EQ(RankCorrelation({1, 1, 1}, {1, 2, 3}), 0);
  EXPECT_EQ(RankCorrelation({}, {}), 0);
}

TEST(EvaluateRanking, RegretIsOfTheBestOfTheHighest) {
  std::vector<TrainingRow> rows;
  const double seconds[] = {1.5, 1.2, 2, 1};  // in the order of the estimate
  for (int r = 0; r < 4; ++r) {
    TrainingRow row{"t", std::vector<float>(FeatureNames().size()), seconds[r]};
    row.features[0] = static_cast<float>(r);
    rows.push_back(row);
  }
  rows.push_back({"too small", std::vector<float>(FeatureNames().size()), 1});
  RankingMetrics metrics = EvaluateRanking(*NewAnalyticCostModel(), rows);
  EXPECT_EQ(metrics.tasks, 1);
  EXPECT_EQ(metrics.rows, 4);
  ASSERT_EQ(metrics.top_k_regret.size(), 3);
  EXPECT_EQ(metrics.top_k_regret[0].first, 1);
  EXPECT_THAT(metrics.top_k_regret[0].second, DoubleNear(0.5, 1e-12));
  EXPECT_EQ(metrics.top_k_regret[1].second, 0);
  EXPECT_THAT(metrics.rank_correlation, DoubleNear(-0.4, 1e-12));
}

TEST(BoostedTrees, LearnWhereTheEstimateIsWrong) {
  const std::vector<TrainingRow> train = Rows(4, 60, 1), held_out = Rows(3, 60, 2);
  BoostedTrees trees(7);
  RankingMetrics before = EvaluateRanking(trees, held_out);
  EXPECT_LT(before.rank_correlation, 0.5);  // the estimate's
  EXPECT_EQ(before.rank_correlation,
            EvaluateRanking(*NewAnalyticCostModel(), held_out).rank_correlation);
  ASSERT_TRUE(trees.Train(train).ok());
  EXPECT_TRUE(trees.is_trained());
  EXPECT_EQ(trees.rows(), 240);
  EXPECT_EQ(trees.groups(), 4);
  RankingMetrics after = EvaluateRanking(trees, held_out);
  EXPECT_GT(after.rank_correlation, 0.9);
  EXPECT_LT(after.top_k_regret[1].second, 0.1);
}

TEST(BoostedTrees, EqualRowsAndSeedsTrainEqualModels) {
  std::vector<TrainingRow> rows = Rows(3, 40, 3);
  BoostedTrees a(5), b(5), c(6);
  ASSERT_TRUE(a.Train(rows).ok());
  ASSERT_TRUE(b.Train(Rows(2, 30, 9)).ok());  // forgotten below
  ASSERT_TRUE(b.Train(rows).ok());
  ASSERT_TRUE(c.Train(rows).ok());
  const std::vector<float> features = FeaturesOf(Rows(1, 50, 4));
  EXPECT_EQ(a.Score(features), b.Score(features));
  EXPECT_NE(a.Score(features), c.Score(features));
  // Tasks in another order are the same rows.
  std::stable_partition(rows.begin(), rows.end(), [](const auto& r) { return r.group == "task2"; });
  ASSERT_TRUE(b.Train(rows).ok());
  EXPECT_EQ(a.Score(features), b.Score(features));
}

TEST(BoostedTrees, RefuseTooFewRowsAndScoreAsBefore) {
  BoostedTrees trees(1);
  const std::vector<float> features = FeaturesOf(Rows(1, 10, 4));
  const std::vector<double> before = trees.Score(features);
  EXPECT_TRUE(absl::IsFailedPrecondition(trees.Train({})));
  EXPECT_TRUE(absl::IsFailedPrecondition(trees.Train(Rows(1, 7, 1))));
  std::vector<TrainingRow> alone = Rows(20, 1, 1);  // nothing to compare with
  EXPECT_TRUE(absl::IsFailedPrecondition(trees.Train(alone)));
  std::vector<TrainingRow> narrow = Rows(1, 20, 1);
  narrow[3].features.pop_back();
  EXPECT_TRUE(absl::IsInvalidArgument(trees.Train(narrow)));
  std::vector<TrainingRow> timeless = Rows(1, 20, 1);
  timeless[3].seconds = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(trees.Train(timeless)));
  EXPECT_EQ(trees.Score(features), before);
  EXPECT_FALSE(trees.is_trained());
  EXPECT_TRUE(absl::IsFailedPrecondition(trees.Bytes().status()));
  EXPECT_TRUE(trees.Score({}).empty());
}

class ModelFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(trees_.Train(Rows(3, 40, 3)).ok());
    ModelInfo info;
    info.held_out = "family abc";
    info.metrics = RankingMetrics{2, 80, 0.75, {{1, 0.25}, {8, 0.0625}}};
    auto text = ModelFileText(trees_, info);
    ASSERT_TRUE(text.ok()) << text.status();
    text_ = *text;
  }
  std::string Write(const std::string& contents) const {
    std::string path = scratch_.path("cost.model");
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }
  // With the digest that belongs to it.
  static std::string Sealed(const std::string& body) {
    return absl::StrCat("lathe cost model 1 ", Sha256Hex(body), "\n", body);
  }
  std::string Body() const { return text_.substr(text_.find('\n') + 1); }

  ScratchDirectory scratch_;
  BoostedTrees trees_{11};
  std::string text_;
};

TEST_F(ModelFileTest, ScoresTheSameAfterwards) {
  const std::string path = Write(text_);
  auto model = LoadCostModel(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const std::vector<float> features = FeaturesOf(Rows(1, 200, 4));
  EXPECT_EQ((*model)->Score(features), trees_.Score(features));
  auto file = ReadModelFile(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->info.feature_version, kFeatureVersion);
  EXPECT_EQ(file->info.rows, 120);
  EXPECT_EQ(file->info.groups, 3);
  EXPECT_EQ(file->info.held_out, "family abc");
  ASSERT_TRUE(file->info.metrics.has_value());
  EXPECT_EQ(file->info.metrics->rank_correlation, 0.75);
  EXPECT_EQ(file->info.metrics->top_k_regret.back(), std::make_pair(8, 0.0625));
  auto again = ModelFileText(*file->model, file->info);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(ParseModelFile(*again, "again").ok());
  auto bytes = (*model)->Serialize();
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  auto parsed = ParseCostModel(*bytes, "bytes");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ((*parsed)->Score(features), trees_.Score(features));
  EXPECT_TRUE(absl::IsFailedPrecondition(NewAnalyticCostModel()->Serialize().status()));
  // It can be trained on, too.
  EXPECT_TRUE((*model)->Train(Rows(2, 20, 8)).ok());
}

TEST_F(ModelFileTest, RefusesForeignAndDamagedFiles) {
  EXPECT_TRUE(absl::IsNotFound(LoadCostModel(scratch_.path("none")).status()));
  for (const std::string& foreign : {std::string(), std::string("{}"), text_.substr(1),
                                     std::string(5000, '\0'), std::string("lathe 1\nfunc")}) {
    absl::Status status = LoadCostModel(Write(foreign)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("train it again"));
  }
  std::mt19937_64 rng(1);
  for (int round = 0; round < 200; ++round) {
    std::string damaged = text_;
    if (round % 2 == 0) {
      size_t at = 19 + rng() % (damaged.size() - 19);
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << rng() % 8));
    } else {
      damaged.resize(19 + rng() % (damaged.size() - 19));
    }
    absl::Status status = LoadCostModel(Write(damaged)).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("train it again"));
  }
}

TEST_F(ModelFileTest, SealedNonsenseIsAnErrorNotADeath) {
  size_t line = Body().find('\n');
  for (const std::string& trees : {std::string(), std::string("nonsense"), std::string("{\"a\""),
                                   std::string("{}"), Body().substr(line + 1, 300)}) {
    absl::Status status = LoadCostModel(Write(Sealed(Body().substr(0, line + 1) + trees))).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  }
  EXPECT_TRUE(absl::IsDataLoss(LoadCostModel(Write(Sealed("{\"rows\": 3}\nx"))).status()));
  EXPECT_TRUE(absl::IsDataLoss(LoadCostModel(Write(Sealed("no line"))).status()));
}

TEST_F(ModelFileTest, RefusesOtherFeatures) {
  size_t line = Body().find('\n');
  for (const char* field : {"feature_version", "features_hash"}) {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(Body().substr(0, line));
    if (json[field].is_string()) {
      json[field] = std::string(64, '0');
    } else {
      json[field] = kFeatureVersion + 1;
    }
    absl::Status status = LoadCostModel(Write(Sealed(json.dump() + Body().substr(line)))).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("features of version"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("lathe model train"));
  }
}

}  // namespace
}  // namespace lathe
