#include "bench/contest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lathe {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// A clock that only contestants move.
class ContestTest : public ::testing::Test {
 protected:
  Contestant Takes(const std::string& name, double seconds) {
    return {name, [this, name, seconds] {
              clock_ += seconds * drift_;
              turns_ += name;
              return true;
            }};
  }
  ContestOptions Options() {
    ContestOptions options;
    options.sample_seconds = 1;
    options.min_rounds = 4;
    options.max_rounds = 9;
    options.budget_seconds = 1000;
    options.now = [this] { return clock_; };
    return options;
  }

  double clock_ = 0, drift_ = 1;
  std::string turns_;
};

TEST_F(ContestTest, TimesAreSecondsACall) {
  ContestResult result = RunContest({Takes("a", 0.25), Takes("b", 30)}, Options());
  EXPECT_EQ(result.rounds, 9);
  EXPECT_DOUBLE_EQ(MedianTime(result.samples[0]), 0.25);
  EXPECT_DOUBLE_EQ(MedianTime(result.samples[1]), 30);
  EXPECT_DOUBLE_EQ(PairedRatio(result.samples[1], result.samples[0]).ratio, 120);
}

TEST_F(ContestTest, EveryRoundIsAnnounced) {
  ContestOptions options = Options();
  options.begin_round = [this](int round) { turns_ += std::to_string(round); };
  options.max_rounds = 3;
  RunContest({Takes("a", 30)}, options);
  EXPECT_EQ(turns_, "a0a1a2a") << "a slow call has no warm-up; the first calibrates";
}

TEST_F(ContestTest, SamplesHaveTheirOwnClock) {
  double cpu = 0;
  Contestant half{"h", [&] {
                    clock_ += 20;  // of which it had the CPU for half
                    cpu += 10;
                    return true;
                  }};
  ContestOptions options = Options();
  options.clock = [&] { return cpu; };
  options.budget_seconds = 100;
  ContestResult result = RunContest({half}, options);
  EXPECT_DOUBLE_EQ(MedianTime(result.samples[0]), 10);
  EXPECT_EQ(result.rounds, 6) << "the budget is of real time";
}

TEST_F(ContestTest, SamplesAreCalibratedAndWarm) {
  RunContest({Takes("a", 0.25)}, Options());
  // Calibration of 1 + 2 + 4 calls, then nine rounds of one warm-up and 4 timed.
  EXPECT_EQ(turns_.size(), 7u + 9 * (1 + 4));
}

TEST_F(ContestTest, SlowCallsAreNotWarmedUp) {
  RunContest({Takes("s", 11)}, Options());
  EXPECT_EQ(turns_.size(), 1u + 9);
}

TEST_F(ContestTest, RoundsBeginInTurn) {
  RunContest({Takes("a", 20), Takes("b", 20), Takes("c", 20)}, Options());
  EXPECT_EQ(turns_.substr(3, 9), "abcbcacab");
}

TEST_F(ContestTest, TheBudgetEndsItAfterTheFewestRounds) {
  ContestOptions options = Options();
  options.budget_seconds = 60;
  EXPECT_EQ(RunContest({Takes("a", 10)}, options).rounds, 7);
  options.budget_seconds = 1;
  EXPECT_EQ(RunContest({Takes("a", 10)}, options).rounds, 4);
}

TEST_F(ContestTest, AContestantMayLeaveEarly) {
  Contestant slow = Takes("s", 100);
  slow.max_rounds = 2;
  ContestResult result = RunContest({Takes("a", 1), slow}, Options());
  EXPECT_EQ(result.samples[1].size(), 9u);
  EXPECT_FALSE(std::isnan(result.samples[1][1]));
  EXPECT_TRUE(std::isnan(result.samples[1][2]));
  EXPECT_DOUBLE_EQ(MedianTime(result.samples[1]), 100);
  EXPECT_FALSE(result.failed[1]);
}

