#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loop/lower.h"
#include "compiler/schedule/primitives.h"
#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr char kFunction[] =
    "lathe 1\n"
    "func scale(x: f32[20]) -> (y) {\n"
    "  y[i] = 2 * x[i]\n"
    "}\n";

Function Scale() {
  absl::StatusOr<Function> function = ParseFunction(kFunction, "scale.tfn");
  EXPECT_TRUE(function.ok()) << function.status();
  return *function;
}

TEST(Replay, AppliesNothingWhenAStepFails) {
  Program naive = *BuildNaive(Scale());
  std::string before = ToText(naive);
  Trace trace = *ParseTrace("lathe-trace 1\na, b = split(y.i, 4)\nunroll(y.i)\n", "t");
  absl::StatusOr<Program> program = Replay(naive, trace);
  ASSERT_FALSE(program.ok());
  EXPECT_THAT(std::string(program.status().message()),
              HasSubstr("step 2 (line 3): unroll(y.i): cannot unroll loop y.i: there is no loop"));
  EXPECT_EQ(ToText(naive), before);
}

TEST(Replay, EqualsThePrimitivesCalledOneByOne) {
  Program naive = *BuildNaive(Scale());
  Trace trace = *ParseTrace("lathe-trace 1\na, b = split(y.i, 8)\nvectorize(b)\n", "t");
  absl::StatusOr<Program> replayed = Replay(naive, trace);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  absl::StatusOr<Program> split = Split(naive, "y.i", 8, "a", "b");
  ASSERT_TRUE(split.ok()) << split.status();
  absl::StatusOr<Program> called = Vectorize(*split, "b");
  ASSERT_TRUE(called.ok()) << called.status();
  EXPECT_EQ(ToText(*replayed), ToText(*called));
}

TEST(Replay, EmptyTraceIsTheNaiveProgram) {
  Program naive = *BuildNaive(Scale());
  absl::StatusOr<Program> program = Replay(naive, Trace{});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_TRUE(program->body.SameAs(naive.body));
}

TEST(Replay, StepsMadeInCodeHaveNoLine) {
  Program naive = *BuildNaive(Scale());
  Trace trace{{TraceStep{"unroll", 1, {}, {"nowhere"}}}};
  absl::StatusOr<Program> program = Replay(naive, trace);
  ASSERT_FALSE(program.ok());
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("step 1: unroll(nowhere): "));
}

TEST(Replay, RefusesLoweredPrograms) {
  absl::StatusOr<Program> lowered = LowerWithTrace(Scale(), Trace{});
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  EXPECT_TRUE(lowered->lowered);
  absl::StatusOr<Program> program = Replay(*lowered, Trace{});
  ASSERT_FALSE(program.ok());
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("lowered"));
}

TEST(Replay, LowerWithTraceIsDeterministic) {
  Trace trace = *ParseTrace("lathe-trace 1\na, b = split(y.i, 8)\nvectorize(b)\n", "t");
  absl::StatusOr<Program> one = LowerWithTrace(Scale(), trace);
  absl::StatusOr<Program> two = LowerWithTrace(Scale(), trace);
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(ProgramHash(*one), ProgramHash(*two));
  EXPECT_NE(ProgramHash(*one), ProgramHash(*LowerWithTrace(Scale(), Trace{})));
}

}  // namespace
}  // namespace lathe
