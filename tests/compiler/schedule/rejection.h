// A trace that a primitive refuses, and functions to try them on.
#ifndef LATHE_TESTS_COMPILER_SCHEDULE_REJECTION_H_
#define LATHE_TESTS_COMPILER_SCHEDULE_REJECTION_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "compiler/schedule/trace.h"

namespace lathe {

inline constexpr char kMatmul[] =
    "lathe 1\n"
    "func matmul(A: f32[8, 6], B: f32[6, 20]) -> (C) {\n"
    "  C[i, j] = sum(k) A[i, k] * B[k, j]\n"
    "}\n";
inline constexpr char kLinearRelu[] =
    "lathe 1\n"
    "func linear_relu(x: f32[5, 7], w: f32[7, 20], b: f32[20]) -> (y) {\n"
    "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
    "  y[i, j] = max(t[i, j] + b[j], 0)\n"
    "}\n";

struct Case {
  const char* function;
  const char* steps;
  const char* error;
};

inline void ExpectRefused(const Case& c) {
  SCOPED_TRACE(c.steps);
  absl::StatusOr<Function> function = ParseFunction(c.function, "f.tfn");
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace = ParseTrace(std::string("lathe-trace 1\n") + c.steps, "t.trace");
  ASSERT_TRUE(trace.ok()) << trace.status();
  absl::StatusOr<Program> naive = BuildNaive(*function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  absl::StatusOr<Program> program = Replay(*naive, *trace);
  ASSERT_FALSE(program.ok()) << ToText(*program);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(program.status().message()), ::testing::HasSubstr(c.error));
  // The last step is the one that breaks the rule.
  EXPECT_THAT(std::string(program.status().message()),
              ::testing::HasSubstr("step " + std::to_string(trace->steps.size()) + " "));
}

}  // namespace lathe

#endif  // LATHE_TESTS_COMPILER_SCHEDULE_REJECTION_H_