TEST_F(ContestTest, FailuresLeaveTheOthersAlone) {
  int left = 5;
  Contestant breaks{"x", [&] {
                      clock_ += 20;
                      return --left > 0;
                    }};
  Contestant never{"n", [] { return false; }};
  ContestResult result = RunContest({Takes("a", 1), breaks, never}, Options());
  EXPECT_EQ(result.failed, (std::vector<bool>{false, true, true}));
  EXPECT_EQ(MedianTime(result.samples[2]), 0);
  EXPECT_DOUBLE_EQ(MedianTime(result.samples[0]), 1);
}

TEST_F(ContestTest, DisturbedSamplesAreTakenAgain) {
  int64_t disturbances = 0;
  int calls = 0;
  // Every third call is disturbed, and takes twice as long.
  Contestant sometimes{"s", [&] {
                         bool disturbed = ++calls % 3 == 0;
                         disturbances += disturbed;
                         clock_ += disturbed ? 40 : 20;
                         return true;
                       }};
  ContestOptions options = Options();
  options.disturbances = [&] { return disturbances; };
  ContestResult result = RunContest({sometimes}, options);
  for (double sample : result.samples[0]) EXPECT_EQ(sample, 20);
  EXPECT_EQ(calls, 1 + 9 + 4) << "four of nine samples are taken twice";
}

TEST_F(ContestTest, ASampleThatIsAlwaysDisturbedStillCounts) {
  int64_t disturbances = 0;
  Contestant always{"s", [&] {
                      ++disturbances;
                      clock_ += 20;
                      return true;
                    }};
  ContestOptions options = Options();
  options.disturbances = [&] { return disturbances; };
  EXPECT_DOUBLE_EQ(MedianTime(RunContest({always}, options).samples[0]), 20);
}

TEST_F(ContestTest, DriftCancelsInPairedRatios) {
  Contestant first = Takes("a", 20), second = Takes("b", 30);
  Contestant drifting{"d", [&, call = first.call] {
                        drift_ *= 1.5;  // the machine slows down, round by round
                        return call();
                      }};
  ContestOptions options = Options();
  ContestResult result = RunContest({drifting, second}, options);
  RatioEstimate ratio = PairedRatio(result.samples[1], result.samples[0]);
  // Odd rounds begin with the second: it runs before the drift of that round.
  EXPECT_NEAR(ratio.high, 1.5, 1e-9);
  EXPECT_NEAR(ratio.low, 1.0, 1e-9);
}

TEST(RatioTest, PairsOnlyCommonRounds) {
  RatioEstimate ratio = PairedRatio({2, kMissing, 6, 8}, {1, 1, 2, kMissing});
  EXPECT_DOUBLE_EQ(ratio.ratio, 2.5);
  EXPECT_DOUBLE_EQ(ratio.low, 2);
  EXPECT_DOUBLE_EQ(ratio.high, 3);
  EXPECT_EQ(PairedRatio({kMissing}, {1}).ratio, 0);
  EXPECT_EQ(PairedRatio({}, {}).ratio, 0);
}

TEST(RatioTest, IntervalNarrowsWithRounds) {
  std::vector<double> a, b;
  for (int i = 0; i < 41; ++i) {
    a.push_back(100 + i);
    b.push_back(100);
  }
  RatioEstimate ratio = PairedRatio(a, b);
  EXPECT_DOUBLE_EQ(ratio.ratio, 1.20);
  EXPECT_GT(ratio.low, 1.10);
  EXPECT_LT(ratio.high, 1.30);
}

TEST(RatioTest, GeometricMean) {
  EXPECT_DOUBLE_EQ(GeometricMean({2, 8}), 4);
  EXPECT_DOUBLE_EQ(GeometricMean({0.5, 2}), 1);
  EXPECT_EQ(GeometricMean({}), 0);
}

}  // namespace
}  // namespace lathe
