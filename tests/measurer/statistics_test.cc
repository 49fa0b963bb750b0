#include "measurer/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace lathe {
namespace {

TEST(Statistics, Quantiles) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Quantile({3}, 0.9), 3);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(Quantile({0, 10}, 0.1), 1);
}

TEST(Statistics, Median) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 4}), 4);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
}

// Ranks of the 95 % interval as tabulated (from 1 there, from 0 here): n = 6:
// 1 and 6; 10: 2 and 9; 20: 6 and 15; 50: 18 and 33; 100: 40 and 61.
TEST(Statistics, RanksAreTheTabulatedOnes) {
  const struct {
    size_t n, low, high;
  } table[] = {{1, 0, 0},  {5, 0, 4},   {6, 0, 5},    {9, 1, 7},
               {10, 1, 8}, {20, 5, 14}, {50, 17, 32}, {100, 39, 60}};
  for (const auto& row : table) {
    RankInterval ranks = MedianRanks(row.n, 0.95);
    EXPECT_EQ(ranks.low, row.low) << row.n;
    EXPECT_EQ(ranks.high, row.high) << row.n;
  }
}

TEST(Statistics, IntervalsCoverTheMedianAsOftenAsTheySay) {
  std::mt19937_64 random(20240501);  // the seed
  std::exponential_distribution<double> skewed(1);
  int covered = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> samples(31);
    for (double& sample : samples) sample = skewed(random);
    MedianEstimate estimate = EstimateMedian(samples);
    covered += estimate.low <= std::log(2.0) && std::log(2.0) <= estimate.high;
  }
  EXPECT_GE(covered, 1880);  // 94 %: three deviations below 95.5 %
}

TEST(Statistics, Estimate) {
  const std::vector<double> samples = {5, 1, 3, 2, 4, 6, 7, 8, 9, 10};
  MedianEstimate estimate = EstimateMedian(samples);
  EXPECT_EQ(estimate.min, 1);
  EXPECT_EQ(estimate.low, 2);
  EXPECT_EQ(estimate.high, 9);
  EXPECT_EQ(estimate.median, 5.5);
  EXPECT_DOUBLE_EQ(estimate.RelativeInterval(), 3.5 / 5.5);
  EXPECT_TRUE(std::isinf(EstimateMedian({}).RelativeInterval()));
}

}  // namespace
}  // namespace lathe
