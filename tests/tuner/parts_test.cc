// Core plans, kernel metadata, the correctness reference, single runs.
#include <string>
#include <vector>

#include "fake_services.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tuner/cancellation.h"
#include "tuner/core_plan.h"
#include "tuner/kernel_metadata.h"
#include "tuner/reference_check.h"
#include "tuner/run_once.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two cores of two siblings each: 0 and 2, 1 and 3.
const std::vector<CpuInfo> kFourCpus = {{0, 0}, {1, 1}, {2, 0}, {3, 1}};

TEST(CorePlan, TimesOnTheLastCoreAndCompilesOnTheOthers) {
  auto plan = PlanCores(kFourCpus, 1, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->measure_cpus, ElementsAre(3));
  EXPECT_THAT(plan->build_cpus, ElementsAre(0, 2));  // not 1, the sibling of 3
  EXPECT_FALSE(plan->alternate);
}

TEST(CorePlan, ThreadsGetCoresOfTheirOwnFirst) {
  auto two = PlanCores(kFourCpus, 2, {});
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_THAT(two->measure_cpus, ElementsAre(2, 3));
  EXPECT_TRUE(two->alternate);
  EXPECT_THAT(two->build_cpus, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(PlanCores(kFourCpus, 4, {})->measure_cpus, ElementsAre(0, 1, 2, 3));
}

TEST(CorePlan, ObeysARequest) {
  auto plan = PlanCores(kFourCpus, 1, {0});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->measure_cpus, ElementsAre(0));
  EXPECT_THAT(plan->build_cpus, ElementsAre(1, 3));
}

TEST(CorePlan, OneCpuAlternates) {
  auto plan = PlanCores({{5, 5}}, 1, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->measure_cpus, ElementsAre(5));
  EXPECT_THAT(plan->build_cpus, ElementsAre(5));
  EXPECT_TRUE(plan->alternate);
}

TEST(CorePlan, RefusesWhatIsNotThere) {
  for (int threads : {-1, 0, 5}) {
    EXPECT_TRUE(absl::IsInvalidArgument(PlanCores(kFourCpus, threads, {}).status())) << threads;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(PlanCores(kFourCpus, 2, {1}).status()));
  absl::Status missing = PlanCores(kFourCpus, 1, {7}).status();
  EXPECT_THAT(std::string(missing.message()), HasSubstr("CPU 7 is not available"));
}

TEST(CorePlan, ThisMachineHasCpus) { EXPECT_FALSE(AvailableCpus().empty()); }

TEST(KernelMetadata, ReadsWhatCodeGenerationWrites) {
  auto metadata = ParseKernelMetadata(FakeMetadata());
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  EXPECT_EQ(metadata->abi, 1);
  EXPECT_EQ(metadata->workspace_bytes, 64u);
  EXPECT_EQ(metadata->workspace_bytes_per_thread, 8u);
  EXPECT_THAT(metadata->features, ElementsAre("avx2"));
}

TEST(KernelMetadata, ReadsWhatIsPrepared) {
  std::string json = FakeMetadata();
  json.replace(json.find("null"), 4,
               R"({"symbol": "lathe_prepare", "reads": ["w", "g"], "replaces": ["w"],)"
               R"( "packed": [{"name": "P", "type": "f32", "shape": [6], "bytes": 24}],)"
               R"( "workspace_bytes": 128, "workspace_bytes_per_thread": 0, "parallel": false})");
  auto metadata = ParseKernelMetadata(json);
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  ASSERT_TRUE(metadata->prepare.has_value());
  EXPECT_EQ(metadata->prepare->packed.at(0).name, "P");
  EXPECT_THAT(metadata->prepare->packed.at(0).shape, ElementsAre(6));
  EXPECT_THAT(metadata->prepare->reads, ElementsAre("w", "g"));
  EXPECT_THAT(metadata->prepare->replaces, ElementsAre("w"));
  EXPECT_EQ(metadata->prepare->workspace_bytes, 128u);
}

TEST(KernelMetadata, RefusesAnythingElse) {
  for (const char* json : {"", "{", "[]", "{}", "{\"abi\": \"one\"}"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseKernelMetadata(json).status())) << json;
  }
}

class ReferenceCheckTest : public testing::Test {
 protected:
  ReferenceCheck Build() {
    auto check = ReferenceCheck::Build(FakeProblem(), builder_);
    EXPECT_TRUE(check.ok()) << check.status();
    return *std::move(check);
  }
  // What the fake device measures with `check` as the reference.
  v1::MeasureResult Measure(const ReferenceCheck& check) {
    MeasureJob job;
    job.lease.set_trial_id("trial");
    *job.lease.mutable_reference() = check.message();
    for (uint64_t seed : InputSeeds(FakeProblem().seed)) job.lease.add_input_seeds(seed);
    job.artifact = std::make_shared<std::string>("kernel");
    return MeasureAndWait(device_, std::move(job)).result;
  }

