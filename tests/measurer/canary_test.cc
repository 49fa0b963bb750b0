#include "measurer/canary.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Canary, TakesTime) { EXPECT_GT(TimeCanary(), 0); }

TEST(Canary, TheBaselineIsTheMedianOfTheFirstReadings) {
  CanaryBaseline baseline;
  const std::vector<int32_t> cpus = {1};
  for (double reading : {1.0, 5.0, 1.1, 1.2}) {
    baseline.Add(cpus, reading, 0.1);
    EXPECT_EQ(baseline.Of(cpus), 0);
  }
  baseline.Add(cpus, 1.15, 0.1);
  EXPECT_EQ(baseline.Of(cpus), 1.15);
  EXPECT_EQ(baseline.Of({2}), 0) << "other CPUs are other machines";
  baseline.Add(cpus, 9, 0.1);
  baseline.Add(cpus, -1, 0.1);  // not read
  EXPECT_EQ(baseline.Of(cpus), 1.15) << "what drifts is the machine, not the baseline";
}

TEST(Canary, AMachineThatHasChangedForGoodIsLearntAgain) {
  CanaryBaseline baseline;
  const std::vector<int32_t> cpus;
  for (int i = 0; i < 5; ++i) baseline.Add(cpus, 1, 0.1);
  for (int i = 0; i < 15; ++i) baseline.Add(cpus, 2, 0.1);
  baseline.Add(cpus, 1, 0.1);  // it was not for good
  for (int i = 0; i < 15; ++i) baseline.Add(cpus, 2, 0.1);
  EXPECT_EQ(baseline.Of(cpus), 1);
  baseline.Add(cpus, 2, 0.1);
  EXPECT_EQ(baseline.Of(cpus), 0);
  for (int i = 0; i < 5; ++i) baseline.Add(cpus, 2, 0.1);
  EXPECT_EQ(baseline.Of(cpus), 2);
}

}  // namespace
}  // namespace lathe
