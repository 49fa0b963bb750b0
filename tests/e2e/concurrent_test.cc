// Two programs at work on one database file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using Json = nlohmann::json;

TEST(Concurrent, TwoTuningRunsShareOneDatabase) {
  LatheProgram lathe;
  const std::string db = lathe.path("tune.db");
  auto start = [&](const std::string& name, const std::string& seed) {
    return std::make_unique<BackgroundProgram>(
        std::vector<std::string>{LATHE_PROGRAM, "tune", kSmallMatmul, "--trials", "12", "--seed",
                                 seed, "--db", db, "--json"},
        lathe.path(name + ".out"), lathe.path(name + ".err"), lathe.Environment());
  };
  auto first = start("first", "1"), second = start("second", "2");
  int64_t measured = 0;
  for (BackgroundProgram* tune : {first.get(), second.get()}) {
    RunResult result = tune->Wait(200);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    Json json = Json::parse(result.out);
    EXPECT_FALSE(json["best"].is_null());
    EXPECT_EQ(json["done"].get<int64_t>(),
              json["measured"].get<int64_t>() + json["resumed"].get<int64_t>());
    measured += json["measured"].get<int64_t>();
  }
  RunResult verify = lathe.Run({"db", "verify", "--db", db});
  EXPECT_EQ(verify.exit_code, 0) << verify.out << verify.err;
  RunResult stats = lathe.Run({"db", "stats", "--db", db, "--json"});
  ASSERT_EQ(stats.exit_code, 0) << stats.err;
  // Nothing is lost; naive and promotion come on top.
  EXPECT_GT(Json::parse(stats.out)["records"].get<int64_t>(), measured);
  EXPECT_EQ(Json::parse(stats.out)["tasks"], 1);
  EXPECT_EQ(lathe.Run({"query", kSmallMatmul, "--db", db}).exit_code, 0);
}

}  // namespace
}  // namespace lathe::testing
