// A tuning session with a fake builder and a fake device.
#include "tuner/tune_session.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tune_session_fixture.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST_F(TuneSessionTest, MeasuresTheDefaultFirstAndStopsByTrials) {
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kTrials);
  EXPECT_EQ(result->done, 5);
  EXPECT_THAT(result->statuses, ElementsAre(Pair(RecordStatus::kOk, 5)));
  ASSERT_GE(device_.measured.size(), 6u);
  EXPECT_EQ(device_.measured[0], FakeTraceText(kDefault));
  EXPECT_EQ(device_.measured[5], ToText(Trace{}));  // naive, before the promotion
  EXPECT_EQ(progress_.front().done, 0);
  EXPECT_EQ(progress_.back().total, 5);
  EXPECT_GT(result->naive->median, 0);
}

TEST_F(TuneSessionTest, StopsWhenTheSpaceIsExhausted) {
  options_.trials = 100;
  auto result = Run(4);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kExhausted);
  EXPECT_EQ(result->done, 4);
}

TEST_F(TuneSessionTest, StopsByBudget) {
  options_.trials = 1000;
  options_.budget = absl::Milliseconds(1);
  device_.on_measure = [](const std::string&) { absl::SleepFor(absl::Milliseconds(2)); };
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kBudget);
  EXPECT_LT(result->done, 1000);
}

TEST_F(TuneSessionTest, RecordsEveryStatus) {
  const std::vector<std::pair<v1::TrialStatus, RecordStatus>> cases = {
      {v1::TRIAL_STATUS_WRONG_OUTPUT, RecordStatus::kWrongOutput},
      {v1::TRIAL_STATUS_CRASH, RecordStatus::kCrash},
      {v1::TRIAL_STATUS_TIMEOUT, RecordStatus::kTimeout},
      {v1::TRIAL_STATUS_REFUSED, RecordStatus::kRefused},
      {v1::TRIAL_STATUS_ABANDONED, RecordStatus::kAbandoned},
      {v1::TRIAL_STATUS_KERNEL_ERROR, RecordStatus::kKernelError},
  };
  int trace = kDefault + 1;
  // Faster than the default, and yet never the best.
  for (const auto& [status, recorded] : cases) Behave(trace++, {{status, 0.125}});
  builder_.failures[FakeTraceText(trace)] = v1::BUILD_STATUS_FAILED;
  options_.trials = trace;
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(kDefault));
  EXPECT_EQ(result->statuses[RecordStatus::kOk], 1);
  EXPECT_EQ(result->statuses[RecordStatus::kBuildFailed], 1);
  EXPECT_THAT(StatusesOf(FakeTraceText(trace)), ElementsAre("build_failed"));
  for (size_t i = 0; i < cases.size(); ++i) {
    RecordStatus status = cases[i].second;
    EXPECT_EQ(result->statuses[status], 1) << Name(status);
    EXPECT_THAT(StatusesOf(FakeTraceText(kDefault + 1 + static_cast<int>(i))),
                ElementsAre(std::string(Name(status))));
  }
  for (const Record& record : Records()) {
    if (record.status == RecordStatus::kOk) continue;
    EXPECT_NE(record.error, "") << Name(record.status);
  }
  for (const Outcome& outcome : search_->updates) {
    bool ok = outcome.candidate.trace == FakeTrace(kDefault) || outcome.candidate.trace == Trace{};
    EXPECT_EQ(outcome.ok, ok);
  }
}

TEST_F(TuneSessionTest, ADefaultThatDoesNotBuildLeavesTheOthers) {
  builder_.failures[FakeTraceText(kDefault)] = v1::BUILD_STATUS_UNSUPPORTED;
  Behave(3, {{v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->default_candidate.has_value());
  EXPECT_EQ(result->statuses[RecordStatus::kBuildFailed], 1);
  EXPECT_EQ(result->best_trace, FakeTraceText(3));
}

TEST_F(TuneSessionTest, NothingIsBestIfNothingIsRight) {
  device_.otherwise.status = v1::TRIAL_STATUS_WRONG_OUTPUT;
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->best.has_value());
  EXPECT_EQ(result->best_trace, "");
  EXPECT_FALSE(result->promoted);
  EXPECT_EQ(result->done, 5);
}

TEST_F(TuneSessionTest, AProgramIsMeasuredOnce) {
  // Three traces of one program; the search learns its time for each of them.
  for (int trace : {2, 3, 4}) builder_.programs[FakeTraceText(trace)] = "same";
  options_.promotion_rounds = 0;
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->duplicates, 2);
  EXPECT_EQ(result->done, 5);  // 1, one of the three, 5, 6, 7
  EXPECT_THAT(device_.measured, ElementsAre(FakeTraceText(1), FakeTraceText(2), FakeTraceText(5),
                                            FakeTraceText(6), FakeTraceText(7), ToText(Trace{})));
  int learned = 0;
  for (const Outcome& outcome : search_->updates) {
    for (int trace : {2, 3, 4}) learned += outcome.candidate.trace == FakeTrace(trace);
  }
  EXPECT_EQ(learned, 3);
}

