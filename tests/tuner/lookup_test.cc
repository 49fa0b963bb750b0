// Look-up with replay and refit.
#include "tuner/lookup.h"

#include <string>
#include <utility>
#include <vector>

#include "compiler/base/digest.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/database/test_records.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

class TunerLookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
    query_ = QueryOf(64, 96, 128);
  }

  static Query QueryOf(int64_t m, int64_t n, int64_t k) {
    Query query;
    query.function = Matmul(m, n, k);
    query.target = ParseTarget("x86-64-v3").value();
    query.device_kind = "kind-a";
    return query;
  }

  // Adds a record of the analytic setting of the last sketch, with its true hash.
  Record Add(const Query& query, double median, bool with_decisions = true) {
    Function canonical = Canonicalize(query.function).function;
    Space space = SketchesOf(canonical, {query.target, query.threads}).value();
    const Sketch& sketch = *space.front();
    Trace trace = sketch.Instantiate(sketch.Analytic());
    Record record = TestRecord(++records_, median, TaskOf(query));
    record.trace = ToText(trace);
    if (with_decisions) record.decisions = DecisionsText(sketch, sketch.Analytic());
    record.program_hash = ProgramHash(LowerWithTrace(canonical, trace).value());
    Put(record);
    return record;
  }
  void Put(const Record& record) {
    absl::Status status = store_->AddRecords({record});
    ASSERT_TRUE(status.ok()) << status;
  }
  FoundSchedule Find(double max_loss) {
    auto found = FindSchedule(*store_, query_, {.max_loss = max_loss});
    EXPECT_TRUE(found.ok()) << found.status();
    return *std::move(found);
  }

  std::unique_ptr<RecordStore> store_ = NewMemoryStore();
  Query query_;
  int64_t records_ = 0;
};

TEST_F(TunerLookupTest, ExactIsReplayed) {
  Record record = Add(query_, 0.5);
  FoundSchedule found = Find(0);
  EXPECT_EQ(found.verdict, Verdict::kExact);
  EXPECT_EQ(found.record->id, record.id);
  EXPECT_EQ(ToText(found.trace), record.trace);
  EXPECT_EQ(found.reason, "");
}

TEST_F(TunerLookupTest, AStaleRecordIsNeverServed) {
  Record stale = Add(query_, 0.5);
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  stale.program_hash = Sha256Hex("another program");
  stale.promoted = true;
  Put(stale);
  FoundSchedule none = Find(0);
  EXPECT_EQ(none.verdict, Verdict::kNone);
  EXPECT_FALSE(none.record.has_value());
  EXPECT_THAT(none.reason, HasSubstr("is stale: its trace gives another program"));
  // Another record of the task, slower, takes its place and says so.
  Record naive = TestRecord(100, 2, TaskOf(query_));
  naive.trace = ToText(Trace{});
  naive.program_hash =
      ProgramHash(LowerWithTrace(Canonicalize(query_.function).function, Trace{}).value());
  Put(naive);
  FoundSchedule found = Find(0);
  EXPECT_EQ(found.verdict, Verdict::kExact);
  EXPECT_EQ(found.record->id, naive.id);
  EXPECT_THAT(found.reason, HasSubstr("is stale"));
}

TEST_F(TunerLookupTest, TheNearestShapeIsRefitted) {
  Add(QueryOf(2048, 96, 128), 0.5);
  Record near = Add(QueryOf(64, 96, 256), 0.5);
  EXPECT_EQ(Find(0).verdict, Verdict::kNone);
  FoundSchedule found = Find(0.2);
  ASSERT_EQ(found.verdict, Verdict::kNearest) << found.reason;
  EXPECT_EQ(found.record->id, near.id);
  EXPECT_DOUBLE_EQ(found.distance, 1);
  EXPECT_GE(found.expected_loss, 0.02);
  EXPECT_THAT(found.reason, HasSubstr("1.00 doublings away, with an expected loss of "));
  // It is a schedule of the queried shape.
  EXPECT_TRUE(LowerWithTrace(Canonicalize(query_.function).function, found.trace).ok());
  EXPECT_NE(found.decisions, "");
}

