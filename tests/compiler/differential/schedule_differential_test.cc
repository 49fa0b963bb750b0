// Random schedules must not change what a function computes: the naive, the
// scheduled and the lowered program are interpreted and compared.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "compiler/loop/lower.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/trace.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/random_function.h"
#include "tests/testing/random_trace.h"

namespace lathe {
namespace {

constexpr int kTracesPerFunction = 25;

struct Counts {
  int steps = 0;
  int lowered = 0;
  int refused = 0;
};

// Schedules `function` with the trace of `seed` and compares.
void Check(const Function& function, uint64_t seed, Counts& counts) {
  absl::StatusOr<Program> naive = BuildNaive(function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  std::mt19937_64 random(seed);
  Trace trace = testing::RandomTrace(*naive, random);
  SCOPED_TRACE(ToText(function) + "\nseed " + std::to_string(seed) + "\n" + ToText(trace));
  counts.steps += static_cast<int>(trace.steps.size());

  absl::StatusOr<Trace> parsed = ParseTrace(ToText(trace), "random.trace");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, trace);
  absl::StatusOr<Program> scheduled = Replay(*naive, *parsed);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  EXPECT_EQ(testing::SameResults(*naive, *scheduled, seed), absl::OkStatus()) << ToText(*scheduled);

  absl::StatusOr<Program> lowered = Lower(*scheduled);
  if (!lowered.ok()) {
    // A mark that cannot be expanded is the schedule's fault, not a bug.
    EXPECT_EQ(lowered.status().code(), absl::StatusCode::kInvalidArgument) << lowered.status();
    ++counts.refused;
    return;
  }
  ++counts.lowered;
  EXPECT_EQ(Verify(*lowered), absl::OkStatus()) << ToText(*lowered);
  EXPECT_EQ(testing::SameResults(*naive, *lowered, seed), absl::OkStatus()) << ToText(*lowered);
}

const char* const kFunctions[] = {
    "func matmul(A: f32[7, 5], B: f32[5, 19]) -> (C) {\n"
    "  C[i, j] = sum(k) A[i, k] * B[k, j]\n"
    "}\n",
    "func linear_relu(x: f32[3, 7], w: const f32[7, 20], b: f32[20]) -> (y) {\n"
    "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
    "  y[i, j] = max(t[i, j] + b[j], 0)\n"
    "}\n",
    "func mean_and_variance(x: f32[4, 8]) -> (mean, var) {\n"
    "  mean[i] = sum(j) x[i, j] * 0.125\n"
    "  d[i, j] = x[i, j] - mean[i]\n"
    "  var[i] = sum(j) d[i, j] * d[i, j]\n"
    "}\n",
    "func stencil(x: f32[6, 13]) -> (y) {\n"
    "  s[i, j] = (x[i, j - 1] else 0) + x[i, j] + (x[i, j + 1] else 0)\n"
    "  y[j, i] = s[i, j] * 2\n"
    "}\n",
    "func pooled(x: f32[9, 10]) -> (y) {\n"
    "  y[i: 4, j: 5] = max(p: 2, q: 2) x[2*i + p, 2*j + q]\n"
    "}\n",
    "func batched(a: i32[2, 3, 4], b: i32[2, 4, 5]) -> (c, r) {\n"
    "  c[n, i, j] = sum(k) a[n, i, k] * b[n, k, j]\n"
    "  r[n, i, j] = max(c[n, i, j], 0) + a[n, i, 0]\n"
    "}\n",
};

// The test is worth little if few draws are legal, or few lower.
void ExpectManyTried(const Counts& counts, int traces) {
  EXPECT_GT(counts.steps, 2 * traces);
  EXPECT_GT(counts.lowered, 3 * counts.refused);
}

TEST(ScheduleDifferential, KnownFunctions) {
  Counts counts;
  uint64_t seed = 1000;
  for (const char* text : kFunctions) {
    absl::StatusOr<Function> function = ParseFunction(std::string("lathe 1\n") + text, "f.tfn");
    ASSERT_TRUE(function.ok()) << function.status();
    for (int i = 0; i < kTracesPerFunction; ++i) {
      Check(*function, seed++, counts);
      if (HasFailure()) return;  // one failure says enough
    }
  }
  ExpectManyTried(counts, static_cast<int>(seed) - 1000);
}

TEST(ScheduleDifferential, RandomFunctions) {
  Counts counts;
  constexpr int kFunctionsDrawn = 80;
  for (uint64_t seed = 1; seed <= kFunctionsDrawn; ++seed) {
    std::mt19937_64 random(seed);
    Function function = testing::RandomFunction(random);
    for (int i = 0; i < 2; ++i) {
      Check(function, 2 * seed + i, counts);
      if (HasFailure()) return;
    }
  }
  ExpectManyTried(counts, 2 * kFunctionsDrawn);
}

}  // namespace
}  // namespace lathe