TEST_F(TuneSessionTest, OneSeedDecidesAlike) {
  builder_.failures[FakeTraceText(3)] = v1::BUILD_STATUS_FAILED;
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.5}});
  ASSERT_TRUE(Run().ok());
  std::vector<std::string> built = builder_.built, measured = device_.measured;
  store_ = NewMemoryStore();
  Forget();
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(builder_.built, built);
  EXPECT_EQ(device_.measured, measured);
}

TEST_F(TuneSessionTest, AlternatesWhereNoCoreIsSpare) {
  options_.alternate = true;
  options_.trials = 30;
  options_.promotion_rounds = 0;
  size_t building = 0, overlaps = 0;
  builder_.on_build = [&](const std::string& trace) {
    building += trace.empty() ? 0 : 1;
    overlaps += builder_.built.size() < device_.measured.size();
  };
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->done, 30);
  EXPECT_EQ(overlaps, 0u);
}

TEST_F(TuneSessionTest, AbandonsAboveTheBestAndNeverAbandonsBaselines) {
  Behave(kDefault, {{v1::TRIAL_STATUS_OK, 0.5, 0}});
  options_.promotion_rounds = 1;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(device_.leases[0].timing().abandon_above_seconds(), 0);
  EXPECT_EQ(device_.leases[4].timing().abandon_above_seconds(), 0.625);
  EXPECT_EQ(device_.leases[5].timing().abandon_above_seconds(), 0);
}

// --- Resuming.

TEST_F(TuneSessionTest, ResumingWithNothingToDoMeasuresNothing) {
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.5}});
  auto first = Run();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->promoted);
  Forget();
  auto second = Run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(device_.measured, IsEmpty());
  EXPECT_THAT(builder_.built, IsEmpty());
  EXPECT_EQ(builder_.references_built, 0);
  EXPECT_EQ(second->resumed, 5);
  EXPECT_EQ(second->done, 5);
  EXPECT_THAT(second->statuses, IsEmpty());
  EXPECT_EQ(second->best, first->best);
  EXPECT_EQ(second->best_trace, first->best_trace);
  EXPECT_TRUE(second->promoted);
  EXPECT_EQ(second->naive, first->naive);
}

TEST_F(TuneSessionTest, ResumingFeedsTheSearchAndGoesOn) {
  builder_.failures[FakeTraceText(3)] = v1::BUILD_STATUS_FAILED;
  ASSERT_TRUE(Run().ok());
  Forget();
  options_.trials = 8;
  options_.promotion_rounds = 0;
  auto second = Run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->resumed, 5);
  EXPECT_EQ(second->done, 8);
  EXPECT_THAT(device_.measured, ElementsAre(FakeTraceText(6), FakeTraceText(7), FakeTraceText(8)));
  // Naive, the default and traces 2 to 5; then the new ones.
  ASSERT_EQ(search_->updates.size(), 9u);
  for (size_t i = 0; i < 6; ++i) {
    const Outcome& outcome = search_->updates[i];
    EXPECT_EQ(outcome.candidate.origin, "resumed");
    EXPECT_EQ(outcome.ok, !(outcome.candidate.trace == FakeTrace(3)));
  }
  // Numbers of trials go on.
  EXPECT_GT(Records().back().trial, 6);
}

