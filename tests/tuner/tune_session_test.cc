// A tuning session with a fake builder and a fake device.
#include "tuner/tune_session.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "fake_services.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

const int kDefault = 1;  // FakeTrace(kDefault) is the default

class TuneSessionTest : public testing::Test {
 protected:
  TuneSessionTest() : store_(NewMemoryStore()) {
    options_.problem = FakeProblem();
    options_.default_trace = FakeTrace(kDefault);
    options_.trials = 5;
    options_.device_wait = absl::Milliseconds(50);
  }

  absl::StatusOr<TuneResult> Run(int last_trace = 1000) {
    search_ = std::make_unique<FakeSearch>(kDefault, last_trace);
    TuneServices services;
    services.store = store_.get();
    services.search = search_.get();
    services.builder = &builder_;
    services.measurer = &device_;
    services.cancellation = &cancellation_;
    services.on_progress = [this](const TuneProgress& progress) { progress_.push_back(progress); };
    absl::StatusOr<TuneResult> result = TuneSession(options_, services).Run();
    if (result.ok()) CheckConsistent(*result);
    return result;
  }

  // What holds after every run.
  void CheckConsistent(const TuneResult& result) {
    std::optional<Record> best = store_->Best(result.task).value();
    ASSERT_EQ(best.has_value(), result.best.has_value());
    EXPECT_EQ(result.best_trace, best ? best->trace : "");
    if (best) {
      EXPECT_EQ(result.best->median, best->median);
    }
    int64_t counted = 0;
    for (const auto& [status, count] : result.statuses) counted += count;
    EXPECT_EQ(result.done, result.resumed + counted);
    ASSERT_FALSE(progress_.empty());
    EXPECT_EQ(progress_.back().done, result.done);
    EXPECT_EQ(progress_.back().statuses, result.statuses);
  }

  std::vector<Record> Records() {
    // All sessions of a test tune one task.
    const std::vector<Task> tasks = store_->Tasks().value();
    return tasks.empty() ? std::vector<Record>() : store_->Records(tasks.front()).value();
  }
  // Status names of records of one trace.
  std::vector<std::string> StatusesOf(const std::string& trace) {
    std::vector<std::string> names;
    for (const Record& record : Records()) {
      if (record.trace == trace) names.emplace_back(Name(record.status));
    }
    return names;
  }
  void Behave(int trace, std::vector<FakeBehaviour> behaviour) {
    device_.behaviour[FakeTraceText(trace)] = std::move(behaviour);
  }
  void Forget() {
    builder_.built.clear();
    builder_.references_built = 0;
    device_.measured.clear();
    progress_.clear();
  }

  TuneOptions options_;
  std::unique_ptr<RecordStore> store_;
  std::unique_ptr<FakeSearch> search_;
  FakeBuilder builder_;
  FakeDevice device_;
  Cancellation cancellation_;
  std::vector<TuneProgress> progress_;
};

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

TEST_F(TuneSessionTest, PromotionIsMadeUpForAfterAKill) {
  options_.promotion_rounds = 0;  // as if the first run had died before it
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.5}});
  ASSERT_TRUE(Run().ok());
  Forget();
  options_.promotion_rounds = kPairedBlocks;
  auto second = Run();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->promoted);
  EXPECT_EQ(second->best_trace, FakeTraceText(4));
  EXPECT_THAT(second->statuses, IsEmpty());
}

// --- Promotion.

TEST_F(TuneSessionTest, ALuckyMeasurementIsNotPromoted) {
  // 0.25 once, then no better than the default.
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.25}, {v1::TRIAL_STATUS_OK, 1}});
  Behave(5, {{v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->promoted);
  EXPECT_EQ(result->best_trace, FakeTraceText(5));
  EXPECT_EQ(result->best->median, 0.5);
}

TEST_F(TuneSessionTest, WithoutSignificanceTheDefaultStays) {
  // Faster in every block, but by less than counts.
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.998}});
  // Much faster, but in two blocks of three only.
  FakeBehaviour unsteady = {v1::TRIAL_STATUS_OK, 0.5};
  unsteady.blocks = {1, 1, 3};
  Behave(5, {unsteady});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->promoted);
  EXPECT_EQ(result->best_trace, FakeTraceText(kDefault));
}

