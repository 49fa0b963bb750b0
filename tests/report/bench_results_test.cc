#include "report/bench_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/bench_json.h"

namespace lathe::report {
namespace {

using ::testing::HasSubstr;

TEST(BenchResultsTest, ReadsWhatBenchPrints) {
  absl::StatusOr<BenchResults> bench = ParseBenchResults(kBenchJson, "bench.json");
  ASSERT_TRUE(bench.ok()) << bench.status();
  EXPECT_EQ(bench->device_kind, "kind-a");
  EXPECT_DOUBLE_EQ(bench->geomean_ratio, 1.25);
  ASSERT_EQ(bench->rows.size(), 2u);
  const BenchRow& row = bench->rows[0];
  EXPECT_EQ(row.name, "matmul_64");
  EXPECT_DOUBLE_EQ(row.seconds, 10e-6);
  EXPECT_EQ(row.best_peer, "openblas");
  ASSERT_EQ(row.peers.size(), 2u);
  EXPECT_EQ(row.peers[0].name, "openblas");
  EXPECT_DOUBLE_EQ(row.peers[0].ratio_high, 1.3);
  EXPECT_TRUE(row.peers[1].relaxed);
  ASSERT_TRUE(row.peaks.has_value());
  EXPECT_DOUBLE_EQ(row.peaks->bytes_per_second, 20e9);
  EXPECT_EQ(bench->rows[1].error, "it <crashed>");
  EXPECT_FALSE(bench->rows[1].peaks.has_value());
}

TEST(BenchResultsTest, RefusesOtherTextsByName) {
  for (const char* text : {"", "[]", "{}", "{\"version\": 2, \"workloads\": []}",
                           "{\"version\": 1, \"workloads\": [{}]}",
                           "{\"version\": 1, \"workloads\": [{\"name\": 3}]}"}) {
    absl::Status status = ParseBenchResults(text, "some.json").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("some.json")) << text;
  }
}

}  // namespace
}  // namespace lathe::report