  FakeBuilder builder_;
  FakeDevice device_;
};

TEST_F(ReferenceCheckTest, IsProvedByRightSamplesAndAsksForThemOnce) {
  ReferenceCheck check = Build();
  EXPECT_FALSE(check.proved());
  EXPECT_GT(check.message().samples_size(), 0);
  v1::MeasureResult result = Measure(check);
  EXPECT_TRUE(check.Prove(result).ok());
  EXPECT_TRUE(check.proved());
  EXPECT_EQ(check.message().samples_size(), 0);
}

TEST_F(ReferenceCheckTest, EveryWrongSampleIsFound) {
  ReferenceCheck check = Build();
  v1::MeasureResult right = Measure(check);
  for (int i = 0; i < right.samples_size(); ++i) {
    v1::MeasureResult wrong = right;
    double value = wrong.samples(i).value();
    wrong.mutable_samples(i)->set_value(value + 1e-6);
    absl::Status status = check.Prove(wrong);
    EXPECT_TRUE(absl::IsInternal(status)) << i;
    EXPECT_FALSE(check.proved());
  }
}

TEST_F(ReferenceCheckTest, SamplesMayLackInAFailedTrialOnly) {
  ReferenceCheck check = Build();
  v1::MeasureResult result;
  result.set_status(v1::TRIAL_STATUS_CRASH);
  EXPECT_TRUE(check.Prove(result).ok());
  EXPECT_FALSE(check.proved());
  result.set_status(v1::TRIAL_STATUS_OK);
  EXPECT_TRUE(absl::IsInternal(check.Prove(result)));
}

TEST(RunOnce, ChecksAndTimes) {
  FakeBuilder builder;
  FakeDevice device;
  auto report = RunOnce(FakeProblem(), FakeTraceText(1), builder, device);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->reference_proved);
  EXPECT_EQ(report->record.status, RecordStatus::kOk);
  EXPECT_EQ(report->record.median, 1);
  EXPECT_EQ(report->record.trace, FakeTraceText(1));
  ASSERT_EQ(device.leases.size(), 1u);
  EXPECT_EQ(device.leases[0].timing().abandon_above_seconds(), 0);
}

TEST(RunOnce, FailuresAreRecords) {
  FakeBuilder builder;
  FakeDevice device;
  builder.failures[FakeTraceText(1)] = v1::BUILD_STATUS_INVALID;
  auto unbuilt = RunOnce(FakeProblem(), FakeTraceText(1), builder, device);
  ASSERT_TRUE(unbuilt.ok()) << unbuilt.status();
  EXPECT_EQ(unbuilt->record.status, RecordStatus::kBuildFailed);
  EXPECT_FALSE(unbuilt->reference_proved);
  device.otherwise.status = v1::TRIAL_STATUS_WRONG_OUTPUT;
  auto wrong = RunOnce(FakeProblem(), FakeTraceText(2), builder, device);
  ASSERT_TRUE(wrong.ok()) << wrong.status();
  EXPECT_EQ(wrong->record.status, RecordStatus::kWrongOutput);
}

TEST(RunOnce, AWrongReferenceIsAnError) {
  FakeBuilder builder;
  FakeDevice device;
  device.wrong_reference = true;
  EXPECT_TRUE(absl::IsInternal(RunOnce(FakeProblem(), FakeTraceText(1), builder, device).status()));
}

TEST(RunOnce, IsCancelledInEveryPhase) {
  for (int phase = 0; phase < 3; ++phase) {
    SCOPED_TRACE(phase);
    FakeBuilder builder;
    FakeDevice device;
    Cancellation cancellation;
    if (phase == 0) {
      device.device_status = absl::DeadlineExceededError("none");
      cancellation.Request();
    } else if (phase == 1) {
      builder.hang = true;
      builder.on_build = [&](const std::string&) { cancellation.Request(); };
    } else {
      device.hang = {FakeTraceText(1)};
      device.on_measure = [&](const std::string&) { cancellation.Request(); };
    }
    absl::Status status =
        RunOnce(FakeProblem(), FakeTraceText(1), builder, device, &cancellation, absl::Hours(1))
            .status();
    EXPECT_TRUE(absl::IsCancelled(status)) << status;
  }
}

TEST(Interruptions, OneDeliveredTwiceIsOneAndALaterOneEnds) {
  using Response = Interruptions::Response;
  constexpr int64_t kStart = 5'000'000'000;
  Interruptions interruptions;
  EXPECT_EQ(interruptions.On(kStart), Response::kFinish);
  EXPECT_EQ(interruptions.On(kStart), Response::kNothing);
  EXPECT_EQ(interruptions.On(kStart + Interruptions::kGrace - 1), Response::kNothing);
  EXPECT_EQ(interruptions.On(kStart + Interruptions::kGrace), Response::kEnd);
  EXPECT_EQ(interruptions.On(kStart + Interruptions::kGrace + 1), Response::kEnd);
}

}  // namespace
}  // namespace lathe
