#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "compiler/runtime/lathe_cpu_features.h"

namespace {

std::vector<std::string> Features() {
  std::vector<const char*> names(lathe_cpu_features(nullptr, 0));
  EXPECT_EQ(lathe_cpu_features(names.data(), names.size()), names.size());
  return {names.begin(), names.end()};
}

TEST(CpuFeatures, AreSortedDistinctAndAgreeWithHas) {
  std::vector<std::string> names = Features();
  ASSERT_FALSE(names.empty());
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const std::string& name : names) EXPECT_TRUE(lathe_cpu_has(name.c_str())) << name;
  EXPECT_FALSE(lathe_cpu_has("avx2000"));
  EXPECT_FALSE(lathe_cpu_has(""));
}

TEST(CpuFeatures, CapacityIsRespected) {
  const char* names[2] = {nullptr, nullptr};
  EXPECT_GT(lathe_cpu_features(names, 1), 1u);
  EXPECT_NE(names[0], nullptr);
  EXPECT_EQ(names[1], nullptr);
}

#if defined(__x86_64__)
TEST(CpuFeatures, AgreeWithTheCompilersOwnDetection) {
  EXPECT_TRUE(lathe_cpu_has("sse2"));
  EXPECT_EQ(lathe_cpu_has("avx2") != 0, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(lathe_cpu_has("fma") != 0, __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(lathe_cpu_has("avx512f") != 0, __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(lathe_cpu_has("avx512vnni") != 0, __builtin_cpu_supports("avx512vnni") != 0);
}
#endif

TEST(CpuFeatures, TheMakerIsNamed) {
  lathe_cpu_identity id = lathe_cpu_identify();
  EXPECT_NE(std::string(id.vendor), "");
}

}  // namespace
