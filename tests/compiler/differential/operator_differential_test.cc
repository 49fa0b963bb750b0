// Every operator of the library with every type it allows, under random legal
// schedules: what is scheduled and lowered computes what the naive program does.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "compiler/loop/lower.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/trace.h"
#include "compiler/tensor/operators.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/operator_cases.h"
#include "tests/testing/random_trace.h"

namespace lathe {
namespace {

constexpr int kTracesPerCase = 4;

// Traces that lowering refused (a mark that cannot be expanded) count apart.
struct Counts {
  int traces = 0, steps = 0, refused = 0;
};

// Schedules and lowers; expects the results of `naive`, or a refusal.
void ExpectSameResults(const Program& naive, const Trace& trace, uint64_t seed, Counts& counts) {
  ++counts.traces;
  counts.steps += static_cast<int>(trace.steps.size());
  absl::StatusOr<Program> scheduled = Replay(naive, trace);
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  absl::StatusOr<Program> lowered = Lower(*scheduled);
  if (!lowered.ok()) {
    EXPECT_EQ(lowered.status().code(), absl::StatusCode::kInvalidArgument) << lowered.status();
    ++counts.refused;
    return;
  }
  ASSERT_EQ(Verify(*lowered), absl::OkStatus()) << ToText(*lowered);
  ASSERT_EQ(testing::SameResults(naive, *lowered, seed), absl::OkStatus()) << ToText(*lowered);
}

void Check(const std::string& spec, uint64_t seed, Counts& counts) {
  absl::StatusOr<Function> function = BuildOperator(spec);
  ASSERT_TRUE(function.ok()) << function.status().message();
  absl::StatusOr<Program> naive = BuildNaive(*function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  std::mt19937_64 random(seed);
  Trace trace = testing::RandomTrace(*naive, random);
  SCOPED_TRACE(spec + "\nseed " + std::to_string(seed) + "\n" + ToText(trace));
  ExpectSameResults(*naive, trace, seed, counts);
}

TEST(OperatorDifferential, EveryOperatorEveryType) {
  Counts counts;
  uint64_t seed = 1;
  for (const std::string& spec : testing::OperatorCases()) {
    for (int i = 0; i < kTracesPerCase; ++i) {
      Check(spec, seed++, counts);
      if (HasFailure()) return;  // one failure says enough
    }
  }
  // The test is worth little if few draws are legal, or few lower.
  EXPECT_GT(counts.steps, 2 * counts.traces);
  EXPECT_LT(4 * counts.refused, counts.traces);
}

// Traces that random draws found to be lowered wrongly.
TEST(OperatorDifferential, KnownTraces) {
  // A surplus lane of one copy of v6 has an element of the other copy.
  const char* const kSurplusOfCopies =
      "lathe-trace 1\n"
      "v1, v2 = split(y.j, 5)\n"
      "v5, v6 = split(v2, 2)\n"
      "reorder(v6, v1, v5)\n"
      "v7 = cache_write(y, workspace)\n"
      "tail(v6, partition)\n"
      "vectorize(v5)\n";
  // Lanes over two rows of a register buffer.
  const char* const kLanesOverRows =
      "lathe-trace 1\n"
      "v1 = fuse(y.i, y.j)\n"
      "v2, v3 = split(v1, 52)\n"
      "v4 = cache_write(y, register)\n"
      "unroll(v4.i)\n"
      "vectorize(v4.j)\n"
      "vectorize(v3)\n";
  absl::StatusOr<Program> naive = BuildNaive(*BuildOperator("add(rows=3,columns=17)"));
  ASSERT_TRUE(naive.ok()) << naive.status();
  Counts counts;
  for (const char* text : {kSurplusOfCopies, kLanesOverRows}) {
    SCOPED_TRACE(text);
    absl::StatusOr<Trace> trace = ParseTrace(text, "known.trace");
    ASSERT_TRUE(trace.ok()) << trace.status();
    ExpectSameResults(*naive, *trace, 1, counts);
  }
  EXPECT_EQ(counts.refused, 1);  // registers have no place for lanes over rows
}

}  // namespace
}  // namespace lathe
