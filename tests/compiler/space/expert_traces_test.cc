// The rules for contractions contain the schedules of examples/traces: a setting
// lowers to the program of the trace, but for what is prepared ahead of calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/loop/lower.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

const std::filesystem::path kTraces = std::filesystem::path(LATHE_SOURCE_DIR) / "examples/traces";

// The numbers and signs of a line, sorted: names do not count, nor does the order of
// sums, which follows the alphabet.
std::string ShapeOfLine(const std::string& line) {
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
  return absl::StrJoin(words, " ");
}

// A program but for names, the order of declarations and where buffers are
// allocated: its statements with their depth.
std::string Shape(Program program) {
  program.prepare = Stmt();
  std::vector<std::string> declarations, statements;
  std::vector<bool> open;  // whether each brace belongs to a statement
  std::istringstream lines(ToText(program));
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with("}")) {
      open.pop_back();
      continue;
    }
    bool opens = line.ends_with("{");
    bool allocates = opens && line.find("allocate ") != std::string::npos;
    std::string shape =
        absl::StrCat(std::count(open.begin(), open.end(), true), ": ", ShapeOfLine(line), "\n");
    bool declares = !opens && open.size() == 1 && line.find('=') == std::string::npos;
    if (!allocates) (declares ? declarations : statements).push_back(std::move(shape));
    if (opens) open.push_back(!allocates);
  }
  std::sort(declarations.begin(), declarations.end());
  return absl::StrCat(absl::StrJoin(declarations, ""), absl::StrJoin(statements, ""));
}

