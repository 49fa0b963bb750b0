// Golden tests of primitives and of lowering. Each file in golden/ holds a
// function, a trace, the program that the trace makes of it, and in some files
// what that is lowered to:
//
//   # what is shown
//   --- function
//   --- trace
//   --- program
//   --- lowered
//
// Besides the text, the test compares what the programs compute (if that is
// quick). With `--update` the programs are rewritten.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
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

// The text of a section, null if there is none.
std::optional<std::string> Section(const std::string& text, const std::string& name) {
  std::string line = "--- " + name + "\n";
  size_t at = text.find(line);
  if (at == std::string::npos) return std::nullopt;
  size_t begin = at + line.size();
  size_t end = text.find("--- ", begin);
  return text.substr(begin, end == std::string::npos ? end : end - begin);
}

// Compares the section with `actual`, or writes it into `text`.
void Match(std::string& text, const std::string& name, const std::string& actual) {
  std::optional<std::string> expected = Section(text, name);
  if (!expected) return;
  if (update) {
    size_t begin = text.find("--- " + name + "\n") + name.size() + 5;
    text.replace(begin, expected->size(), actual);
  } else {
    EXPECT_EQ(actual, *expected);
  }
}

class GoldenTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenTest, Matches) {
  std::string text = ReadFile(GetParam());
  std::string file = GetParam().filename().string();
  absl::StatusOr<Function> function = ParseFunction(Section(text, "function").value_or(""), file);
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace = ParseTrace(Section(text, "trace").value_or(""), file);
  ASSERT_TRUE(trace.ok()) << trace.status();
  ASSERT_TRUE(Section(text, "program")) << "no section program";

  absl::StatusOr<Program> naive = BuildNaive(*function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  absl::StatusOr<Program> scheduled = Replay(*naive, *trace);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  absl::StatusOr<Program> lowered = Lower(*scheduled);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  EXPECT_EQ(Verify(*lowered), absl::OkStatus()) << ToText(*lowered);

  Match(text, "program", ToText(*scheduled));
  Match(text, "lowered", ToText(*lowered));
  if (update) std::ofstream(GetParam()) << text;

  constexpr double kQuick = 1e6;
  if (CountWork(*function).flops > kQuick) return;
  EXPECT_EQ(testing::SameResults(*naive, *scheduled, 1), absl::OkStatus());
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
