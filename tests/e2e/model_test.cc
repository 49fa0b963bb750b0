// Cost models on the real programs: tune, train, show, evaluate, and refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

TEST(ModelCommand, TrainsShowsAndEvaluatesOnTunedRecords) {
  LatheProgram lathe;
  RunResult tuned = lathe.Run({"tune", kSmallMatmul, "--trials", "16", "--seed", "3"});
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  const std::string file = lathe.path("cost.model");
  RunResult trained = lathe.Run({"model", "train", "-o", file, "--json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  Json json = Json::parse(trained.out, nullptr, false);
  ASSERT_FALSE(json.is_discarded()) << trained.out;
  EXPECT_GE(json["rows"].get<int>(), 8);
  EXPECT_EQ(json["tasks"].get<int>(), 1);

  RunResult shown = lathe.Run({"model", "show", file, "--json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  Json info = Json::parse(shown.out, nullptr, false);
  EXPECT_EQ(info["rows"], json["rows"]);
  EXPECT_EQ(info["features_hash"].get<std::string>().size(), 64);

  RunResult evaluated = lathe.Run({"model", "evaluate", file, "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  Json table = Json::parse(evaluated.out, nullptr, false);
  ASSERT_EQ(table.size(), 1);
  EXPECT_EQ(table[0]["model"]["rows"], json["rows"]);
  EXPECT_TRUE(table[0]["estimate"]["top_k_regret"].contains("8"));

  // Nothing is left to train on without the only family.
  RunResult nothing = lathe.Run({"model", "train", "-o", file, "--hold-out-family", kSmallMatmul});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("too few"));
  // What is not there cannot be held out.
  std::filesystem::remove(file);
  for (const char* hold_out : {"--hold-out-family", "--hold-out-function"}) {
    RunResult none =
        lathe.Run({"model", "train", "-o", file, hold_out, "op:softmax(rows=4,columns=8)"});
    EXPECT_EQ(none.exit_code, 2) << none.out;
    EXPECT_THAT(none.err, HasSubstr(hold_out));
    EXPECT_THAT(none.err, HasSubstr(": matmul "));
    EXPECT_FALSE(std::filesystem::exists(file));
  }
}

TEST(ModelCommand, RefusesWhatIsNoModel) {
  LatheProgram lathe;
  RunResult missing = lathe.Run({"model", "show", lathe.path("none")});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("lathe model train"));
  const std::string foreign = lathe.path("foreign");
  std::ofstream(foreign) << "lathe 1\nfunc f";
  RunResult refused = lathe.Run({"model", "show", foreign});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("not a cost model"));
  RunResult untrained = lathe.Run({"model", "train", "-o", lathe.path("m")});
  EXPECT_EQ(untrained.exit_code, 2);
  EXPECT_THAT(untrained.err, HasSubstr("too few"));
  EXPECT_EQ(lathe.Run({"model", "evaluate"}).exit_code, 1);
}

}  // namespace
}  // namespace lathe::testing
