// `lathe tune SUITE`: several functions on real services, interrupted and killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

constexpr char kSuite[] =
    "lathe-suite 1\n"
    "op:matmul(m=48,n=48,k=32) name=product weight=3\n"
    "op:gelu(rows=16,columns=64) name=gelu\n";

class SuiteTuneTest : public ::testing::Test {
 protected:
  SuiteTuneTest() { std::ofstream(suite_) << kSuite; }

  std::vector<std::string> Arguments(const std::string& trials) const {
    return {"tune", suite_,           "--trials", trials, "--seed",
            "7",    "--no-auto-stop", "--db",     db_,    "--json"};
  }
  int64_t Records() const {
    RunResult stats = lathe_.Run({"db", "stats", "--db", db_, "--json"});
    return stats.exit_code == 0 ? Json::parse(stats.out)["records"].get<int64_t>() : 0;
  }
  void ExpectWhole() const {
    RunResult verify = lathe_.Run({"db", "verify", "--db", db_});
    EXPECT_EQ(verify.exit_code, 0) << verify.out << verify.err;
  }
  // Waits for so many records, or about 60 seconds.
  void AwaitRecords(int64_t wanted) const {
    for (int i = 0; i < 600 && Records() < wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  LatheProgram lathe_;
  const std::string suite_ = lathe_.path("two.suite"), db_ = lathe_.path("suite.db");
};

TEST_F(SuiteTuneTest, AModelThatIsNotThereIsAnErrorOfTheCommand) {
  RunResult result = lathe_.Run({"tune", suite_, "--model", lathe_.path("no.model"), "--db", db_});
  EXPECT_EQ(result.exit_code, 2) << result.out << result.err;
  EXPECT_NE(result.err.find("no.model"), std::string::npos) << result.err;
}

TEST_F(SuiteTuneTest, TunesAllAndResumes) {
  RunResult first = lathe_.Run(Arguments("4"));
  ASSERT_EQ(first.exit_code, 0) << first.err;
  Json json = Json::parse(first.out);
  ASSERT_EQ(json["tasks"].size(), 2u);
  double share = 0;
  for (const Json& task : json["tasks"]) {
    EXPECT_EQ(task["state"], "done") << task;
    EXPECT_EQ(task["resumed"], 0) << task;
    EXPECT_FALSE(task["best"].is_null()) << task;
    share += task["share"].get<double>();
  }
  EXPECT_EQ(json["tasks"][0]["name"], "product");
  EXPECT_EQ(json["tasks"][0]["weight"], 3);
  EXPECT_NEAR(share, 1, 1e-9);
  RunResult again = lathe_.Run(Arguments("8"));
  ASSERT_EQ(again.exit_code, 0) << again.err;
  const Json resumed = Json::parse(again.out);
  for (const Json& task : resumed["tasks"]) {
    EXPECT_GE(task["resumed"], 1) << task;
    EXPECT_LE(task["done"], 8) << task;
  }
  ExpectWhole();
  // Each is served like any other.
  RunResult query = lathe_.Run({"query", kSmallMatmul, "--db", db_});
  EXPECT_EQ(query.exit_code, 0) << query.out << query.err;
}

TEST_F(SuiteTuneTest, AFileOfSeveralFunctionsIsASuite) {
  const std::string file = lathe_.path("two.tfn");
  std::ofstream(file) << "lathe 1\n"
                         "func twice(x: f32[64]) -> (y) {\n  y[i] = x[i] + x[i]\n}\n"
                         "func square(x: f32[64]) -> (y) {\n  y[i] = x[i] * x[i]\n}\n";
  RunResult result = lathe_.Run({"tune", file, "--trials", "2", "--db", db_});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("twice"));
  EXPECT_THAT(result.out, HasSubstr("square"));
}

TEST_F(SuiteTuneTest, TheBudgetHoldsForAll) {
  RunResult result = lathe_.Run({"tune", suite_, "--budget", "6s", "--db", db_, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Json::parse(result.out)["tasks"].size(), 2u);
}

TEST_F(SuiteTuneTest, KilledItLosesNothingThatWasWrittenAndResumes) {
  std::vector<std::string> command = Arguments("16");
  command.insert(command.begin(), LATHE_PROGRAM);
  BackgroundProgram tuning(command, lathe_.path("out"), lathe_.path("err"), lathe_.Environment());
  AwaitRecords(6);
  tuning.Signal(SIGKILL);
  tuning.Wait(60);
  const int64_t before = Records();
  EXPECT_GT(before, 0);
  ExpectWhole();
  RunResult again = lathe_.Run(Arguments("16"));
  ASSERT_EQ(again.exit_code, 0) << again.err;
  int64_t resumed = 0;
  const Json json = Json::parse(again.out);
  for (const Json& task : json["tasks"]) {
    resumed += task["resumed"].get<int64_t>();
  }
  EXPECT_GT(resumed, 0);
  EXPECT_GE(Records(), before);
  ExpectWhole();
}

TEST_F(SuiteTuneTest, CtrlCEndsItWithWhatThereIs) {
  std::vector<std::string> command = Arguments("100000");
  command.insert(command.begin(), LATHE_PROGRAM);
  BackgroundProgram tuning(command, lathe_.path("out"), lathe_.path("err"), lathe_.Environment());
  AwaitRecords(4);
  tuning.Signal(SIGINT);
  tuning.Wait(60);
  std::ifstream out(lathe_.path("out"));
  Json json = Json::parse(out, nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["interrupted"], true);
  EXPECT_GT(Records(), 0);
  ExpectWhole();
}

TEST_F(SuiteTuneTest, BadSuitesAreNamed) {
  std::ofstream(suite_) << "lathe-suite 1\nop:matmul(m=4,n=4,k=4) weight=0\n";
  RunResult weight = lathe_.Run({"tune", suite_, "--db", db_});
  EXPECT_EQ(weight.exit_code, 2);
  EXPECT_THAT(weight.err, HasSubstr("two.suite:2: weight '0' is no positive number"));
  RunResult journal = lathe_.Run({"tune", "core", "--journal", lathe_.path("j"), "--db", db_});
  EXPECT_EQ(journal.exit_code, 2);
  EXPECT_THAT(journal.err, HasSubstr("--journal is for one function"));
}

}  // namespace
}  // namespace lathe::testing