// "tiled rows=6 e.vectors=4": a knob without its stage is that of every stage; others
// take the first value of their domain.
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
      for (size_t k = 0; k < setting.size(); ++k) {
        const Knob& knob = sketch->knobs()[k];
        std::string wanted = words[w].substr(0, equals);
        std::string name = knob.name.substr(knob.name.rfind('.') + 1);
        if (wanted != name && wanted != knob.name) continue;
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

struct Expectation {
  std::string decisions;   // of the setting that comes closest
  std::string difference;  // empty: it lowers to the program of the trace
};

std::map<std::string, Expectation> Expectations() {
  return {
      {"attention_12x384x64",
       {"row_products rows=12 s.vectors=2 t.vectors=2 top.vectors=4 "
        "e.vectors=4 total.vectors=4 y.vectors=4 unroll=2",
        ""}},
      {"batch_matmul_12x384x64x384", {"tiled rows=6 vectors=4 unroll=2 panel=1", ""}},
      {"column_sum_1024", {"columns.bands band=8 vectors=1", ""}},
      {"conv1x1_56x56x256", {"tiled rows=14 vectors=2", ""}},
      {"conv3x3_14x14x256", {"tiled rows=14 vectors=2 pack=2 panel=1 border=2", ""}},
      {"conv3x3_56x56x64",
       {"tiled rows=14 vectors=2 pack=2",
        "the trace has rows of the image in blocks of 8, so that its border "
        "is in the first and last block; here it is the first and last row"}},
      {"conv7x7s2_224x224x3", {"tiled rows=14 vectors=2 unroll=3", ""}},
      {"depthwise_112x112x32", {"tiled rows=7 vectors=2 unroll=9 panel=2", ""}},
      {"depthwise_112x112x96_s2", {"tiled rows=7 vectors=2 unroll=9 panel=2", ""}},
      {"gelu_384x3072", {"elementwise vectors=4", ""}},
      {"layer_norm_384x768",
       {"row_fused vectors=4",
        "the trace divides the total at each element that reads the mean; "
        "here the mean is one division a row"}},
      {"matmul_1000", {"tiled rows=6 vectors=4 unroll=2 pack=1", ""}},
      {"matmul_1000_bias_relu", {"tiled rows=6 vectors=4 unroll=2 pack=1", ""}},
      {"matmul_1000_const", {"tiled rows=6 vectors=4 unroll=2 pack=2", ""}},
      {"matmul_1024", {"tiled rows=6 vectors=4 unroll=2", ""}},
      {"matmul_1024_bias_relu", {"tiled rows=6 vectors=4 unroll=2", ""}},
      {"matmul_1024_const", {"tiled rows=6 vectors=4 unroll=2 pack=2", ""}},
      {"matmul_127x509x251", {"tiled rows=14 vectors=2", ""}},
      {"matmul_127x509x251_bias_relu", {"tiled rows=14 vectors=2", ""}},
      {"matmul_127x509x251_const", {"tiled rows=14 vectors=2 pack=2", ""}},
      {"matmul_1x3072x768", {"streamed vectors=4 k_block=8 unroll=8", ""}},
      {"matmul_1x3072x768_bias_relu", {"streamed vectors=4 k_block=8 unroll=8", ""}},
      {"matmul_1x3072x768_const", {"streamed vectors=4 k_block=8 unroll=8", ""}},
      {"matmul_256", {"tiled rows=12 vectors=2 unroll=2", ""}},
      {"matmul_256_bias_relu", {"tiled rows=6 vectors=4 unroll=2", ""}},
      {"matmul_256_const", {"tiled rows=6 vectors=4 unroll=2 pack=2", ""}},
      {"matmul_512", {"tiled rows=6 vectors=4 unroll=2", ""}},
      {"matmul_512_bias_relu", {"tiled rows=6 vectors=4 unroll=2", ""}},
      {"matmul_512_const", {"tiled rows=6 vectors=4 unroll=2 pack=2", ""}},
      {"matmul_8x1024x4096", {"streamed rows=8 vectors=2 k_block=16 unroll=2", ""}},
      {"matmul_8x1024x4096_bias_relu", {"streamed rows=8 vectors=2 k_block=16 unroll=2", ""}},
      {"matmul_8x1024x4096_const", {"tiled rows=8 vectors=3 unroll=4 pack=2", ""}},
      {"row_sum_1024", {"reduction vectors=4", ""}},
      {"softmax_512x1024", {"row_fused vectors=4", ""}},
      {"transpose_1024", {"layout.in_registers tile=16", ""}},
      {"triangle_128",
       {"tiled rows=6 outer_rows=4 pack=1 second_pack=1",
        "the trace copies both operands once for 16 channels; here the copy of a "
        "is made for four rows at a time, right before they are used"}},
  };
}

TEST(ExpertTracesTest, TheTableNamesEveryTrace) {
  std::vector<std::string> files, names;
  for (const auto& entry : std::filesystem::directory_iterator(kTraces)) {
    if (entry.path().extension() == ".trace") files.push_back(entry.path().stem());
  }
  std::sort(files.begin(), files.end());
  for (const auto& [name, expectation] : Expectations()) names.push_back(name);
  EXPECT_EQ(files, names);
}

TEST(ExpertTracesTest, AreSettingsOfTheRules) {
  SpaceOptions options{*ParseTarget("x86-64-v4"), 1};
  for (const auto& [name, expectation] : Expectations()) {
    SCOPED_TRACE(name + ": " + expectation.decisions);
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
    absl::StatusOr<Trace> own = TraceOf(*space, expectation.decisions);
    if (!own.ok()) {
      ADD_FAILURE() << own.status();
      continue;
    }
    absl::StatusOr<Program> expected = LowerWithTrace(*function, *expert);
    absl::StatusOr<Program> lowered = LowerWithTrace(*function, *own);
    ASSERT_TRUE(expected.ok() && lowered.ok()) << expected.status() << lowered.status();
    if (expectation.difference.empty()) {
      EXPECT_EQ(Shape(*lowered), Shape(*expected)) << ToText(*own);
    } else {
      EXPECT_NE(Shape(*lowered), Shape(*expected)) << "no difference left: " << ToText(*own);
    }
  }
}

}  // namespace
}  // namespace lathe