TEST_F(TunerLookupTest, WhatIsNearAndStaleMakesRoomForWhatIsFurther) {
  std::vector<Record> records;
  for (int64_t k : {144, 160, 176, 192, 208, 224, 240}) {
    records.push_back(Add(QueryOf(64, 96, k), 0.5));
  }
  const std::string nearest = Find(10).record->id;
  EXPECT_EQ(nearest, records.front().id);
  // More that are stale than are compared at once.
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  for (Record& record : records) {
    if (record.id != records.back().id) record.program_hash = Sha256Hex("another program");
    Put(record);
  }
  EXPECT_EQ(Find(10).record->id, records.back().id);
  // One that was measured elsewhere is expected to lose more than one a little further.
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  for (const auto& [k, kind] : {std::pair(136, "kind-b"), std::pair(144, "kind-a")}) {
    Query query = QueryOf(64, 96, k);
    query.device_kind = kind;
    Add(query, 0.5, /*with_decisions=*/false);
  }
  EXPECT_EQ(Find(10).record->task.device_kind, "kind-a");
}

TEST_F(TunerLookupTest, BeyondTheBoundNothingIsServed) {
  Add(QueryOf(4096, 2048, 2048), 0.5);
  FoundSchedule none = Find(0.1);
  EXPECT_EQ(none.verdict, Verdict::kNone);
  EXPECT_FALSE(none.record.has_value());
  EXPECT_GT(none.expected_loss, 0.1);
  EXPECT_THAT(none.reason, HasSubstr("more than the 10.0 % allowed by --max-loss"));
}

TEST_F(TunerLookupTest, WithoutDecisionsTheTraceItselfIsReplayed) {
  Record near = Add(QueryOf(64, 96, 256), 0.5, /*with_decisions=*/false);
  FoundSchedule found = Find(0.5);
  ASSERT_EQ(found.verdict, Verdict::kNearest) << found.reason;
  EXPECT_EQ(ToText(found.trace), near.trace);
  // One that does not replay is no candidate.
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  near.trace = "lathe-trace 1\nvectorize(nowhere)\n";
  Put(near);
  EXPECT_EQ(Find(0.5).verdict, Verdict::kNone);
}

TEST_F(TunerLookupTest, OtherFamiliesThreadsAndAccuraciesAreNotNear) {
  Query other = QueryOf(64, 96, 256);
  other.threads = 2;
  Add(other, 0.5);
  other = QueryOf(64, 96, 256);
  other.function = BuildOperator("matmul(m=64,n=96,k=256,relu=1)").value();
  Add(other, 0.5);
  EXPECT_EQ(Find(10).verdict, Verdict::kNone);
}

TEST_F(TunerLookupTest, TheDatabaseCalibratesTheLoss) {
  // Two tuned shapes, each with the other's setting among its records.
  Record a = Add(QueryOf(64, 96, 256), 1), b = Add(QueryOf(64, 96, 512), 1);
  const double loss = Find(10).expected_loss;
  for (const auto& [to, from] : {std::pair(a, b), std::pair(b, a)}) {
    Query query = QueryOf(64, 96, to.id == a.id ? 256 : 512);
    Space space = SketchesOf(Canonicalize(query.function).function, {query.target, 1}).value();
    auto refit = RefitSetting(space, from.decisions);
    ASSERT_TRUE(refit.has_value());
    const Sketch& sketch = *space[static_cast<size_t>(refit->first)];
    Record slow = to;
    slow.id = TestUuid(++records_ + 100);
    slow.decisions = DecisionsText(sketch, refit->second);
    slow.median = slow.ci_low = slow.ci_high = slow.min = 1.5;
    // Where the refit is what is served anyhow, nothing would be lost.
    if (slow.decisions == to.decisions) slow.median = 1;
    if (slow.decisions != to.decisions) Put(slow);
  }
  FoundSchedule found = Find(10);
  EXPECT_GT(found.calibration_pairs, 0);
  EXPECT_NE(found.expected_loss, loss);
}

TEST(PriorLoss, GrowsWithTheDistance) {
  EXPECT_LT(PriorLoss(0), PriorLoss(0.5));
  EXPECT_LT(PriorLoss(0.5), PriorLoss(4));
}

}  // namespace
}  // namespace lathe
