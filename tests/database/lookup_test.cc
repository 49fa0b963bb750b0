#include "database/lookup.h"

#include <string>
#include <utility>

#include "compiler/tensor/operators.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test_records.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

Target TargetWith(std::vector<std::string> features) {
  Target target;
  target.features = std::move(features);
  target.tuning = "generic";
  return target;
}

class LookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
    query_.function = Matmul(8, 8, 8);
    query_.target = TargetWith({"avx", "avx2"});
    query_.device_kind = "kind-a";
  }

  // Adds an ok record of `task` and returns its id.
  std::string Add(const Task& task, double median, std::vector<std::string> required = {"avx"}) {
    Record record = TestRecord(++records_, median, task);
    record.required_features = std::move(required);
    absl::Status status = store_->AddRecords({record});
    EXPECT_TRUE(status.ok()) << status;
    return record.id;
  }

  void Expect(Verdict verdict, const std::string& id, const std::string& reason) {
    auto result = Lookup(*store_, query_);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(Name(result->verdict), Name(verdict)) << result->reason;
    EXPECT_EQ(result->record ? result->record->id : "", id);
    EXPECT_THAT(result->reason, HasSubstr(reason));
  }

  std::unique_ptr<RecordStore> store_ = NewMemoryStore();
  Query query_;
  int64_t records_ = 0;
};

TEST_F(LookupTest, NothingIsThere) { Expect(Verdict::kNone, "", "no record of this function"); }

TEST_F(LookupTest, ExactIsTheFastestOfTheTask) {
  Add(TaskOf(query_), 0.5);
  std::string best = Add(TaskOf(query_), 0.25);
  Task other = TaskOf(query_);
  other.device_kind = "kind-b";
  Add(other, 0.125);
  Expect(Verdict::kExact, best, "");
}

TEST_F(LookupTest, AnyKindIsExactWhenNoneIsAskedFor) {
  Add(TaskOf(query_), 0.5);
  Task other = TaskOf(query_);
  other.device_kind = "kind-b";
  std::string best = Add(other, 0.25);
  query_.device_kind = "";
  Expect(Verdict::kExact, best, "");
}

TEST_F(LookupTest, AnotherDeviceKindIsCompatible) {
  Task other = TaskOf(query_);
  other.device_kind = "kind-b";
  std::string id = Add(other, 0.5);
  Expect(Verdict::kCompatible, id, "measured on kind-b");
}

TEST_F(LookupTest, ATargetWhoseFeaturesTheHostHasIsCompatible) {
  Task wide = TaskOf(query_), narrow = TaskOf(query_);
  wide.target = ToText(TargetWith({"avx", "avx2", "avx512f"}));
  narrow.target = ToText(TargetWith({"avx"}));
  Add(wide, 0.125, {"avx512f"});
  Expect(Verdict::kNone, "", "need avx512f, which the queried target lacks");
  // A slower record of the same task that needs less may serve.
  std::string modest = Add(wide, 0.5, {"avx"});
  Expect(Verdict::kCompatible, modest, "avx512f");
  std::string faster = Add(narrow, 0.25);
  Expect(Verdict::kCompatible, faster, "for x86_64");
}

TEST_F(LookupTest, AnotherArchitectureIsNot) {
  Task task = TaskOf(query_);
  Target arm;
  arm.architecture = Architecture::kAArch64;
  arm.tuning = "generic";
  task.target = ToText(arm);
  Add(task, 0.5, {});
  Expect(Verdict::kNone, "", "there are records for aarch64, not x86_64");
}

TEST_F(LookupTest, ARecordWithoutConstServesAConstQueryAndNeverTheReverse) {
  Query plain = query_, constant = query_;
  constant.function = Matmul(8, 8, 8, /*const_b=*/true);
  std::string of_constant = Add(TaskOf(constant), 0.125);
  query_ = plain;
  Expect(Verdict::kNone, "", "no record of this function");
  query_ = constant;
  Expect(Verdict::kExact, of_constant, "");

  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  std::string of_plain = Add(TaskOf(plain), 0.5);
  Expect(Verdict::kCompatible, of_plain, "without const arguments");
}

TEST_F(LookupTest, ThreadsRegimeAndAccuracyMustFit) {
  Task threads = TaskOf(query_), regime = TaskOf(query_), relaxed = TaskOf(query_);
  threads.threads = 4;
  Add(threads, 0.5);
  Expect(Verdict::kNone, "", "for 4 threads, not 1");
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  regime.regime = Regime::kCold;
  Add(regime, 0.5);
  Expect(Verdict::kNone, "", "for cold caches, not warm");
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  relaxed.accuracy = Accuracy::kRelaxed;
  Add(relaxed, 0.5);
  Expect(Verdict::kNone, "", "accuracy relaxed, not strict");
}

TEST_F(LookupTest, AStrictRecordServesARelaxedQuery) {
  std::string id = Add(TaskOf(query_), 0.5);
  query_.accuracy = Accuracy::kRelaxed;
  Expect(Verdict::kCompatible, id, "of accuracy strict");
}

TEST_F(LookupTest, FailedTrialsServeNothing) {
  Record record = TestRecord(1, 0.5, TaskOf(query_));
  record.status = RecordStatus::kWrongOutput;
  ASSERT_TRUE(store_->AddRecords({record}).ok());
  Expect(Verdict::kNone, "", "no trial gave a correct kernel");
}

}  // namespace
}  // namespace lathe