TEST_F(TuneSessionTest, AnUndecidedPromotionIsMadeAgain) {
  FakeBehaviour unsteady = {v1::TRIAL_STATUS_OK, 0.5};
  unsteady.blocks = {1, 1, 3};
  Behave(5, {{v1::TRIAL_STATUS_OK, 0.5}, unsteady, {v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(5));
  // That of the search and one of each comparison, of which the last promotes.
  EXPECT_THAT(StatusesOf(FakeTraceText(5)), UnorderedElementsAre("ok", "ok", "ok"));
}

TEST_F(TuneSessionTest, ASteadySmallGainIsPromoted) {
  FakeBehaviour better = {v1::TRIAL_STATUS_OK, 0.98};
  better.blocks = {1.003, 0.997, 1};
  Behave(4, {better});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(4));
}

TEST_F(TuneSessionTest, AFinalistThatFailsDoesNotWin) {
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.5}, {v1::TRIAL_STATUS_WRONG_OUTPUT}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(kDefault));
  EXPECT_THAT(StatusesOf(FakeTraceText(4)), UnorderedElementsAre("ok", "wrong_output"));
}

TEST_F(TuneSessionTest, AFinalistThatEndsTheRunnerIsLeftOut) {
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.4}, {v1::TRIAL_STATUS_CRASH}});
  Behave(5, {{v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(5));
  EXPECT_THAT(StatusesOf(FakeTraceText(4)), UnorderedElementsAre("ok", "crash"));
  EXPECT_THAT(StatusesOf(FakeTraceText(5)), UnorderedElementsAre("ok", "ok"));
}

TEST_F(TuneSessionTest, FinalistsAreTimedInOneLease) {
  options_.trials = 2;
  options_.promotion_rounds = 9;
  Behave(2, {{v1::TRIAL_STATUS_OK, 0.5}});
  device_.behaviour[ToText(Trace{})] = {{v1::TRIAL_STATUS_OK, 9}};
  ASSERT_TRUE(Run().ok());
  std::vector<std::string> finalists(device_.measured.begin() + 3, device_.measured.end());
  EXPECT_THAT(finalists, ElementsAre(FakeTraceText(1), FakeTraceText(2)));
  ASSERT_EQ(device_.leases.size(), 4u);
  EXPECT_EQ(device_.leases.back().timing().blocks(), 9u);
  EXPECT_EQ(device_.leases.back().contenders_size(), 1);
  int promoted = 0;
  for (const Record& record : Records()) {
    if (!record.promoted) continue;
    ++promoted;
    EXPECT_EQ(record.trace, FakeTraceText(2));
    EXPECT_EQ(record.samples.size(), 18u);  // of all blocks, so that luck evens out
  }
  EXPECT_EQ(promoted, 1);
}

TEST_F(TuneSessionTest, TheIncumbentDefendsItself) {
  Behave(2, {{v1::TRIAL_STATUS_OK, 0.5}});
  options_.trials = 2;
  ASSERT_EQ(Run()->best_trace, FakeTraceText(2));
  // A new candidate that is not significantly faster, and then one that is.
  Behave(3, {{v1::TRIAL_STATUS_OK, 0.499}});
  options_.trials = 3;
  EXPECT_EQ(Run()->best_trace, FakeTraceText(2));
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.25}});
  options_.trials = 4;
  EXPECT_EQ(Run()->best_trace, FakeTraceText(4));
}

TEST_F(TuneSessionTest, FarSlowerCandidatesAreNoFinalists) {
  device_.otherwise.seconds = 4;
  Behave(kDefault, {{v1::TRIAL_STATUS_OK, 1}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(device_.measured.size(), 6u);  // the default is alone
  EXPECT_FALSE(result->promoted);
  EXPECT_EQ(result->best_trace, FakeTraceText(kDefault));
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