TEST_F(TuneSessionTest, RecordsOfAnotherVersionDoNotCount) {
  builder_.failures[FakeTraceText(3)] = v1::BUILD_STATUS_FAILED;
  options_.promotion_rounds = 0;
  ASSERT_TRUE(Run().ok());
  std::vector<Record> records = Records();
  store_ = NewMemoryStore();
  ASSERT_TRUE(store_->PutDevice({device_.AwaitDevice(absl::Now())->uuid(), "", "k", ""}).ok());
  for (Record& record : records) record.lathe_version = "0.0.1";
  ASSERT_TRUE(store_->AddRecords(records).ok());
  builder_.failures.clear();
  Forget();
  auto second = Run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->resumed, 0);
  EXPECT_EQ(device_.measured.size(), 6u);
  EXPECT_EQ(second->statuses[RecordStatus::kOk], 5) << "what failed may succeed, too";
}

// --- Cancellation.

TEST_F(TuneSessionTest, CancellationKeepsWhatWasMeasured) {
  options_.trials = 1000;
  device_.on_measure = [this](const std::string&) {
    if (device_.measured.size() == 4) cancellation_.Request();
  };
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kCancelled);
  EXPECT_LT(result->done, 5);
  EXPECT_FALSE(result->promoted);
  EXPECT_TRUE(result->best.has_value());
  EXPECT_FALSE(Records().empty());
  for (const Record& record : Records()) EXPECT_EQ(record.status, RecordStatus::kOk);
}

TEST_F(TuneSessionTest, CancellationEndsAMeasurementThatHangs) {
  device_.hang = {FakeTraceText(3)};
  device_.on_measure = [this](const std::string& trace) {
    if (trace == FakeTraceText(3)) cancellation_.Request();
  };
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kCancelled);
  EXPECT_THAT(StatusesOf(FakeTraceText(3)), IsEmpty());
}

TEST_F(TuneSessionTest, CancellationEndsPromotion) {
  options_.trials = 3;
  device_.on_measure = [this](const std::string&) {
    if (device_.measured.size() != 4 + 2) return;
    device_.hang = {device_.measured.back()};
    cancellation_.Request();
  };
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kCancelled);
  EXPECT_FALSE(result->promoted);
  EXPECT_EQ(Records().size(), 4u);
}

TEST_F(TuneSessionTest, CancellationEndsABuildOfTheReferenceThatHangs) {
  builder_.hang = true;
  builder_.on_build = [this](const std::string&) { cancellation_.Request(); };
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->stop, StopReason::kCancelled);
  EXPECT_THAT(device_.measured, IsEmpty());
}

TEST_F(TuneSessionTest, CancellationBeforeADeviceIsAnError) {
  device_.device_status = absl::DeadlineExceededError("none");
  options_.device_wait = absl::Hours(1);
  cancellation_.Request();
  EXPECT_TRUE(absl::IsCancelled(Run().status()));
}

// --- Errors.

TEST_F(TuneSessionTest, NoDevice) {
  device_.device_status = absl::DeadlineExceededError("no measurer attached in time");
  EXPECT_TRUE(absl::IsDeadlineExceeded(Run().status()));
  device_.device_status = absl::UnavailableError("it does not start");
  EXPECT_TRUE(absl::IsUnavailable(Run().status()));
}

TEST_F(TuneSessionTest, AWrongReferenceStopsTuning) {
  device_.wrong_reference = true;
  absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("reference is itself wrong"));
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(TuneSessionTest, AReferenceThatFailsOnTheDeviceStopsTuning) {
  device_.otherwise.status = v1::TRIAL_STATUS_REFERENCE_FAILED;
  absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  EXPECT_EQ(Records().size(), 1u);
}

TEST_F(TuneSessionTest, AReferenceThatDoesNotBuildStopsTuning) {
  builder_.reference_status = v1::BUILD_STATUS_UNSUPPORTED;
  EXPECT_TRUE(absl::IsUnimplemented(Run().status()));
  builder_.reference_status = v1::BUILD_STATUS_FAILED;
  EXPECT_TRUE(absl::IsInternal(Run().status()));
}

TEST_F(TuneSessionTest, AMeasurerThatDiesForGoodKeepsTheRecords) {
  device_.break_after = 4;
  device_.broken = absl::UnavailableError("the measurer died three times in a row");
  absl::Status status = Run().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_GE(Records().size(), 3u);
  // Tuning goes on where it ended.
  device_.break_after = -1;
  Forget();
  auto again = Run();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_GE(again->resumed, 2);
  EXPECT_EQ(again->done, 5);
}

}  // namespace
}  // namespace lathe
