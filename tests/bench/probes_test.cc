#include "bench/probes.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(ProbesTest, FmaCountsTwoForEveryLaneAndThread) {
  FmaProbe f32(nullptr, false), f64(nullptr, true);
  f32.Call();
  f64.Call();
  EXPECT_GT(f32.flops(), 0);
  if (ProbeIsa() != "baseline") {
    EXPECT_EQ(f32.flops(), 2 * f64.flops());
  }
  lathe_thread_pool* pool = lathe_thread_pool_create(2, nullptr, 0);
  ASSERT_NE(pool, nullptr);
  FmaProbe two(pool, false);
  two.Call();
  EXPECT_EQ(two.flops(), 2 * f32.flops());
  lathe_thread_pool_destroy(pool);
}

// Any mix is walked within the probe's memory, which sanitizers watch.
TEST(ProbesTest, BandwidthMovesWhatItWasAskedFor) {
  for (auto [read, write] : {std::pair<uint64_t, uint64_t>{4096, 4096},
                             {10000, 3},
                             {256, 25600},
                             {0, 512},
                             {512, 0},
                             {1, 1}}) {
    BandwidthProbe probe(nullptr, read, write);
    probe.Call();
    EXPECT_GE(probe.bytes(), static_cast<double>(read + write));
    EXPECT_LT(probe.bytes(), static_cast<double>(read + write + 512));
  }
}

TEST(ProbesTest, ThreadsShareTheBytes) {
  lathe_thread_pool* pool = lathe_thread_pool_create(2, nullptr, 0);
  ASSERT_NE(pool, nullptr);
  BandwidthProbe probe(pool, 1 << 16, 1 << 14);
  probe.Call();
  EXPECT_EQ(probe.bytes(), (1 << 16) + (1 << 14));
  lathe_thread_pool_destroy(pool);
}

}  // namespace
}  // namespace lathe
