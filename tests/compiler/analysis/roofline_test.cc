#include "compiler/analysis/roofline.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lathe {
namespace {

constexpr MachinePeaks kPeaks{100e9, 10e9};  // balanced at 10 flops per byte

TEST(RooflineTest, TheSlowerResourceIsTheBound) {
  const Roofline compute = RooflineOf({2e9, 1e8}, kPeaks);
  EXPECT_DOUBLE_EQ(compute.intensity, 20);
  EXPECT_DOUBLE_EQ(compute.seconds, 0.02);
  EXPECT_DOUBLE_EQ(compute.flops_per_second, 100e9);
  EXPECT_EQ(Name(compute.limit), "arithmetic");

  const Roofline memory = RooflineOf({1e8, 4e8}, kPeaks);
  EXPECT_DOUBLE_EQ(memory.intensity, 0.25);
  EXPECT_DOUBLE_EQ(memory.seconds, 0.04);
  EXPECT_DOUBLE_EQ(memory.flops_per_second, 2.5e9);
  EXPECT_EQ(Name(memory.limit), "memory");
}

TEST(RooflineTest, WorkOfOneKindOnly) {
  const Roofline copies = RooflineOf({0, 1e9}, kPeaks);
  EXPECT_EQ(copies.intensity, 0);
  EXPECT_DOUBLE_EQ(copies.seconds, 0.1);
  EXPECT_EQ(copies.limit, LimitingResource::kMemory);
  EXPECT_TRUE(std::isinf(RooflineOf({1e9, 0}, kPeaks).intensity));
  EXPECT_EQ(RooflineOf({0, 0}, kPeaks).flops_per_second, 0);
}

TEST(RooflineDeathTest, PeaksMustBeMeasured) {
  EXPECT_DEATH(RooflineOf({1, 1}, {0, 1}), "peaks were not measured");
}

}  // namespace
}  // namespace lathe
