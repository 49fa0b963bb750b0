// The whole page: golden, well-formed, nothing unescaped. `--update` rewrites the golden.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_replace.h"
#include "compiler/base/version.h"
#include "report/report.h"
#include "tests/database/test_records.h"
#include "tests/report/bench_json.h"
#include "tests/report/test_history.h"
#include "tests/report/well_formed.h"

namespace lathe::report {
namespace {

using ::lathe::testing::WhyNotWellFormed;
using ::testing::HasSubstr;
using ::testing::Not;

bool update = false;

constexpr char kGolden[] = LATHE_SOURCE_DIR "/tests/report/golden/report.html";

// A store with a task tuned twice, one that nothing is served of, and one of a name and
// a device that need escaping.
std::unique_ptr<RecordStore> TestStore() {
  std::unique_ptr<RecordStore> store = NewMemoryStore();
  DeviceRow device = TestDevice();
  device.name = "board <1> & co";
  EXPECT_TRUE(store->PutDevice(device).ok());
  EXPECT_TRUE(store->AddRecords(TunedTwice(TaskFor(Matmul(64)))).ok());
  Task nasty = TaskFor(Matmul(32));
  nasty.function_name = "\"quoted\" </td> & 'co'";
  EXPECT_TRUE(store->AddRecords(TunedTwice(nasty)).ok());
  Record failed = TunedTwice(TaskFor(Matmul(16)))[7];
  EXPECT_EQ(failed.status, RecordStatus::kBuildFailed);
  EXPECT_TRUE(store->AddRecords({failed}).ok());
  return store;
}

ReportOptions AllOptions() {
  ReportOptions options;
  options.source = "a<b>.db";
  const std::string hash = CanonicalKey(Matmul(64)).hash;
  options.aliases[hash] = "matmul_64";
  options.peaks[{hash, "kind-a", 1}] = {100e9, 20e9};
  options.benches.push_back(*ParseBenchResults(kBenchJson, "bench.json"));
  return options;
}

std::string Page(const ReportOptions& options) {
  std::unique_ptr<RecordStore> store = TestStore();
  absl::StatusOr<Report> report = GatherReport(*store, options);
  EXPECT_TRUE(report.ok()) << report.status();
  return ToHtml(*report);
}

TEST(PageTest, MatchesItsGolden) {
  std::string page = absl::StrReplaceAll(Page(AllOptions()), {{LatheVersion(), "VERSION"}});
  if (update) std::ofstream(kGolden) << page;
  std::ifstream file(kGolden);
  std::stringstream golden;
  golden << file.rdbuf();
  // Not EXPECT_EQ: the difference of two pages helps nobody.
  EXPECT_TRUE(page == golden.str()) << "look at the page and run report_test --update";
}

TEST(PageTest, IsWellFormedAndFetchesNothing) {
  const std::string page = Page(AllOptions());
  EXPECT_EQ(WhyNotWellFormed(page), "");
  for (const char* fetched : {"http:", "https:", "src=", "url(", "@import", "<link"}) {
    EXPECT_THAT(page, Not(HasSubstr(fetched)));
  }
}

TEST(PageTest, TheCheckerFindsWhatIsMalformed) {
  for (const char* text : {"<p>", "<p></b>", "a & b", "<p a=b></p>", "<p a=\"1\" a=\"2\"></p>",
                           "<p id=\"x\"></p><p id=\"x\"></p>", "<p"}) {
    EXPECT_NE(WhyNotWellFormed(text), "") << text;
  }
}

TEST(PageTest, IsTheSameForTheSameStore) { EXPECT_EQ(Page(AllOptions()), Page(AllOptions())); }

TEST(PageTest, WithoutPeaksItSaysSo) {
  const std::string page = Page({.source = "x.db"});
  EXPECT_EQ(WhyNotWellFormed(page), "");
  EXPECT_THAT(page, HasSubstr("The peaks of the machine are not known"));
  EXPECT_THAT(page, Not(HasSubstr("Against peers")));
}

TEST(PageTest, OnlyTheFunctionsAskedForInTheirAuthorsNames) {
  ReportOptions options;
  options.functions = {Matmul(64)};
  const std::string page = Page(options);
  EXPECT_THAT(page, HasSubstr("i, ii = split(c.row, 16)"));
  EXPECT_THAT(page, Not(HasSubstr("quoted")));
}

TEST(PageTest, AnEmptyDatabaseIsAPageToo) {
  absl::StatusOr<Report> report = GatherReport(*NewMemoryStore(), {.source = "empty.db"});
  ASSERT_TRUE(report.ok());
  const std::string page = ToHtml(*report);
  EXPECT_EQ(WhyNotWellFormed(page), "");
  EXPECT_THAT(page, HasSubstr("There is no task to show"));
}

}  // namespace
}  // namespace lathe::report

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--update") lathe::report::update = true;
  }
  return RUN_ALL_TESTS();
}
