// `lathe bench` on the real programs, against a peer that is right in one variant
// and wrong in others. No timing is asserted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class BenchTest : public ::testing::Test {
 protected:
  // Short rounds: what is looked at is who counts.
  RunResult Bench(std::vector<std::string> arguments) const {
    for (const char* word : {"--seconds", "0.05", "--naive-seconds", "0.05"}) {
      arguments.emplace_back(word);
    }
    arguments.insert(arguments.begin(), "bench");
    return lathe_.Run(arguments);
  }
  Json BenchJson(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    RunResult result = Bench(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
    Json json = Json::parse(result.out, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << result.out;
    return json;
  }

  LatheProgram lathe_;
};

TEST_F(BenchTest, OtherTracesRunBeside) {
  Json json = BenchJson({kSmallMatmul, "--against", "none", "--trace", "naive", "--beside",
                         "default", "--beside", "listed"});
  const Json& beside = json["workloads"][0]["beside"];
  ASSERT_EQ(beside.size(), 1u) << "nothing is listed outside of a suite";
  EXPECT_EQ(beside[0]["trace"], "default");
  EXPECT_GT(beside[0]["time_us"], 0);
  EXPECT_GT(beside[0]["ratio"], 0);
  EXPECT_EQ(beside[0]["error"], nullptr);
}

TEST_F(BenchTest, OnlyRightPeersCount) {
  Json json = BenchJson({kSmallMatmul, "--against", LATHE_FAKE_PEER});
  EXPECT_EQ(json["peer_versions"]["fake"], "1.2.3, plain loops");
  ASSERT_EQ(json["workloads"].size(), 1u);
  const Json& work = json["workloads"][0];
  EXPECT_EQ(work["function"], kSmallMatmul);
  EXPECT_EQ(work["trace"], "default");
  EXPECT_EQ(work["error"], nullptr);
  EXPECT_GT(work["time_us"], 0);
  EXPECT_EQ(work["default_us"], work["time_us"]);
  EXPECT_GT(work["naive_us"], 0);
  EXPECT_EQ(work["flops"], 2 * 48 * 48 * 32);
  EXPECT_GT(work["probes"]["fma_gflops"], 0);
  EXPECT_GT(work["probes"]["bandwidth_gb_s"], 0);
  EXPECT_GT(work["roofline_fraction"], 0);
  EXPECT_GE(work["rounds"], 1);

  EXPECT_EQ(work["peers"].size(), 2u) << work["peers"];
  EXPECT_GT(work["peers"]["fake"], 0);
  EXPECT_GT(work["peers"]["fake-relaxed"], 0);
  EXPECT_TRUE(work["peer_ratios"]["fake-relaxed"]["relaxed"]);
  EXPECT_EQ(work["best_peer"], "fake") << "relaxed results do not compete with strict ones";
  EXPECT_LE(work["interval"][0], work["ratio_to_best_peer"]);
  EXPECT_GE(work["interval"][1], work["ratio_to_best_peer"]);
  EXPECT_EQ(work["ratio_to_best_peer"], work["peer_ratios"]["fake"]["ratio"]);
  EXPECT_NEAR(json["geomean_ratio"], work["ratio_to_best_peer"].get<double>(), 1e-9);

  const Json& rejected = work["rejected_peers"];
  EXPECT_EQ(rejected.size(), 5u) << rejected;
  EXPECT_THAT(rejected["fake[wrong]"], HasSubstr("wrong output"));
  EXPECT_THAT(rejected["fake[idle]"], HasSubstr("wrong output"));
  EXPECT_THAT(rejected["fake[spoils]"], HasSubstr("A"));
  EXPECT_THAT(rejected["fake[fails]"], HasSubstr("failed with 7"));
  EXPECT_EQ(rejected["fake[closed]"], "out of order");
}

TEST_F(BenchTest, SuitesTracesAndFilesThatAreOperators) {
  WriteWholeFile(lathe_.path("f.tfn"),
                 "lathe 1\nfunc mine(p: f32[8, 4], q: f32[4, 16]) -> (r) {\n"
                 "  r[a, b] = sum(c) p[a, c] * q[c, b]\n}\n");
  WriteWholeFile(lathe_.path("f.trace"), "lathe-trace 1\nr.b.o, r.b.i = split(r.b, 8)\n");
  WriteWholeFile(lathe_.path("my.suite"),
                 "lathe-suite 1\n"
                 "f.tfn as=op:matmul(m=8,n=16,k=4) trace=f.trace name=file\n"
                 "op:row_sum(rows=3,columns=5) trace=naive\n");
  Json json = BenchJson({lathe_.path("my.suite"), "--against", LATHE_FAKE_PEER});
  ASSERT_EQ(json["workloads"].size(), 2u);
  const Json& file = json["workloads"][0];
  EXPECT_EQ(file["name"], "file");
  EXPECT_EQ(file["trace"], lathe_.path("f.trace"));
  EXPECT_EQ(file["best_peer"], "fake");
  EXPECT_GT(file["default_us"], 0);
  const Json& sum = json["workloads"][1];
  EXPECT_EQ(sum["trace"], "naive");
  EXPECT_EQ(sum["best_peer"], nullptr) << "not the peer's";
  EXPECT_EQ(sum["peers"], Json::object());
  EXPECT_GT(sum["time_us"], 0);
}

TEST_F(BenchTest, TextNamesPeersAndTheMachine) {
  RunResult result = Bench({kSmallMatmul, "--against", LATHE_FAKE_PEER});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("peers: fake 1.2.3, plain loops"));
  EXPECT_THAT(result.out, HasSubstr("fake[wrong]: does not count: wrong output"));
  EXPECT_THAT(result.out, HasSubstr("of the roofline"));
  EXPECT_THAT(result.out, HasSubstr("machine: "));
}

TEST_F(BenchTest, BadInput) {
  auto refused = [&](const std::vector<std::string>& arguments, const std::string& what) {
    RunResult result = Bench(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.out << result.err;
    EXPECT_THAT(result.err, HasSubstr(what));
  };
  refused({"nosuchsuite"}, "no file and no suite 'nosuchsuite'");
  refused({kSmallMatmul, "--against", "abacus"}, "no peer 'abacus'");
  refused({kSmallMatmul, "--against", "/nowhere/peer.so"}, "/nowhere/peer.so");
  refused({kSmallMatmul, "--against", "none", "--cpus", "100000"}, "100000");
  WriteWholeFile(lathe_.path("bad.suite"), "lathe-suite 1\nop:relu(rows=1,columns=2) speed=1\n");
  refused({lathe_.path("bad.suite")}, "bad.suite:2: there is no setting 'speed'");
}

}  // namespace
}  // namespace lathe::testing
