// Rules for what is no contraction: elementwise functions, layouts, reductions,
// stages that share rows. Every legal setting replays, lowers, and computes what
// the naive program computes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "compiler/loop/interpreter.h"
#include "compiler/loop/lower.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"
#include "tests/testing/effort.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/functions.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kSeed = 23;
constexpr const char* kTargets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};

Space Sketches(const Function& function, const char* target, int threads = 1) {
  absl::StatusOr<Space> space = SketchesOf(function, {*ParseTarget(target), threads});
  EXPECT_TRUE(space.ok()) << space.status();
  return *std::move(space);
}

class Checker {
 public:
  Checker(const Function& function, std::mt19937_64& rng)
      : naive_(*BuildNaive(function)), inputs_(testing::SmallIntegerInputs(naive_, rng())) {
    auto expected = Interpret(naive_, inputs_);
    EXPECT_TRUE(expected.ok()) << expected.status();
    if (expected.ok()) expected_ = *std::move(expected);
  }

  // Sums in another order may differ in their last bits.
  void Check(const Sketch& sketch, const Setting& setting) const {
    ASSERT_TRUE(sketch.IsLegal(setting));
    Trace trace = sketch.Instantiate(setting);
    SCOPED_TRACE(absl::StrCat(DecisionsText(sketch, setting), "\n", ToText(trace)));
    absl::StatusOr<Program> scheduled = Replay(naive_, trace);
    ASSERT_TRUE(scheduled.ok()) << scheduled.status();
    absl::StatusOr<Program> lowered = Lower(*scheduled);
    ASSERT_TRUE(lowered.ok()) << lowered.status();
    auto got = Interpret(*lowered, inputs_);
    ASSERT_TRUE(got.ok()) << got.status();
    for (size_t i = 0; i < expected_.size(); ++i) {
      bool narrow = ByteSize(expected_[i].type) == 2;
      for (int64_t e = 0; e < expected_[i].NumElements(); ++e) {
        double want = expected_[i].Get(e), have = (*got)[i].Get(e);
        if (want == have || (std::isnan(want) && std::isnan(have))) continue;
        double tolerance = (narrow ? 2e-2 : 1e-5) * std::max(1.0, std::abs(want));
        ASSERT_NEAR(have, want, tolerance) << "output " << i << " element " << e;
      }
    }
  }

 private:
  const Program naive_;
  const std::vector<TensorValue> inputs_;
  std::vector<TensorValue> expected_;
};

// The analytic setting and `count` others of each sketch.
void CheckSketches(const Function& function, const char* target, int threads, int count,
                   std::mt19937_64& rng) {
  SCOPED_TRACE(absl::StrCat(ToText(function), target, ", ", threads, " threads"));
  Checker checker(function, rng);
  for (const auto& sketch : Sketches(function, target, threads)) {
    checker.Check(*sketch, sketch->Analytic());
    for (int i = 0; i < count && !::testing::Test::HasFatalFailure(); ++i) {
      checker.Check(*sketch, SampleSetting(*sketch, rng));
    }
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_FALSE(sketch->Model(sketch->Analytic()).nests.empty());
  }
}

