// The end of a tuning session: which candidate is promoted.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tune_session_fixture.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class PromotionTest : public TuneSessionTest {};

TEST_F(PromotionTest, ALuckyMeasurementIsNotPromoted) {
  // 0.25 once, then no better than the default.
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.25}, {v1::TRIAL_STATUS_OK, 1}});
  Behave(5, {{v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->promoted);
  EXPECT_EQ(result->best_trace, FakeTraceText(5));
  EXPECT_EQ(result->best->median, 0.5);
}

TEST_F(PromotionTest, WithoutSignificanceTheDefaultStays) {
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

TEST_F(PromotionTest, AnUndecidedPromotionIsMadeAgain) {
  FakeBehaviour unsteady = {v1::TRIAL_STATUS_OK, 0.5};
  unsteady.blocks = {1, 1, 3};
  Behave(5, {{v1::TRIAL_STATUS_OK, 0.5}, unsteady, {v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(5));
  // That of the search and one of each comparison, of which the last promotes.
  EXPECT_THAT(StatusesOf(FakeTraceText(5)), UnorderedElementsAre("ok", "ok", "ok"));
}

TEST_F(PromotionTest, ASteadySmallGainIsPromoted) {
  FakeBehaviour better = {v1::TRIAL_STATUS_OK, 0.98};
  better.blocks = {1.003, 0.997, 1};
  Behave(4, {better});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(4));
}

TEST_F(PromotionTest, AFinalistThatFailsDoesNotWin) {
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.5}, {v1::TRIAL_STATUS_WRONG_OUTPUT}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(kDefault));
  EXPECT_THAT(StatusesOf(FakeTraceText(4)), UnorderedElementsAre("ok", "wrong_output"));
}

TEST_F(PromotionTest, AFinalistThatEndsTheRunnerIsLeftOut) {
  Behave(4, {{v1::TRIAL_STATUS_OK, 0.4}, {v1::TRIAL_STATUS_CRASH}});
  Behave(5, {{v1::TRIAL_STATUS_OK, 0.5}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->best_trace, FakeTraceText(5));
  EXPECT_THAT(StatusesOf(FakeTraceText(4)), UnorderedElementsAre("ok", "crash"));
  EXPECT_THAT(StatusesOf(FakeTraceText(5)), UnorderedElementsAre("ok", "ok"));
}

TEST_F(PromotionTest, FinalistsAreTimedInOneLease) {
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

TEST_F(PromotionTest, TheIncumbentDefendsItself) {
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

TEST_F(PromotionTest, FarSlowerCandidatesAreNoFinalists) {
  device_.otherwise.seconds = 4;
  Behave(kDefault, {{v1::TRIAL_STATUS_OK, 1}});
  auto result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(device_.measured.size(), 6u);  // the default is alone
  EXPECT_FALSE(result->promoted);
  EXPECT_EQ(result->best_trace, FakeTraceText(kDefault));
}

TEST_F(PromotionTest, PromotionIsMadeUpForAfterAKill) {
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

}  // namespace
}  // namespace lathe
