// Rules and sketches: what they match, that every legal setting replays and
// verifies, and that schedules compute what the naive program computes.
#include "compiler/space/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "compiler/loop/interpreter.h"
#include "compiler/loop/lower.h"
#include "compiler/loop/program.h"
#include "compiler/tensor/operators.h"
#include "tests/testing/effort.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/functions.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSeed = 11;

SpaceOptions Options(const char* target, int threads = 1) {
  return {*ParseTarget(target), threads};
}

std::vector<std::unique_ptr<Sketch>> Sketches(const Function& function,
                                              const SpaceOptions& options) {
  auto sketches = SketchesOf(function, options);
  EXPECT_TRUE(sketches.ok()) << sketches.status();
  return *std::move(sketches);
}

void ExpectSameResults(const Function& function, const Trace& trace,
                       const std::vector<TensorValue>& inputs) {
  SCOPED_TRACE(ToText(trace));
  Program naive = *BuildNaive(function);
  absl::StatusOr<Program> scheduled = Replay(naive, trace);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  absl::StatusOr<Program> lowered = Lower(*scheduled);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  auto expected = Interpret(naive, inputs);
  auto got = Interpret(*lowered, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status();
  ASSERT_TRUE(got.ok()) << got.status();
  for (size_t i = 0; i < expected->size(); ++i) {
    EXPECT_EQ((*got)[i].bytes, (*expected)[i].bytes) << "output " << i;
  }
}

TEST(SpaceTest, TilesMatmul) {
  auto sketches = Sketches(Matmul(512, 512, 512), Options("x86-64-v4"));
  EXPECT_EQ(sketches[0]->name(), "tiled");
  std::string trace = ToText(sketches[0]->Instantiate(sketches[0]->Analytic()));
  EXPECT_THAT(trace, HasSubstr("cache_write"));
  EXPECT_THAT(trace, HasSubstr("vectorize"));
}

TEST(SpaceTest, FusesTheElementwiseConsumer) {
  Function function = Parse(
      "func linear_relu(x: f32[1, 30], w: f32[30, 20], b: f32[20]) -> (y) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j] + b[j], 0)\n}\n");
  auto sketches = Sketches(function, Options("x86-64-v3"));
  auto tiled = std::find_if(sketches.begin(), sketches.end(),
                            [](const auto& sketch) { return sketch->name() == "tiled"; });
  ASSERT_NE(tiled, sketches.end());
  std::string trace = ToText((*tiled)->Instantiate((*tiled)->Analytic()));
  EXPECT_THAT(trace, HasSubstr("set_scope(t, register)"));
  EXPECT_THAT(trace, HasSubstr("reverse_compute_at(y, "));
}

TEST(SpaceTest, WithoutLanesLoopsStayAsWritten) {
  Function function = Parse("func f(x: f32[2, 3]) -> (s) {\n  s[i] = sum(j) x[i, j]\n}\n");
  auto sketches = Sketches(function, Options("x86-64-v3"));
  ASSERT_EQ(sketches.size(), 1u);
  EXPECT_TRUE(sketches[0]->knobs().empty());
  EXPECT_TRUE(sketches[0]->Instantiate({}).steps.empty());
}

TEST(SpaceTest, AnalyticSettingKeepsRegistersFree) {
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    for (int64_t n : {1, 17, 64, 127, 512, 1000}) {
      SCOPED_TRACE(::testing::Message() << target << " n=" << n);
      for (const auto& sketch : Sketches(Matmul(n, n, n), Options(target))) {
        EXPECT_TRUE(sketch->IsLegal(sketch->Analytic()));
      }
    }
  }
}

TEST(SpaceTest, LegalSettingsComputeWhatNaiveComputes) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  const Function functions[] = {
      Matmul(13, 37, 11),
      Matmul(1, 50, 7),
      Matmul(29, 5, 3),
      Parse("func f(x: f32[9, 10], w: f32[10, 33], b: f32[33]) -> (y) {\n"
            "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j] + b[j], 0)\n}\n"),
      Parse("func f(x: f32[9, 10], w: f32[10, 33]) -> (t, y) {\n"
            "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = t[i, j] * 2\n}\n"),
      Parse("func f(x: f32[3, 7, 6], w: f32[3, 6, 19]) -> (y) {\n"
            "  y[b, i, j] = sum(k) x[b, i, k] * w[b, k, j]\n}\n"),
      Parse("func f(x: f32[8, 6], v: f32[6, 17], w: f32[17, 18]) -> (y) {\n"
            "  t[i, j] = sum(k) x[i, k] * v[k, j]\n  y[i, j] = sum(k) t[i, k] * w[k, j]\n}\n"),
  };
  for (const Function& function : functions) {
    SCOPED_TRACE(ToText(function));
    std::vector<TensorValue> inputs = testing::SmallIntegerInputs(*BuildNaive(function), rng());
    for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
      for (const auto& sketch : Sketches(function, Options(target, 1 + rng() % 2))) {
        ExpectSameResults(function, sketch->Instantiate(sketch->Analytic()), inputs);
        for (int i = 0; i < (kAllCases ? 12 : 2); ++i) {
          Setting setting = SampleSetting(*sketch, rng);
          ASSERT_TRUE(sketch->IsLegal(setting));
          ExpectSameResults(function, sketch->Instantiate(setting), inputs);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lathe
