// Revalidation with a fake builder and a fake device: what it decides, and what it stores.
#include "tuner/revalidate.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "database/lookup.h"
#include "fake_services.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class RevalidateTest : public testing::Test {
 protected:
  RevalidateTest() : store_(NewMemoryStore()) {
    const v1::Device device = device_.AwaitDevice(absl::Now()).value();
    EXPECT_TRUE(store_->PutDevice({device.uuid(), "fake", device.kind().text(), ""}).ok());
    options_.problem = FakeProblem();
    task_ = TaskOf(Query{options_.problem.function, options_.problem.target, device.kind().text(),
                         1, Regime::kWarm, Accuracy::kStrict});
    device_uuid_ = device.uuid();
  }

  // What an older compiler left of FakeTrace(trace).
  void Add(int trace, double seconds, bool promoted = false) {
    Trial trial;
    trial.id = NewUuid();
    trial.number = trace;
    trial.role = TrialRole::kSearch;
    trial.trace = FakeTraceText(trace);
    trial.search = "fake seed=1";
    trial.build.set_status(v1::BUILD_STATUS_OK);
    trial.build.set_llvm_version("18");
    trial.build.set_program_hash(std::string(64, 'a'));
    trial.build.set_metadata(FakeMetadata());
    trial.outcome.device_uuid = device_uuid_;
    v1::MeasureResult& result = trial.outcome.result;
    result.set_status(v1::TRIAL_STATUS_OK);
    v1::Timing* timing = result.mutable_timing();
    for (int i = 0; i < 3; ++i) timing->add_samples_seconds(seconds);
    timing->set_calls_per_sample(1);
    timing->set_median_seconds(seconds);
    timing->set_ci_low_seconds(seconds);
    timing->set_ci_high_seconds(seconds);
    timing->set_min_seconds(seconds);
    Record record = RecordOf(task_, trial);
    record.lathe_version = "0.0.1";
    record.promoted = promoted;
    const absl::Status status = store_->AddRecords({record});
    ASSERT_TRUE(status.ok()) << status;
  }
  void Behave(int trace, FakeBehaviour behaviour) {
    device_.behaviour[FakeTraceText(trace)] = {std::move(behaviour)};
  }
  absl::StatusOr<RevalidateReport> Run() {
    return Revalidate(*store_, task_, options_, builder_, device_);
  }
  std::string Served() { return store_->Best(task_).value()->trace; }
  size_t NumRecords() { return store_->Records(task_).value().size(); }

  std::unique_ptr<RecordStore> store_;
  FakeBuilder builder_;
  FakeDevice device_;
  RevalidateOptions options_;
  Task task_;
  std::string device_uuid_;
};

TEST_F(RevalidateTest, OneLeaseDecidesAndTheServedOneStays) {
  Add(1, 1.0, /*promoted=*/true);
  Add(2, 0.9);
  Add(3, 1.1);
  Add(4, 1.2);
  // Faster in every round, but by less than counts.
  Behave(2, {v1::TRIAL_STATUS_OK, 0.998});
  Behave(3, {v1::TRIAL_STATUS_OK, 1.1});
  auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->current);
  EXPECT_EQ(report->winner, 0);
  ASSERT_THAT(report->traces, SizeIs(3));
  ASSERT_THAT(device_.leases, SizeIs(1));
  EXPECT_EQ(device_.leases[0].contenders_size(), 2);
  EXPECT_EQ(device_.leases[0].timing().blocks(), static_cast<uint32_t>(kPairedBlocks));
  EXPECT_THAT(device_.measured, ElementsAre(FakeTraceText(1), FakeTraceText(2), FakeTraceText(3)));
  EXPECT_EQ(Served(), FakeTraceText(1));
  EXPECT_EQ(store_->Best(task_).value()->id, report->traces[0].now->id);
  EXPECT_EQ(NumRecords(), 7u);
  // What is served is of this compiler now.
  EXPECT_TRUE(Run()->current);
  EXPECT_THAT(device_.leases, SizeIs(1));
}

TEST_F(RevalidateTest, ASignificantlyFasterOneTakesItsPlace) {
  Add(1, 1.0, /*promoted=*/true);
  Add(2, 1.3);
  FakeBehaviour better = {v1::TRIAL_STATUS_OK, 0.98};
  better.blocks = {1.003, 0.997, 1};
  Behave(2, better);
  auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->winner, 1);
  EXPECT_EQ(Served(), FakeTraceText(2));
}

TEST_F(RevalidateTest, AnUnsteadyOneDoesNot) {
  Add(1, 1.0, /*promoted=*/true);
  Add(2, 1.3);
  FakeBehaviour unsteady = {v1::TRIAL_STATUS_OK, 0.5};
  unsteady.blocks = {1, 1, 3};
  Behave(2, unsteady);
  auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->winner, 0);
  EXPECT_THAT(device_.leases, SizeIs(3)) << "undecided twice, as in a promotion";
  EXPECT_EQ(NumRecords(), 2u + 6);
  EXPECT_EQ(Served(), FakeTraceText(1));
}

TEST_F(RevalidateTest, OneThatIsWrongOrDoesNotBuildLosesItsPlace) {
  Add(1, 1.0, /*promoted=*/true);
  Add(2, 1.1);
  Add(3, 1.2);
  builder_.failures[FakeTraceText(1)] = v1::BUILD_STATUS_FAILED;
  Behave(2, {v1::TRIAL_STATUS_WRONG_OUTPUT});
  auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->winner, 2);
  EXPECT_THAT(report->traces[0].error, HasSubstr("build_failed: "));
  EXPECT_THAT(report->traces[1].error, HasSubstr("wrong_output: "));
  EXPECT_FALSE(report->traces[1].now.has_value());
  EXPECT_EQ(Served(), FakeTraceText(3));
}

TEST_F(RevalidateTest, WhereNothingIsRightAllIsRecorded) {
  Add(1, 1.0, /*promoted=*/true);
  Behave(1, {v1::TRIAL_STATUS_WRONG_OUTPUT});
  auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->winner, -1);
  EXPECT_EQ(NumRecords(), 2u);
}

TEST_F(RevalidateTest, NoMoreThanALeaseTakes) {
  for (int trace = 1; trace <= 12; ++trace) Add(trace, trace, trace == 1);
  options_.top = 100;
  auto report = Run();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->traces, SizeIs(kMaxPaired));
}

TEST_F(RevalidateTest, AnErrorStoresNothing) {
  EXPECT_TRUE(absl::IsNotFound(Run().status()));
  Add(1, 1.0, /*promoted=*/true);
  device_.wrong_reference = true;
  EXPECT_TRUE(absl::IsInternal(Run().status()));
  EXPECT_EQ(NumRecords(), 1u);
}

}  // namespace
}  // namespace lathe
