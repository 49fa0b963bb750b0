// What a database goes through: export, import, merge, prune, nearest look-up and
// a change of the compiler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "compiler/base/digest.h"
#include "tests/e2e/lathe_program.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kOtherShape[] = "op:matmul(m=48,n=48,k=40)";

class DatabaseTest : public ::testing::Test {
 protected:
  Json OkJson(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.push_back("--json");
    RunResult result = lathe_.Run(arguments, input);
    EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
    return Json::parse(result.out, nullptr, false);
  }
  void Tune() const { OkJson({"tune", kSmallMatmul, "--trials", "6"}); }
  std::string Export() const {
    RunResult result = lathe_.Run({"db", "export", "-"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }

  LatheProgram lathe_;
};

// The export as a compiler of old would have left it: other programs.
std::string OfAnotherCompiler(const std::string& exported) {
  std::istringstream lines(exported);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line);
    if (json.contains("record")) {
      std::string& hash = json["record"]["program_hash"].get_ref<std::string&>();
      if (!hash.empty()) hash = Sha256Hex(hash);
    }
    if (json.contains("end")) json["end"]["sha256"] = Sha256Hex(text);
    text += json.dump() + "\n";
  }
  return text;
}

TEST_F(DatabaseTest, ExportsImportsMergesAndPrunes) {
  Tune();
  std::string db = lathe_.path("copy.db"), third = lathe_.path("third.db");
  std::string text = Export();
  int64_t records = OkJson({"db", "stats"})["records"];
  Json imported = OkJson({"db", "import", "-", "--db", db}, text);
  EXPECT_EQ(imported["records"], records);
  EXPECT_EQ(imported["added"], records);
  Json again = OkJson({"db", "import", "-", "--db", db}, text);
  EXPECT_EQ(again["added"], 0);
  EXPECT_EQ(again["present"], records);
  EXPECT_EQ(again["conflicting"], 0);
  EXPECT_EQ(OkJson({"query", kSmallMatmul, "--db", db})["verdict"], "exact");
  EXPECT_EQ(OkJson({"db", "merge", db, "--db", third})["added"], records);
  EXPECT_EQ(OkJson({"db", "merge", db, "--db", third})["added"], 0);
  EXPECT_EQ(OkJson({"db", "export", lathe_.path("none"), "--function", kOtherShape})["records"], 0);
  EXPECT_EQ(OkJson({"db", "export", lathe_.path("all"), "--family", kOtherShape})["records"],
            records);

  Json best = OkJson({"query", kSmallMatmul, "--db", third})["record"];
  Json planned = OkJson({"db", "prune", "--keep", "1", "--dry-run", "--db", third});
  EXPECT_GT(planned["removed"].get<int>(), 0);
  EXPECT_EQ(OkJson({"db", "stats", "--db", third})["records"], records);
  EXPECT_EQ(OkJson({"db", "prune", "--keep", "1", "--db", third})["removed"], planned["removed"]);
  EXPECT_EQ(OkJson({"db", "stats", "--db", third})["records"], planned["kept"]);
  EXPECT_EQ(OkJson({"query", kSmallMatmul, "--db", third})["record"], best);
  EXPECT_EQ(OkJson({"db", "verify", "--db", third})["whole"], true);
}

TEST_F(DatabaseTest, DamagedExportsChangeNothing) {
  Tune();
  std::string text = Export(), db = lathe_.path("copy.db");
  WriteWholeFile(lathe_.path("cut"), text.substr(0, text.size() / 2));
  std::string changed = text;
  changed.replace(changed.find("\"median\":"), 9, "\"medium\":");
  WriteWholeFile(lathe_.path("changed"), changed);
  for (const char* name : {"cut", "changed"}) {
    RunResult result = lathe_.Run({"db", "import", lathe_.path(name), "--db", db});
    EXPECT_EQ(result.exit_code, 2) << name;
    EXPECT_THAT(result.err, HasSubstr(lathe_.path(name) + ":"));
    EXPECT_EQ(OkJson({"db", "stats", "--db", db})["records"], 0) << name;
  }
  EXPECT_EQ(lathe_.Run({"db", "import", lathe_.path("missing")}).exit_code, 2);
  EXPECT_EQ(lathe_.Run({"db", "merge", lathe_.path("cut")}).exit_code, 2);
  EXPECT_EQ(lathe_.Run({"db", "prune"}).exit_code, 2);
  EXPECT_EQ(lathe_.Run({"db", "prune", "--older-than", "yesterday"}).exit_code, 2);
  EXPECT_EQ(lathe_.Run({"query", kSmallMatmul, "--max-loss", "much"}).exit_code, 2);
}