TEST(RowsTest, SettingsOfManyFunctionsComputeWhatNaiveComputes) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  const char* functions[] = {
      // Elementwise.
      "func f(x: f32[37]) -> (y) {\n  y[i] = exp(x[i])\n}\n",
      "func f(x: f32[3, 50], b: f32[50]) -> (y) {\n  t[i, j] = x[i, j] + b[j]\n"
      "  y[i, j] = max(t[i, j], 0)\n}\n",
      "func f(x: f64[5, 33]) -> (y) {\n  e[i, j] = exp(x[i, j])\n"
      "  y[i, j] = e[i, j] / (1 + e[i, j])\n}\n",
      "func f(x: i8[4, 70]) -> (y) {\n  y[i, j] = i32(x[i, j]) * 3\n}\n",
      "func f(x: f32[7, 1]) -> (y) {\n  y[i, j] = x[i, j] * 2\n}\n",
      "func f(x: f32[1]) -> (y) {\n  y[i] = x[i] + 1\n}\n",
      "func f(x: f32[40]) -> (y) {\n  y[i: 40] = (x[i - 1] else 0) + (x[i + 1] else 0)\n}\n",
      "func f(x: f32[40]) -> (y) {\n  y[i: 20] = x[2*i] + x[2*i + 1]\n}\n",
      "func f(x: f32[20]) -> (y) {\n  y[i: 40] = x[i // 2]\n}\n",
      // Layouts.
      "func f(x: f32[33, 40]) -> (y) {\n  y[j, i] = x[i, j]\n}\n",
      "func f(x: f32[2, 16, 48]) -> (y) {\n  y[b, j, i] = x[b, i, j]\n}\n",
      "func f(x: i32[17, 35], z: i32[35, 17]) -> (y) {\n  y[j, i] = x[i, j] + z[j, i]\n}\n",
      "func f(x: f32[5, 3, 18]) -> (y) {\n  y[k, i, j] = x[i, j, k]\n}\n",
      // Reductions.
      "func f(x: f32[5, 100]) -> (y) {\n  y[i] = sum(j) x[i, j]\n}\n",
      "func f(x: f32[5, 96]) -> (y) {\n  y[i] = sum(j) x[i, j] * x[i, j]\n}\n",
      "func f(x: f32[3, 7]) -> (y) {\n  y[i] = max(j) x[i, j]\n}\n",
      "func f(x: f32[4, 1]) -> (y) {\n  y[i] = min(j) x[i, j]\n}\n",
      "func f(x: f64[2, 19]) -> (y) {\n  y[i] = prod(j) x[i, j] * 0.5\n}\n",
      "func f(x: f32[64]) -> (y) {\n  y[] = sum(i) x[i]\n}\n",
      "func f(x: f32[6, 36]) -> (y) {\n  y[] = max(i, j) x[i, j]\n}\n",
      "func f(x: f32[3, 5, 4, 11]) -> (y) {\n  y[n, c] = sum(h, w) x[n, c, h, w]\n}\n",
      "func f(x: f32[24, 50]) -> (y) {\n  y[j] = sum(i) x[i, j]\n}\n",
      "func f(x: f32[23, 48]) -> (y) {\n  t[j] = sum(i) x[i, j]\n  y[j] = t[j] / 23\n}\n",
      "func f(x: i32[9, 3, 20]) -> (y) {\n  y[b, j] = max(i) x[b, i, j]\n}\n",
      "func f(x: f32[9, 9, 20]) -> (y) {\n"
      "  y[h: 4, w: 4, c] = max(r: 3, s: 3) x[2*h + r, 2*w + s, c]\n}\n",
      "func f(x: f32[2, 9, 31]) -> (y) {\n"
      "  y[c, h: 4, w: 15] = max(r: 2, s: 2) x[c, 2*h + r, 2*w + s]\n}\n",
      // Rows.
      "func f(x: f32[5, 36]) -> (y) {\n  n[i] = sum(j) x[i, j] * x[i, j]\n"
      "  y[i, j] = x[i, j] * rsqrt(n[i] + 1)\n}\n",
      "func f(x: f32[2, 3, 40]) -> (y) {\n  t[b, i] = max(j) x[b, i, j]\n"
      "  e[b, i, j] = exp(x[b, i, j] - t[b, i])\n  s[b, i] = sum(j) e[b, i, j]\n"
      "  y[b, i, j] = x[b, i, j] - t[b, i] - log(s[b, i])\n}\n",
      "func f(x: f32[4, 20], g: f32[20]) -> (y) {\n  e[j] = exp(g[j])\n"
      "  s[i] = sum(j) x[i, j] * e[j]\n  y[i, j] = s[i] * x[i, j]\n}\n",
      "func f(x: f32[4, 6, 5]) -> (y) {\n  s[i] = sum(j, k) x[i, j, k]\n"
      "  y[i, j, k] = x[i, j, k] - s[i]\n}\n",
      // Rows with several outputs.
      "func f(x: f32[10, 36]) -> (m, y) {\n  t[i] = sum(j) x[i, j]\n  m[i] = t[i] / 36\n"
      "  y[i, j] = x[i, j] - m[i]\n}\n",
      "func f(x: f32[3, 5, 40]) -> (top, at) {\n  top[b, i] = max(j) x[b, i, j]\n"
      "  at[b, i] = min(j) select(x[b, i, j] == top[b, i], i32(j), 40)\n}\n",
      "func f(x: f32[9, 33]) -> (e, s, y) {\n  e[i, j] = exp(x[i, j])\n"
      "  s[i] = sum(j) e[i, j]\n  y[i, j] = e[i, j] / s[i]\n}\n",
  };
  for (const char* text : functions) {
    Function function = Parse(text);
    for (const char* target : kTargets) {
      if (!kAllCases && rng() % 8 != 0) continue;
      CheckSketches(function, target, 1 + static_cast<int>(rng() % 3), 6, rng);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(RowsTest, EveryOperatorHasSketchesThatReplay) {
  std::mt19937_64 rng(kSeed);
  for (const Operator& op : Operators()) {
    for (int64_t extent : {5, 18}) {
      if (!kAllCases && rng() % 4 != 0) continue;
      std::string arguments;
      for (const OperatorParameter& parameter : op.parameters) {
        if (!parameter.required()) continue;
        absl::StrAppend(&arguments, arguments.empty() ? "" : ",", std::string(parameter.name), "=",
                        extent + static_cast<int64_t>(rng() % 2));
      }
      std::string spec = absl::StrCat(std::string(op.name), "(", arguments, ")");
      SCOPED_TRACE(spec);
      absl::StatusOr<Function> function = BuildOperator(spec);
      if (!function.ok()) continue;  // not all operators take such extents
      const char* target = kTargets[rng() % 3];
      Space space = Sketches(*function, target, 1 + static_cast<int>(rng() % 2));
      ASSERT_FALSE(space.empty());
      Program naive = *BuildNaive(*function);
      for (const auto& sketch : space) {
        Trace trace = sketch->Instantiate(sketch->Analytic());
        absl::StatusOr<Program> scheduled = Replay(naive, trace);
        ASSERT_TRUE(scheduled.ok()) << scheduled.status() << ToText(trace);
        ASSERT_TRUE(Lower(*scheduled).ok()) << ToText(trace);
      }
    }
  }
}

TEST(RowsTest, NarrowTypes) {
  std::mt19937_64 rng(kSeed);
  for (const char* type : {"f16", "bf16"}) {
    for (const char* op : {"softmax", "layer_norm", "gelu", "row_sum", "column_mean", "row_max"}) {
      absl::StatusOr<Function> function =
          BuildOperator(absl::StrCat(op, "(rows=3,columns=37,type=", type, ")"));
      ASSERT_TRUE(function.ok()) << function.status();
      CheckSketches(*function, kTargets[rng() % 3], 1, 2, rng);
      if (HasFatalFailure()) return;
    }
  }
}

std::string FirstSketch(const std::string& spec) {
  return std::string(Sketches(*BuildOperator(spec), "x86-64-v4").front()->name());
}

TEST(RowsTest, StagesThatShareRowsAreOneNest) {
  EXPECT_THAT(FirstSketch("softmax(rows=512,columns=1024)"), StartsWith("row_fused"));
  EXPECT_THAT(FirstSketch("layer_norm(rows=384,columns=768)"), StartsWith("row_fused"));
  EXPECT_THAT(FirstSketch("rms_norm(rows=384,columns=768)"), StartsWith("row_fused"));
}

TEST(RowsTest, TheLastStageMayReplaceValuesInItsBuffer) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  Function function = *BuildOperator("softmax(rows=11,columns=37)");
  Checker checker(function, rng);
  int in_place = 0;
  for (int threads : {1, 3}) {
    for (const auto& sketch : Sketches(function, "x86-64-v3", threads)) {
      for (int i = 0; i < (kAllCases ? 20 : 3); ++i) {
        Setting setting = SampleSetting(*sketch, rng);
        if (ToText(sketch->Instantiate(setting)).find("store_in(e, y)") == std::string::npos)
          continue;
        ++in_place;
        checker.Check(*sketch, setting);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(in_place, 0);
}

TEST(RowsTest, OutputsAmongStagesThatShareRowsStayInTheNest) {
  Function function = Parse(
      "func f(x: f32[512, 1024]) -> (m, y) {\n  t[i] = sum(j) x[i, j]\n  m[i] = t[i] / 1024\n"
      "  y[i, j] = x[i, j] - m[i]\n}\n");
  Space space = Sketches(function, "x86-64-v4");
  EXPECT_EQ(space.front()->name(), "row_fused");
  EXPECT_THAT(ToText(space.front()->Instantiate(space.front()->Analytic())),
              HasSubstr("compute_at(m, y.i"));
}

// Scores, or their maxima, as outputs beside the result of attention.
TEST(RowsTest, OutputsAmongProductsThatShareRows) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  const char* body =
      "  s[h, i, j] = sum(d) q[h, i, d] * k[h, j, d]\n  top[h, i] = max(j) s[h, i, j]\n"
      "  e[h, i, j] = exp(s[h, i, j] - top[h, i])\n  total[h, i] = sum(j) e[h, i, j]\n"
      "  t[h, i, d] = sum(j) e[h, i, j] * v[h, j, d]\n  y[h, i, d] = t[h, i, d] / total[h, i]\n}\n";
  for (const char* outputs : {"(s, y)", "(top, total, y)"}) {
    Function function =
        Parse(absl::StrCat("func f(q: f32[2, 12, 8], k: f32[2, 20, 8], v: f32[2, 20, 16]) -> ",
                           outputs, " {\n", body));
    SCOPED_TRACE(outputs);
    Checker checker(function, rng);
    bool found = false;
    for (const auto& sketch : Sketches(function, "x86-64-v3", 2)) {
      if (sketch->name().find("row_products") == std::string_view::npos) continue;
      found = true;
      checker.Check(*sketch, sketch->Analytic());
      for (int i = 0; i < (kAllCases ? 3 : 1); ++i) {
        checker.Check(*sketch, SampleSetting(*sketch, rng));
      }
      if (HasFatalFailure()) return;
    }
    EXPECT_TRUE(found);
  }
}

TEST(RowsTest, AttentionMakesNoMatrixOfScores) {
  std::mt19937_64 rng(kSeed);
  for (const char* shape : {"heads=2,seq=24,dim=16", "heads=1,seq=17,dim=20",
                            "heads=3,seq=16,dim=32,type=bf16", "heads=2,seq=36,dim=48"}) {
    Function function = *BuildOperator(absl::StrCat("attention(", shape, ")"));
    const char* target = kTargets[rng() % 3];
    SCOPED_TRACE(absl::StrCat(shape, " ", target));
    Checker checker(function, rng);
    for (const auto& sketch : Sketches(function, target, 1 + static_cast<int>(rng() % 2))) {
      if (sketch->name() != "row_products") continue;
      checker.Check(*sketch, sketch->Analytic());
      for (int i = 0; i < (kAllCases ? 5 : 1); ++i) {
        checker.Check(*sketch, SampleSetting(*sketch, rng));
      }
      if (HasFatalFailure()) return;
    }
    if (!kAllCases) break;
  }
  Space space = Sketches(*BuildOperator("attention(heads=12,seq=384,dim=64)"), "x86-64-v4");
  bool found = std::any_of(space.begin(), space.end(),
                           [](const auto& sketch) { return sketch->name() == "row_products"; });
  EXPECT_TRUE(found);
}

TEST(RowsTest, TransposesTurnTilesInRegisters) {
  Function transpose = *BuildOperator("transpose(rows=64,columns=64)");
  for (auto [target, tile] : {std::pair("x86-64-v4", "transpose_16x16_f32"),
                              std::pair("x86-64-v3", "transpose_8x8_f32")}) {
    Space space = Sketches(transpose, target);
    EXPECT_THAT(ToText(space.front()->Instantiate(space.front()->Analytic())), HasSubstr(tile));
  }
}

// Iterations of the parallel loops.
std::vector<int64_t> ParallelExtents(const Function& function, const Trace& trace) {
  class Collector : public StmtVisitor {
   public:
    std::vector<int64_t> extents;

   protected:
    void VisitFor(const For& node) override {
      if (node.marks.kind == LoopKind::kParallel) extents.push_back(node.extent);
      StmtVisitor::VisitFor(node);
    }
  };
  Collector collector;
  absl::StatusOr<Program> program = Replay(*BuildNaive(function), trace);
  EXPECT_TRUE(program.ok()) << program.status();
  if (program.ok()) collector.Visit(program->body);
  return collector.extents;
}

// Loops of few iterations are fused until each of 6 threads has several.
TEST(RowsTest, ParallelLoopsHaveTasksForAllThreads) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  constexpr int kThreads = 6;
  const char* functions[] = {
      "func f(x: f32[3, 500]) -> (y) {\n  y[i, j] = exp(x[i, j])\n}\n",
      "func f(x: f32[2, 5, 60]) -> (y) {\n  s[a, i] = sum(j) x[a, i, j]\n"
      "  y[a, i, j] = x[a, i, j] - s[a, i]\n}\n",
      "func f(x: f32[3, 64, 80]) -> (y) {\n  y[b, j, i] = x[b, i, j]\n}\n",
      "func f(x: f32[3, 24, 150]) -> (y) {\n  y[b, j] = sum(i) x[b, i, j]\n}\n",
      "func f(x: f32[9, 15, 70]) -> (y) {\n"
      "  y[h: 4, w: 7, c] = max(r: 3, s: 3) x[2*h + r, 2*w + s, c]\n}\n",
      "func f(x: f32[3, 19, 9], w: f32[3, 9, 70], b: f32[70]) -> (y) {\n"
      "  t[n, i, j] = sum(k) x[n, i, k] * w[n, k, j]\n  y[n, i, j] = max(t[n, i, j] + b[j], "
      "0)\n}\n",
      "func f(x: f32[3, 5, 90], w: f32[3, 11, 90]) -> (y) {\n"
      "  y[n, i, j] = sum(k) x[n, i, k] * w[n, j, k]\n}\n",
  };
  for (const char* text : functions) {
    if (!kAllCases && rng() % 3 != 0) continue;
    Function function = Parse(text);
    SCOPED_TRACE(text);
    CheckSketches(function, kTargets[rng() % 3], kThreads, kAllCases ? 12 : 2, rng);
    if (HasFatalFailure()) return;
  }
  Function few = Parse(functions[0]);
  Space space = Sketches(few, "x86-64-v4", kThreads);
  auto setting = FindSetting(space, "elementwise y.vectors=1 y.tasks=4");
  ASSERT_TRUE(setting.has_value());
  Trace trace = space[setting->first]->Instantiate(setting->second);
  EXPECT_THAT(ParallelExtents(few, trace), ::testing::ElementsAre(::testing::Ge(4 * kThreads)));

  Function matmul = Matmul(40, 96, 16);
  space = Sketches(matmul, "x86-64-v3", kThreads);
  for (const auto& sketch : space) {
    if (sketch->name() != "tiled") continue;
    trace = sketch->Instantiate(sketch->Analytic());
    EXPECT_THAT(ParallelExtents(matmul, trace), ::testing::ElementsAre(::testing::Ge(kThreads)))
        << ToText(trace);
  }
}

TEST(RowsTest, ReductionsKeepLanesApart) {
  Space space = Sketches(*BuildOperator("row_sum(rows=64,columns=512)"), "x86-64-v3");
  EXPECT_EQ(DecisionsText(*space.front(), space.front()->Analytic()), "reduction y.vectors=4");
}

}  // namespace
}  // namespace lathe
