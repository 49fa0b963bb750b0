#include "bench/peaks.h"

#include <gtest/gtest.h>

#include "tuner/core_plan.h"

namespace lathe {
namespace {

Function Parse(const std::string& type) {
  auto function = ParseFunction(
      "lathe 1\nfunc f(x: " + type + "[8, 512]) -> (y) {\n" + "  y[i, j] = x[i, j] + 1\n}\n", "f");
  EXPECT_TRUE(function.ok()) << function.status();
  return *std::move(function);
}

TEST(PeaksTest, TheTypeOfStagesDecides) {
  EXPECT_FALSE(ComputesInF64(Parse("f32")));
  EXPECT_TRUE(ComputesInF64(Parse("f64")));
}

TEST(PeaksTest, AreMeasuredOnOneThreadAndMore) {
  std::vector<int> cpus;
  for (const CpuInfo& info : AvailableCpus()) cpus.push_back(info.cpu);
  for (size_t threads : {size_t{1}, cpus.size()}) {
    auto peaks = MeasurePeaks(Parse("f32"), std::vector<int>(cpus.begin(), cpus.begin() + threads));
    ASSERT_TRUE(peaks.ok()) << peaks.status();
    EXPECT_GT(peaks->flops_per_second, 0);
    EXPECT_GT(peaks->bytes_per_second, 0);
  }
}

}  // namespace
}  // namespace lathe
