#include "bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::ordered_json;

PeerResult Peer(const std::string& name, double seconds, double ratio) {
  PeerResult peer;
  peer.name = name;
  peer.seconds = seconds;
  peer.ratio = {ratio, ratio - 0.25, ratio + 0.25};
  return peer;
}

BenchReport Example() {
  WorkloadResult timed;
  timed.name = "small";
  timed.spec = "op:matmul(m=2,n=2,k=2)";
  timed.origin = "default";
  timed.work = {16, 48};
  timed.seconds = 2e-6;
  timed.default_seconds = 3e-6;
  timed.peers = {Peer("a", 4e-6, 2), Peer("b", 8e-6, 4), Peer("c", 0, 0)};
  timed.peers[2].error = "wrong output: c[0, 0] is 1, not 2";
  timed.beside = {{"listed", 1e-6, {0.5, 0.25, 0.75}, ""},
                  {"other.trace", 0, {}, "does not build"}};
  timed.best_peer = "a";
  timed.best_ratio = timed.peers[0].ratio;
  timed.peak_flops = 1e11;
  timed.bandwidth = 5e10;
  timed.roofline_fraction = 0.75;
  timed.rounds = 9;
  timed.notes = {"naive: not run, as it takes more than 1 s"};
  WorkloadResult failed;
  failed.name = "broken";
  failed.spec = "f.tfn";
  failed.origin = "f.trace";
  failed.error = "does not build";
  BenchReport report;
  report.lathe_version = "0.1.0";
  report.device_kind = "kind";
  report.cpus = {1};
  report.peer_versions = {{"a", "1.0"}, {"b", "2.0, fast"}};
  report.workloads = {timed, failed};
  return report;
}

// The layout is a contract: this is the whole of it.
TEST(ReportTest, JsonLayout) {
  const Json expected = Json::parse(R"json({
    "version": 1, "lathe": "0.1.0", "device_kind": "kind", "cpus": [1], "threads": 1, "seed": 1,
    "peer_versions": {"a": "1.0", "b": "2.0, fast"},
    "workloads": [
      {"name": "small", "function": "op:matmul(m=2,n=2,k=2)", "trace": "default", "threads": 1,
       "time_us": 2.0, "default_us": 3.0, "naive_us": null,
       "beside": [{"trace": "listed", "time_us": 1.0, "ratio": 0.5, "interval": [0.25, 0.75],
                   "error": null},
                  {"trace": "other.trace", "time_us": null, "ratio": null, "interval": null,
                   "error": "does not build"}],
       "peers": {"a": 4.0, "b": 8.0},
       "best_peer": "a", "ratio_to_best_peer": 2.0, "interval": [1.75, 2.25],
       "peer_ratios": {"a": {"ratio": 2.0, "interval": [1.75, 2.25], "relaxed": false},
                       "b": {"ratio": 4.0, "interval": [3.75, 4.25], "relaxed": false}},
       "rejected_peers": {"c": "wrong output: c[0, 0] is 1, not 2"},
       "roofline_fraction": 0.75, "flops": 16.0, "bytes": 48.0, "gflops": 0.008,
       "probes": {"fma_gflops": 100.0, "bandwidth_gb_s": 50.0},
       "rounds": 9, "error": null,
       "notes": ["naive: not run, as it takes more than 1 s"]},
      {"name": "broken", "function": "f.tfn", "trace": "f.trace", "threads": 1,
       "time_us": null, "default_us": null, "naive_us": null,
       "beside": [], "peers": {}, "best_peer": null, "ratio_to_best_peer": null, "interval": null,
       "peer_ratios": {}, "rejected_peers": {},
       "roofline_fraction": null, "flops": 0.0, "bytes": 0.0, "gflops": null,
       "probes": null, "rounds": 0, "error": "does not build", "notes": []}
    ],
    "geomean_ratio": 2.0
  })json");
  const Json actual = ToJson(Example());
  ASSERT_EQ(actual.size(), expected.size());
  const Json patch = Json::diff(expected, actual);
  for (const Json& difference : patch) {
    // Numbers may differ in their last digit.
    ASSERT_EQ(difference["op"], "replace") << patch.dump(1);
    const Json::json_pointer where(difference["path"].get<std::string>());
    ASSERT_TRUE(expected[where].is_number() && actual[where].is_number()) << patch.dump(1);
    EXPECT_NEAR(actual[where].get<double>(), expected[where].get<double>(), 1e-9) << patch.dump(1);
  }
}

TEST(ReportTest, TextSaysWhoCountsAndWhoDoesNot) {
  const BenchReport report = Example();
  const std::string text = ToText(report.workloads[0]);
  EXPECT_THAT(text, HasSubstr("75.0 % of the roofline"));
  EXPECT_THAT(text, HasSubstr("2.000x [1.750, 2.250]  best"));
  EXPECT_THAT(text, HasSubstr("4.000x [3.750, 4.250]\n"));
  EXPECT_THAT(text, HasSubstr("c: does not count: wrong output"));
  EXPECT_THAT(text, HasSubstr("naive: not run"));
  EXPECT_THAT(ToText(report.workloads[1]), HasSubstr("no time: does not build"));
  EXPECT_EQ(PeerVersionsText(report), "a 1.0; b 2.0, fast");
}

TEST(ReportTest, GeomeanIsOverWorkloadsWithPeers) {
  BenchReport report = Example();
  WorkloadResult other = report.workloads[0];
  other.best_ratio.ratio = 0.5;
  report.workloads.push_back(other);
  EXPECT_DOUBLE_EQ(GeomeanRatio(report.workloads), 1);
  EXPECT_EQ(GeomeanRatio({report.workloads[1]}), 0);
  EXPECT_THAT(ToJson({}).dump(), HasSubstr("\"geomean_ratio\":null"));
}

}  // namespace
}  // namespace lathe