TEST_F(DatabaseTest, ConflictsAreToldAndOursStay) {
  Tune();
  const std::string db = lathe_.path("copy.db"), text = Export();
  OkJson({"db", "import", "-", "--db", db}, text);
  const Json ours = OkJson({"db", "list", "--db", db});
  const std::string theirs = OfAnotherCompiler(text);
  Json summary = OkJson({"db", "import", "-", "--db", db}, theirs);
  EXPECT_EQ(summary["added"], 0);
  EXPECT_GT(summary["conflicting"].get<int64_t>(), 0);
  EXPECT_EQ(summary["records"],
            summary["present"].get<int64_t>() + summary["conflicting"].get<int64_t>());
  RunResult told = lathe_.Run({"db", "import", "-", "--db", db}, theirs);
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("kept ours of " + summary["conflicting"].dump() + " records"));
  EXPECT_THAT(told.out, HasSubstr(summary["first_conflict"].get<std::string>()));
  EXPECT_EQ(OkJson({"db", "list", "--db", db}), ours);
}

TEST_F(DatabaseTest, AQueryWithoutAnswerSaysWhereItLookedAndWhatToDo) {
  const std::string db = lathe_.path("some.db");
  WriteWholeFile(db, "");
  RunResult empty = lathe_.Run({"db", "verify", "--db", db});
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.err, HasSubstr("is empty: no database yet, or one whose creation was cut off"));
  OkJson({"tune", kSmallMatmul, "--trials", "2", "--db", db});
  EXPECT_EQ(OkJson({"db", "verify", "--db", db})["whole"], true);
  RunResult other = lathe_.Run({"query", kOtherShape, "--max-loss", "0", "--db", db});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.out, HasSubstr("none: there is no record of this function"));
  EXPECT_THAT(other.out, HasSubstr("searched  " + db + "\n"));
  EXPECT_THAT(other.out, HasSubstr(std::string("lathe tune '") + kOtherShape + "' --db '" + db));
  RunResult narrow = lathe_.Run({"query", kSmallMatmul, "--target", "x86_64 features=sse2"});
  EXPECT_EQ(narrow.exit_code, 1);
  EXPECT_THAT(narrow.out, HasSubstr("lathe.db, which is not there yet"));
  EXPECT_THAT(narrow.out, HasSubstr("--target 'x86_64 features=sse2'"));
  RunResult unknown = lathe_.Run({"query", kSmallMatmul, "--target", "pentium"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--target: unknown target 'pentium'"));
  EXPECT_THAT(unknown.err, HasSubstr("x86-64-v3"));
}

TEST_F(DatabaseTest, TheNearestShapeServesWithinTheLossAllowed) {
  Tune();
  Json found = OkJson({"query", kOtherShape, "--max-loss", "1000%"});
  EXPECT_EQ(found["verdict"], "nearest");
  EXPECT_GT(found["distance"].get<double>(), 0);
  EXPECT_GT(found["expected_loss"].get<double>(), 0);
  EXPECT_NE(found["trace"], "");
  EXPECT_EQ(lathe_.Run({"query", kOtherShape, "--max-loss", "0"}).exit_code, 1);
  RunResult strict = lathe_.Run({"query", kOtherShape, "--max-loss", "0.1%"});
  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_THAT(strict.out, HasSubstr("allowed by --max-loss"));
  std::vector<std::string> build = {"build", kOtherShape, "-o", lathe_.path("k.so")};
  build.insert(build.end(), {"--max-loss", "1000%"});
  EXPECT_EQ(OkJson(build)["verdict"], "nearest");
  build.back() = "0";
  EXPECT_EQ(lathe_.Run(build).exit_code, 1);
}

TEST_F(DatabaseTest, WhatAnotherCompilerMadeIsMeasuredAgain) {
  Tune();
  const std::string db = lathe_.path("old.db");
  EXPECT_EQ(OkJson({"db", "revalidate", "--function", kSmallMatmul})["tasks"][0]["current"], true);
  OkJson({"db", "import", "-", "--db", db}, OfAnotherCompiler(Export()));
  RunResult stale = lathe_.Run({"query", kSmallMatmul, "--db", db});
  EXPECT_EQ(stale.exit_code, 1);
  EXPECT_THAT(stale.out, HasSubstr("is stale"));
  EXPECT_EQ(lathe_.Run({"build", kSmallMatmul, "-o", lathe_.path("k.so"), "--db", db}).exit_code,
            1);

  Json again = OkJson({"db", "revalidate", "--top", "2", "--db", db});
  ASSERT_EQ(again["tasks"].size(), 1u);
  const Json& traces = again["tasks"][0]["traces"];
  ASSERT_EQ(traces.size(), 2u);
  EXPECT_GT(traces[0]["seconds"].get<double>(), 0);
  Json found = OkJson({"query", kSmallMatmul, "--db", db});
  EXPECT_EQ(found["verdict"], "exact");
  EXPECT_EQ(found["record"]["promoted"], true);
  EXPECT_EQ(OkJson({"db", "verify", "--db", db})["whole"], true);
  EXPECT_EQ(OkJson({"db", "revalidate", "--db", db})["tasks"][0]["current"], true);
}

}  // namespace
}  // namespace lathe::testing
