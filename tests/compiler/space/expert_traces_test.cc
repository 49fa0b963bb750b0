// The rules for contractions contain the schedules of examples/traces: a setting
// lowers to the program of the trace, but for what is prepared ahead of calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_split.h"
#include "compiler/loop/lower.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

const std::filesystem::path kTraces = std::filesystem::path(LATHE_SOURCE_DIR) / "examples/traces";

// Each line without its names, whose order in sums follows the alphabet: the
// numbers and signs of it, sorted.
std::string Shape(Program program) {
  program.prepare = Stmt();
  std::string shape;
  std::istringstream lines(ToText(program));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> words;
    for (size_t at = 0; at < line.size();) {
      auto in_word = [&](size_t i) {
        return i < line.size() && (std::isalnum(static_cast<unsigned char>(line[i])) ||
                                   line[i] == '_' || line[i] == '.');
      };
      size_t end = at + 1;
      if (in_word(at)) {
        while (in_word(end)) ++end;
        if (std::isdigit(static_cast<unsigned char>(line[at]))) {
          words.push_back(line.substr(at, end - at));
        }
      } else if (line[at] != ' ') {
        words.push_back(line.substr(at, 1));
      }
      at = end;
    }
    std::sort(words.begin(), words.end());
    for (const std::string& word : words) shape += word + " ";
    shape += "\n";
  }
  return shape;
}

// "tiled rows=6 vectors=4": knobs without their stage; others take the first
// value of their domain.
absl::StatusOr<Trace> TraceOf(const Space& space, const std::string& decisions) {
  std::vector<std::string> words = absl::StrSplit(decisions, ' ');
  for (const auto& sketch : space) {
    // The contraction's plan comes first; what follows is about other stages.
    if (sketch->name().substr(0, sketch->name().find('+')) != words[0]) continue;
    Setting setting(sketch->knobs().size(), 0);
    for (size_t w = 1; w < words.size(); ++w) {
      size_t equals = words[w].find('=');
      int64_t value = std::stoll(words[w].substr(equals + 1));
      bool found = false;
      for (size_t k = 0; k < setting.size() && !found; ++k) {
        const Knob& knob = sketch->knobs()[k];
        std::string name = knob.name.substr(knob.name.rfind('.') + 1);
        if (name != words[w].substr(0, equals)) continue;
        auto at = std::find(knob.domain.begin(), knob.domain.end(), value);
        if (at == knob.domain.end()) return absl::NotFoundError(words[w]);
        setting[k] = static_cast<int>(at - knob.domain.begin());
        found = true;
      }
      if (!found) return absl::NotFoundError(words[w]);
    }
    if (!sketch->IsLegal(setting)) return absl::FailedPreconditionError("not legal");
    return sketch->Instantiate(setting);
  }
  return absl::NotFoundError(words[0]);
}

// Not among them: traces whose loops of one iteration or places of copies differ.
TEST(ExpertTracesTest, AreSettingsOfTheRules) {
  const std::map<std::string, std::string> decisions = {
      {"batch_matmul_12x384x64x384", "tiled rows=6 vectors=4 unroll=2 panel=1"},
      {"conv1x1_56x56x256", "tiled rows=14 vectors=2"},
      {"conv7x7s2_224x224x3", "tiled rows=14 vectors=2 unroll=3"},
      {"depthwise_112x112x32", "tiled rows=7 vectors=2 unroll=9 panel=2"},
      {"depthwise_112x112x96_s2", "tiled rows=7 vectors=2 unroll=9 panel=2"},
      {"matmul_1000", "tiled rows=6 vectors=4 unroll=2 pack=1"},
      {"matmul_1000_bias_relu", "tiled rows=6 vectors=4 unroll=2 pack=1"},
      {"matmul_1000_const", "tiled rows=6 vectors=4 unroll=2 pack=2"},
      {"matmul_1024", "tiled rows=6 vectors=4 unroll=2"},
      {"matmul_127x509x251", "tiled rows=14 vectors=2"},
      {"matmul_127x509x251_bias_relu", "tiled rows=14 vectors=2"},
      {"matmul_127x509x251_const", "tiled rows=14 vectors=2 pack=2"},
      {"matmul_1x3072x768", "streamed vectors=4 k_block=8 unroll=8"},
      {"matmul_1x3072x768_bias_relu", "streamed vectors=4 k_block=8 unroll=8"},
      {"matmul_1x3072x768_const", "streamed vectors=4 k_block=8 unroll=8"},
      {"matmul_256", "tiled rows=12 vectors=2 unroll=2"},
      {"matmul_512_bias_relu", "tiled rows=6 vectors=4 unroll=2"},
      {"matmul_512_const", "tiled rows=6 vectors=4 unroll=2 pack=2"},
      {"matmul_8x1024x4096", "streamed rows=8 vectors=2 k_block=16 unroll=2"},
      {"matmul_8x1024x4096_bias_relu", "streamed rows=8 vectors=2 k_block=16 unroll=2"},
      {"matmul_8x1024x4096_const", "tiled rows=8 vectors=3 unroll=4 pack=2"},
  };
  SpaceOptions options{*ParseTarget("x86-64-v4"), 1};
  for (const auto& [name, wanted] : decisions) {
    SCOPED_TRACE(name + ": " + wanted);
    std::ifstream in(kTraces / (name + ".trace"));
    std::stringstream text;
    text << in.rdbuf();
    absl::StatusOr<Trace> expert = ParseTrace(text.str(), name);
    ASSERT_TRUE(expert.ok()) << expert.status();
    std::string spec = text.str().substr(text.str().find("op:") + 3);
    absl::StatusOr<Function> function = BuildOperator(spec.substr(0, spec.find('\n')));
    ASSERT_TRUE(function.ok()) << function.status();
    absl::StatusOr<Space> space = SketchesOf(*function, options);
    ASSERT_TRUE(space.ok()) << space.status();
    absl::StatusOr<Trace> own = TraceOf(*space, wanted);
    if (!own.ok()) {
      ADD_FAILURE() << own.status();
      continue;
    }
    absl::StatusOr<Program> expected = LowerWithTrace(*function, *expert);
    absl::StatusOr<Program> lowered = LowerWithTrace(*function, *own);
    ASSERT_TRUE(expected.ok() && lowered.ok()) << expected.status() << lowered.status();
    EXPECT_EQ(Shape(*lowered), Shape(*expected)) << ToText(*own);
  }
}

}  // namespace
}  // namespace lathe
