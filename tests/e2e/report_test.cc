// `lathe report` on a database that `lathe tune` filled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    RunResult tuned = lathe_.Run({"tune", kSmallMatmul, "--trials", "6", "--db", db_});
    ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  }
  std::string Read(const std::string& path) const {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  LatheProgram lathe_;
  const std::string db_ = lathe_.path("tuned.db");
};

TEST_F(ReportTest, WritesThePageOnceAndTheSameEachTime) {
  const std::string page = lathe_.path("page.html");
  RunResult result = lathe_.Run({"report", "--db", db_, "-o", page, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Json::parse(result.out)["tasks"], 1);
  const std::string html = Read(page);
  EXPECT_THAT(html, HasSubstr("<!DOCTYPE html>"));
  EXPECT_THAT(html, HasSubstr("matmul"));
  EXPECT_THAT(html, HasSubstr("The peaks of the machine are not known"));
  RunResult printed = lathe_.Run({"report", "--db", db_, "-o", "-"});
  EXPECT_EQ(printed.out, html);
}

TEST_F(ReportTest, PeaksComeFromProbesOrFromABench) {
  RunResult probed = lathe_.Run({"report", "--db", db_, "-o", "-", "--probe"});
  ASSERT_EQ(probed.exit_code, 0) << probed.err;
  EXPECT_THAT(probed.out, HasSubstr("of the roofline, geometric mean"));
  RunResult bench = lathe_.Run({"bench", kSmallMatmul, "--db", db_, "--against", "none",
                                "--seconds", "0.2", "--naive-seconds", "0", "--json"});
  ASSERT_EQ(bench.exit_code, 0) << bench.err;
  const std::string results = lathe_.path("bench.json");
  std::ofstream(results) << bench.out;
  RunResult compared = lathe_.Run({"report", "--db", db_, "-o", "-", "--peers", results});
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("Against peers"));
  EXPECT_THAT(compared.out, HasSubstr("of the roofline, geometric mean"));
}

TEST_F(ReportTest, OfOneFunctionInItsAuthorsNames) {
  RunResult mine = lathe_.Run({"report", "--db", db_, "-o", "-", "--function", kSmallMatmul});
  ASSERT_EQ(mine.exit_code, 0) << mine.err;
  EXPECT_THAT(mine.out, HasSubstr("Best trace</h4>"));
  RunResult other =
      lathe_.Run({"report", "--db", db_, "-o", "-", "--function", "op:gelu(rows=3,columns=5)"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_THAT(other.out, HasSubstr("There is no task to show"));
}

TEST_F(ReportTest, BadInputIsNamed) {
  const std::string results = lathe_.path("bench.json");
  std::ofstream(results) << "{\"version\": 7}";
  RunResult peers = lathe_.Run({"report", "--db", db_, "-o", "-", "--peers", results});
  EXPECT_EQ(peers.exit_code, 2);
  EXPECT_THAT(peers.err, HasSubstr("bench.json"));
  RunResult missing = lathe_.Run({"report", "--db", lathe_.path("none.db"), "-o", "-"});
  EXPECT_EQ(missing.exit_code, 2);
  RunResult folder = lathe_.Run({"report", "--db", db_, "-o", lathe_.path("no/such/page.html")});
  EXPECT_EQ(folder.exit_code, 2);
  EXPECT_THAT(folder.err, HasSubstr("page.html"));
}

}  // namespace
}  // namespace lathe::testing
