// Machine code of random schedules against the interpreted naive program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/intrinsic/intrinsic.h"
#include "compiler/loop/lower.h"
#include "compiler/schedule/trace.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/operators.h"
#include "tests/compiler/codegen/compiled_kernel.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/operator_cases.h"
#include "tests/testing/random_function.h"
#include "tests/testing/random_trace.h"

namespace lathe::testing {
namespace {

// Functions with extents M, N, K to fill in; small integers stay exact in f32,
// and their sums in f16 and bf16.
constexpr const char* kFunctions[] = {
    "lathe 1\nfunc matmul(a: f32[M, K], b: f32[K, N]) -> (c) {\n"
    "  c[i, j] = sum(k) a[i, k] * b[k, j]\n}\n",
    "lathe 1\nfunc linear(x: f32[M, K], w: f32[K, N], b: f32[N]) -> (y) {\n"
    "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j] + b[j], 0)\n}\n",
    "lathe 1\nfunc padded(x: f32[N], w: f32[3]) -> (y) {\n"
    "  y[i: N] = sum(p) (x[i + p - 1] else 0) * w[p]\n}\n",
    "lathe 1\nfunc rows(x: f32[M, N]) -> (s, t) {\n"
    "  s[i] = sum(j) x[i, j]\n  t[i] = max(j) x[i, j] - s[i]\n}\n",
    "lathe 1\nfunc transposed(x: f32[M, N], y: f32[N, M]) -> (z) {\n"
    "  z[j, i] = x[i, j] - y[j, i]\n}\n",
    "lathe 1\nfunc integers(x: i32[M, N]) -> (y) {\n"
    "  y[i, j] = (x[i, j] // 3) * 5 + x[i, j] % 7\n}\n",
    "lathe 1\nfunc doubles(a: f64[M, K], b: f64[N, K]) -> (c) {\n"
    "  c[i, j] = sum(k) a[i, k] * b[j, k]\n}\n",
    "lathe 1\nfunc widened(a: i8[M, K], b: i8[K, N]) -> (c) {\n"
    "  c[i, j] = sum(k) i32(a[i, k]) * i32(b[k, j])\n}\n",
    "lathe 1\nfunc signs(a: u8[M, K], b: i8[K, N]) -> (c) {\n"
    "  c[i, j] = sum(k) i32(a[i, k]) * i32(b[k, j])\n}\n",
    "lathe 1\nfunc brain(a: bf16[M, K], b: bf16[K, N], s: f32[N]) -> (y) {\n"
    "  t[i, j] = sum(k) f32(a[i, k]) * f32(b[k, j])\n"
    "  y[i, j] = bf16(max(t[i, j] + s[j], 0))\n}\n",
    "lathe 1\nfunc half(a: f16[M, K], b: f16[K, N], s: f16[N]) -> (y) {\n"
    "  t[i, j] = sum(k) a[i, k] * b[k, j]\n  y[i, j] = t[i, j] * s[j] - 0.5\n}\n",
    "lathe 1\nfunc brain_rows(x: bf16[M, N]) -> (s, t) {\n"
    "  s[i] = sum(j) x[i, j]\n  t[i] = max(j) x[i, j] - s[i]\n}\n",
};

// How often each test repeats its cases, with other seeds: --rounds=N.
uint64_t rounds = 1;

struct Counts {
  int cases = 0;
  int scheduled = 0;  // ran with a trace of at least one step
};

// Machine code of `function` under the random trace of `seed`, for a target and
// a number of threads that the seed chooses, against the interpreter.
void Check(const Function& function, uint64_t seed, Counts& counts) {
  static const Target targets[] = {HostTarget(), *ParseTarget("x86-64-v3"), Target{}};
  auto naive = BuildNaive(function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  std::mt19937_64 random(seed);
  const Trace trace = RandomTrace(*naive, random);
  SCOPED_TRACE(::testing::Message() << "seed " << seed << "\n"
                                    << ToText(function) << ToText(trace));
  ++counts.cases;
  auto lowered = LowerWithTrace(function, trace);
  if (!lowered.ok()) {  // marks that cannot be expanded
    EXPECT_EQ(lowered.status().code(), absl::StatusCode::kInvalidArgument) << lowered.status();
    return;
  }
  counts.scheduled += !trace.steps.empty();
  const std::vector<TensorValue> inputs = SmallIntegerInputs(*naive, seed);
  auto expected = Interpret(*naive, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const Target& target = targets[random() % std::size(targets)];
  auto actual = CompileAndRun(*lowered, inputs, target, random() % 2 == 0 ? 1 : 3);
  ASSERT_TRUE(actual.ok()) << actual.status();
  const absl::Status same = SameOutputs(*naive, *expected, *actual);
  ASSERT_TRUE(same.ok()) << same;
}

void ExpectMostScheduled(const Counts& counts) {
  ::testing::Test::RecordProperty("scheduled", counts.scheduled);
  std::cout << counts.scheduled << " of " << counts.cases << " cases were scheduled\n";
  EXPECT_GT(counts.scheduled, counts.cases / 2);
}

TEST(DifferentialTest, KnownFunctionsUnderRandomSchedules) {
  constexpr int kCases = 360;
  constexpr uint64_t kSeed = 20250601;
  Counts counts;
  for (int c = 0; c < kCases * static_cast<int>(rounds); ++c) {
    const uint64_t seed = kSeed + static_cast<uint64_t>(c);
    std::mt19937_64 random(seed);
    auto extent = [&] { return std::to_string(1 + random() % 23); };
    const std::string m = extent(), n = extent(), k = extent();
    const std::string source = absl::StrReplaceAll(
        kFunctions[static_cast<size_t>(c) % std::size(kFunctions)], {{"[M", "[" + m},
                                                                     {", M]", ", " + m + "]"},
                                                                     {"[N", "[" + n},
                                                                     {", N]", ", " + n + "]"},
                                                                     {"[K", "[" + k},
                                                                     {", K]", ", " + k + "]"},
                                                                     {": N]", ": " + n + "]"}});
    auto function = ParseFunction(source, "case");
    ASSERT_TRUE(function.ok()) << function.status();
    Check(*function, seed, counts);
    if (HasFailure()) return;  // one failure says enough
  }
  ExpectMostScheduled(counts);
}

TEST(DifferentialTest, Tensorized) {
  auto function = ParseFunction(
      "lathe 1\nfunc transposed(x: f32[75, 50]) -> (y) {\n  y[i, j] = x[j, i]\n}\n", "case");
  ASSERT_TRUE(function.ok()) << function.status();
  auto naive = BuildNaive(*function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  const std::vector<TensorValue> inputs = SmallIntegerInputs(*naive, 7);
  auto expected = Interpret(*naive, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const std::string& name : IntrinsicNames()) {
    SCOPED_TRACE(name);
    const HardwareIntrinsic& intrinsic = *FindIntrinsic(name);
    const int64_t size = intrinsic.stage().axes[0].extent;
    auto trace =
        ParseTrace(absl::StrCat("lathe-trace 1\na, b = split(y.i, ", size, ")\nc, d = split(y.j, ",
                                size, ")\nreorder(a, c, b, d)\ntensorize(b, ", name,
                                ")\ntail(a, partition)\ntail(c, partition)\nparallel(a)\n"),
                   "trace");
    ASSERT_TRUE(trace.ok()) << trace.status();
    auto lowered = LowerWithTrace(*function, *trace);
    ASSERT_TRUE(lowered.ok()) << lowered.status();
    EXPECT_NE(ToText(*lowered).find("intrinsic " + name), std::string::npos);
    auto refused = CompileAndRun(*lowered, inputs, Target{}, 1);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(
        std::string(refused.status().message()),
        ::testing::HasSubstr("intrinsic " + name + " needs the feature " + intrinsic.feature));
    if (!HostTarget().Has(intrinsic.feature)) continue;
    auto actual = CompileAndRun(*lowered, inputs, HostTarget(), 3);
    ASSERT_TRUE(actual.ok()) << actual.status();
    EXPECT_EQ(SameOutputs(*naive, *expected, *actual), absl::OkStatus());
  }
}

// Both orders of factors, rows and columns of both contiguous, part of a buffer.
TEST(DifferentialTest, LibraryCalls) {
  for (const char* term : {"a[n, i, k] * b[k, j]", "a[n, k, i] * b[k, j]", "b[j, k] * a[n, i, k]",
                           "b[j, k] * a[n, k, i]"}) {
    SCOPED_TRACE(term);
    const bool a_columns = std::string_view(term).find("a[n, k") != std::string_view::npos;
    const bool b_columns = std::string_view(term).find("b[j") != std::string_view::npos;
    auto function = ParseFunction(
        absl::StrCat("lathe 1\nfunc products(a: f32[3, ", a_columns ? "14, 23" : "23, 14",
                     "], b: f32[", b_columns ? "9, 14" : "14, 9", "]) -> (c) {\n",
                     "  c[n, i, j] = sum(k) ", term, "\n}\n"),
        "case");
    ASSERT_TRUE(function.ok()) << function.status();
    auto trace = ParseTrace(
        "lathe-trace 1\nio, ii = split(c.i, 6)\nko, ki = split(c.k, 7)\n"
        "reorder(c.n, io, ko, c.j, ki, ii)\nlibrary_call(c.j, cblas_sgemm)\ntail(io, partition)\n",
        "trace");
    ASSERT_TRUE(trace.ok()) << trace.status();
    auto lowered = LowerWithTrace(*function, *trace);
    ASSERT_TRUE(lowered.ok()) << lowered.status();
    EXPECT_NE(ToText(*lowered).find("intrinsic cblas_sgemm_6x9x7"), std::string::npos);
    EXPECT_NE(ToText(*lowered).find("intrinsic cblas_sgemm_5x9x7"), std::string::npos);
    auto naive = BuildNaive(*function);
    ASSERT_TRUE(naive.ok()) << naive.status();
    const std::vector<TensorValue> inputs = SmallIntegerInputs(*naive, 11);
    auto expected = Interpret(*naive, inputs);
    ASSERT_TRUE(expected.ok()) << expected.status();
    auto interpreted = Interpret(*lowered, inputs);
    ASSERT_TRUE(interpreted.ok()) << interpreted.status();
    EXPECT_EQ(SameOutputs(*naive, *expected, *interpreted), absl::OkStatus());
    auto actual = CompileAndRun(*lowered, inputs, Target{}, 1);
    ASSERT_TRUE(actual.ok()) << actual.status();
    EXPECT_EQ(SameOutputs(*naive, *expected, *actual), absl::OkStatus());
  }
}

TEST(DifferentialTest, RandomFunctionsUnderRandomSchedules) {
  constexpr int kCases = 320;
  constexpr uint64_t kSeed = 30250601;
  Counts counts;
  for (uint64_t seed = kSeed; seed < kSeed + kCases * rounds; ++seed) {
    std::mt19937_64 random(seed);
    Check(RandomFunction(random), seed, counts);
    if (HasFailure()) return;
  }
  ExpectMostScheduled(counts);
}

TEST(DifferentialTest, RandomFunctionsOfMixedTypesUnderRandomSchedules) {
  constexpr int kCases = 160;
  constexpr uint64_t kSeed = 40250601;
  Counts counts;
  RandomFunctionOptions options;
  options.mixed_types = true;
  for (uint64_t seed = kSeed; seed < kSeed + kCases * rounds; ++seed) {
    std::mt19937_64 random(seed);
    Check(RandomFunction(random, options), seed, counts);
    if (HasFailure()) return;
  }
  ExpectMostScheduled(counts);
}

// LLVM 19 folded half of the lanes of a dot product of bytes, where the machine
// has an instruction for it and the halves were made by hand.
TEST(DifferentialTest, DotProductsOfBytesFoldAllLanes) {
  auto trace = ParseTrace("lathe-trace 1\nvectorize(c.k)\n", "trace");
  ASSERT_TRUE(trace.ok()) << trace.status();
  for (const char* lanes : {"5", "8", "16", "32", "64"}) {
    SCOPED_TRACE(lanes);
    auto function =
        ParseFunction(absl::StrReplaceAll("lathe 1\nfunc dot(a: u8[4, K], b: i8[K, 9]) -> (c) {\n"
                                          "  c[i, j] = sum(k) i32(a[i, k]) * i32(b[k, j])\n}\n",
                                          {{"K", lanes}}),
                      "dot");
    ASSERT_TRUE(function.ok()) << function.status();
    auto naive = BuildNaive(*function);
    auto lowered = LowerWithTrace(*function, *trace);
    ASSERT_TRUE(naive.ok() && lowered.ok()) << lowered.status();
    const std::vector<TensorValue> inputs = SmallIntegerInputs(*naive, 1);
    auto expected = Interpret(*naive, inputs);
    auto actual = CompileAndRun(*lowered, inputs, HostTarget());
    ASSERT_TRUE(expected.ok() && actual.ok()) << actual.status();
    EXPECT_EQ(SameOutputs(*naive, *expected, *actual), absl::OkStatus());
  }
}

TEST(DifferentialTest, EveryOperatorAndTypeUnderRandomSchedules) {
  uint64_t seed = 50250601;
  Counts counts;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (const std::string& spec : OperatorCases()) {
      SCOPED_TRACE(spec);
      auto function = BuildOperator(spec);
      ASSERT_TRUE(function.ok()) << function.status();
      Check(*function, seed++, counts);
      if (HasFailure()) return;
    }
  }
  ExpectMostScheduled(counts);
}

}  // namespace
}  // namespace lathe::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i], key = "--rounds=";
    if (argument.starts_with(key)) {
      lathe::testing::rounds = std::stoull(std::string(argument.substr(key.size())));
    }
  }
  return RUN_ALL_TESTS();
}
