// Rows of cost models from the records of a store.
#include "tuner/training_data.h"

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/analysis/features.h"
#include "compiler/schedule/trace.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"
#include "database/lookup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using ::testing::DoubleNear;

class TrainingDataTest : public ::testing::Test {
 protected:
  TrainingDataTest() {
    auto target = ParseTarget("x86-64-v4");
    EXPECT_TRUE(target.ok());
    target_ = *target;
    EXPECT_TRUE(store_->PutDevice({device_, "bench", "test device", "cores: 1"}).ok());
  }

  Task TaskOfOperator(const std::string& op) const {
    auto function = BuildOperator(op);
    EXPECT_TRUE(function.ok()) << function.status();
    Query query;
    query.function = *function;
    query.target = target_;
    query.device_kind = "test device";
    return TaskOf(query);
  }
  Space SpaceOf(const Task& task) const {
    auto function = ParseFunction(task.function_text, "test");
    EXPECT_TRUE(function.ok()) << function.status();
    auto space = SketchesOf(*function, {target_, task.threads});
    EXPECT_TRUE(space.ok()) << space.status();
    return *std::move(space);
  }
  void Add(const Task& task, const std::string& decisions, RecordStatus status, double median) {
    Record record;
    record.id = NewUuid();
    record.task = task;
    record.trace = "lathe-trace 1\n";
    record.decisions = decisions;
    record.program_hash = std::string(64, 'a');
    record.status = status;
    record.median = record.ci_low = record.ci_high = record.min = median;
    if (median > 0) {
      record.samples = {median};
      record.calls_per_sample = 1;
    }
    if (median > 0) record.device_uuid = device_;
    record.artifact_digest = std::string(64, 'b');
    record.lathe_version = "0.1.0";
    record.created_unix_ms = ++time_;
    absl::Status added = store_->AddRecords({record});
    ASSERT_TRUE(added.ok()) << added;
  }
  TrainingData Data(const TrainingDataOptions& options = {}) const {
    auto data = TrainingDataOf(*store_, options);
    EXPECT_TRUE(data.ok()) << data.status();
    return *std::move(data);
  }

  Target target_;
  std::unique_ptr<RecordStore> store_ = NewMemoryStore();
  const std::string device_ = NewUuid();
  int64_t time_ = 0;
};

TEST_F(TrainingDataTest, ARowForEachCandidateWithItsFeaturesAndMeanTime) {
  const Task task = TaskOfOperator("matmul(m=64,n=64,k=64)");
  const Space space = SpaceOf(task);
  std::mt19937_64 rng(3);
  const Setting a = space[0]->Analytic();
  Setting b = a;
  while (b == a) b = SampleSetting(*space[0], rng);
  Add(task, DecisionsText(*space[0], a), RecordStatus::kOk, 1e-3);
  Add(task, DecisionsText(*space[0], a), RecordStatus::kOk, 4e-3);
  Add(task, DecisionsText(*space[0], a), RecordStatus::kAbandoned, 9e-3);  // ok is known
  Add(task, DecisionsText(*space[0], b), RecordStatus::kAbandoned, 8e-3);
  TrainingData data = Data();
  ASSERT_EQ(data.rows.size(), 2);
  EXPECT_EQ(data.records, 4);
  EXPECT_EQ(data.tasks.size(), 1);
  for (const TrainingRow& row : data.rows) {
    bool is_a = row.features == FeaturesOf(space[0]->Model(a), target_, 1);
    EXPECT_TRUE(is_a || row.features == FeaturesOf(space[0]->Model(b), target_, 1));
    EXPECT_THAT(row.seconds, DoubleNear(is_a ? 2e-3 : 8e-3, 1e-9));
    EXPECT_EQ(row.group, GroupOf(task));
  }
}

TEST_F(TrainingDataTest, SkipsAndCountsWhatTeachesNothing) {
  const Task task = TaskOfOperator("matmul(m=64,n=64,k=64)");
  const Space space = SpaceOf(task);
  const std::string decisions = DecisionsText(*space[0], space[0]->Analytic());
  Add(task, decisions, RecordStatus::kCrash, 0);
  Add(task, "", RecordStatus::kOk, 1e-3);
  Add(task, "a_sketch_of_long_ago t.rows=3", RecordStatus::kOk, 1e-3);
  TrainingData data = Data();
  EXPECT_TRUE(data.rows.empty());
  EXPECT_TRUE(data.tasks.empty());
  EXPECT_EQ(data.records, 2);
  EXPECT_EQ(data.without_decisions, 1);
  EXPECT_EQ(data.not_in_space, 1);
}

TEST_F(TrainingDataTest, TakesTheTasksThatAreWantedAndTheNewestRecords) {
  const Task first = TaskOfOperator("matmul(m=64,n=64,k=64)");
  const Task second = TaskOfOperator("matmul(m=64,n=64,k=32)");
  EXPECT_EQ(first.family_hash, second.family_hash);
  EXPECT_NE(GroupOf(first), GroupOf(second));
  const Space space = SpaceOf(first);
  std::mt19937_64 rng(3);
  std::vector<std::string> decisions;
  for (int i = 0; i < 20; ++i) {
    decisions.push_back(DecisionsText(*space[0], SampleSetting(*space[0], rng)));
    Add(first, decisions.back(), RecordStatus::kOk, 1e-3 * (i + 1));
  }
  const Space other = SpaceOf(second);
  Add(second, DecisionsText(*other[0], other[0]->Analytic()), RecordStatus::kOk, 1e-3);
  EXPECT_EQ(Data().tasks.size(), 2);
  TrainingDataOptions options;
  options.wants = [&](const Task& task) { return task.function_hash == second.function_hash; };
  EXPECT_EQ(Data(options).rows.size(), 1);
  options.wants = nullptr;
  options.max_records_per_task = 1;
  TrainingData newest = Data(options);
  ASSERT_EQ(newest.rows.size(), 2);
  double slowest = std::max(newest.rows[0].seconds, newest.rows[1].seconds);
  EXPECT_THAT(slowest, DoubleNear(20e-3, 1e-9));
}

}  // namespace
}  // namespace lathe
