// `lathe tune --journal` and `--replay`: the decisions of a run, again without a device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class ReplayTest : public ::testing::Test {
 protected:
  Json OkJson(std::vector<std::string> arguments) const {
    arguments.push_back("--json");
    RunResult result = lathe_.Run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
    return Json::parse(result.out, nullptr, false);
  }
  // The journal with one change, replayed: what is wrong is said with its line.
  RunResult ReplayChanged(const std::string& from, const std::string& to, bool last = false) const {
    std::string text = ReadWholeFile(journal_);
    const size_t at = last ? text.rfind(from) : text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    const std::string changed = lathe_.path("changed");
    WriteWholeFile(changed, text);
    RunResult result = lathe_.Run({"tune", "--replay", changed});
    EXPECT_THAT(result.err, HasSubstr(changed + ":"));
    return result;
  }
  void ExpectDiffers(const RunResult& result, const std::string& what) const {
    EXPECT_EQ(result.exit_code, 1) << what << result.err;
    EXPECT_THAT(result.err, HasSubstr(what));
    EXPECT_THAT(result.out, HasSubstr("one differs"));
  }
  void ExpectRefused(const RunResult& result, const std::string& what) const {
    EXPECT_EQ(result.exit_code, 2) << what << result.out;
    EXPECT_THAT(result.err, HasSubstr(what));
    EXPECT_EQ(result.out, "");
  }

  LatheProgram lathe_;
  const std::string journal_ = lathe_.path("journal");
};

TEST_F(ReplayTest, AJournalIsReplayedUpToTheFirstDifference) {
  OkJson({"tune", "op:matmul(m=48,n=64,k=32)", "--trials", "4"});  // to be transferred
  Json tuned = OkJson({"tune", kSmallMatmul, "--trials", "24", "--journal", journal_});
  Json replayed = OkJson({"tune", "--replay", journal_});
  EXPECT_EQ(replayed["result"], tuned);
  EXPECT_GE(replayed["suggested"].get<int>(), 23);
  EXPECT_TRUE(replayed["difference"].is_null()) << replayed["difference"];
  EXPECT_GE(replayed["decisions"], replayed["suggested"].get<int>() + 3)
      << "the stop, the finalists and the winner, too";
  EXPECT_THAT(lathe_.Run({"tune", "--replay", journal_}).out, HasSubstr("none differs"));
  // One run, one file.
  RunResult again = lathe_.Run({"tune", kSmallMatmul, "--trials", "25", "--journal", journal_});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("exists"));

  const std::string stop = R"("reason":")";
  ExpectDiffers(ReplayChanged(stop + "trials", stop + "converged"),
                "the journal stops (converged)");
  ExpectDiffers(ReplayChanged(R"("seed":1,)", R"("seed":2,)"), ", the journal has ");
  const std::string finalists = R"("event":"finalists","incumbent":null,"finalists":[)";
  ExpectDiffers(ReplayChanged(finalists, finalists + R"("none",)"), "finalists, the journal has ");
  ExpectDiffers(ReplayChanged(R"("again":)", R"("winner":null,"again":)", /*last=*/true),
                "the journal has none");

  ExpectRefused(ReplayChanged(R"("event":"trial")", R"("event":"miracle")"),
                ": an unknown event, 'miracle'");
  ExpectRefused(ReplayChanged(R"("search":"model")", R"("search":"luck")"),
                ":1: there is no search 'luck'");
  ExpectRefused(ReplayChanged(R"("threads":1,)", R"("threads":0,)"), ":1: 'threads' is 0");
  ExpectRefused(ReplayChanged(R"("model":")", R"("model":"*)"), ":1: the cost model is no base64");
  ExpectRefused(ReplayChanged(stop + "trials", stop + "boredom"),
                ": an unknown reason to stop, 'boredom'");
}

}  // namespace
}  // namespace lathe::testing
