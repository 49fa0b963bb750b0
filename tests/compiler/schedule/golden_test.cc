// Golden tests of primitives. Each file in golden/ holds a function, a trace
// and the program that the trace makes of it:
//
//   # what is shown
//   --- function
//   --- trace
//   --- program
//
// Besides the text, the test compares what the programs compute. With
// `--update` the program sections are rewritten.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/loop/lower.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/trace.h"
#include "tests/testing/equivalence.h"

namespace lathe {
namespace {

bool update = false;

const std::filesystem::path kGoldens =
    std::filesystem::path(LATHE_SOURCE_DIR) / "tests/compiler/schedule/golden";

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The text of a section; the whole file before it goes to `*before`.
std::string Section(const std::string& text, const std::string& name, std::string* before) {
  std::string line = "--- " + name + "\n";
  size_t at = text.find(line);
  if (at == std::string::npos) {
    ADD_FAILURE() << "no section " << name;
    return "";
  }
  size_t begin = at + line.size();
  if (before) *before = text.substr(0, begin);
  size_t end = text.find("\n--- ", begin);
  return text.substr(begin, end == std::string::npos ? end : end + 1 - begin);
}

class GoldenTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenTest, Matches) {
  std::string text = ReadFile(GetParam());
  std::string before;
  absl::StatusOr<Function> function =
      ParseFunction(Section(text, "function", nullptr), GetParam().filename().string());
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace =
      ParseTrace(Section(text, "trace", nullptr), GetParam().filename().string());
  ASSERT_TRUE(trace.ok()) << trace.status();
  std::string expected = Section(text, "program", &before);

  absl::StatusOr<Program> naive = BuildNaive(*function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  absl::StatusOr<Program> scheduled = Replay(*naive, *trace);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  std::string actual = ToText(*scheduled);
  if (update && actual != expected) {
    std::ofstream(GetParam()) << before << actual;
  } else {
    EXPECT_EQ(actual, expected);
  }
  EXPECT_EQ(testing::SameResults(*naive, *scheduled, 1), absl::OkStatus());

  absl::StatusOr<Program> lowered = Lower(*scheduled);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  EXPECT_EQ(Verify(*lowered), absl::OkStatus()) << ToText(*lowered);
  EXPECT_EQ(testing::SameResults(*naive, *lowered, 2), absl::OkStatus()) << ToText(*lowered);
}

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(kGoldens)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTest, ::testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--update") lathe::update = true;
  }
  return RUN_ALL_TESTS();
}
