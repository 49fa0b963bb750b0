// The schedule of correctness references: the same values to the last bit, because
// every sum keeps its order.
#include "tuner/reference_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/tensor/operators.h"
#include "compiler/tensor/reference.h"
#include "tests/testing/effort.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/operator_cases.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kSeed = 31;

Trace TraceOf(const Function& reference) {
  return ReferenceTrace(reference, *ParseTarget("x86-64-v4"));
}

TEST(ReferenceTrace, ComputesEveryOperatorAsWritten) {
  SCOPED_TRACE(kSeed);
  const std::vector<std::string> cases = lathe::testing::OperatorCases();
  int in_lanes = 0;
  for (size_t i = 0; i < cases.size(); i += kAllCases ? 1 : 5) {
    SCOPED_TRACE(cases[i]);
    absl::StatusOr<Function> function = BuildOperator(cases[i]);
    ASSERT_TRUE(function.ok()) << function.status();
    const Function reference = ReferenceOf(*function);
    absl::StatusOr<Program> naive = BuildNaive(reference);
    ASSERT_TRUE(naive.ok()) << naive.status();
    const Trace trace = TraceOf(reference);
    in_lanes += trace.steps.empty() ? 0 : 1;
    absl::StatusOr<Program> scheduled = Replay(*naive, trace);
    ASSERT_TRUE(scheduled.ok()) << scheduled.status();
    absl::Status same = lathe::testing::SameResults(*naive, *scheduled, kSeed);
    EXPECT_TRUE(same.ok()) << same;
  }
  EXPECT_GT(in_lanes, static_cast<int>(cases.size()) / 20);
}

TEST(ReferenceTrace, TheReductionOfAProductGoesAroundTheLanes) {
  const Function reference = ReferenceOf(*BuildOperator("matmul(m=5,n=20,k=7)"));
  const std::string text = ToText(TraceOf(reference));
  EXPECT_THAT(text, HasSubstr("split(C.j, 8)"));
  EXPECT_THAT(text, HasSubstr("reorder(C.i, C.k, C.j.o, C.j.i)\nvectorize(C.j.i)\n"));
  EXPECT_THAT(text, HasSubstr("tail(C.j.o, partition)"));
}

TEST(ReferenceTrace, ShortRowsStayAsWritten) {
  EXPECT_TRUE(TraceOf(ReferenceOf(*BuildOperator("matmul(m=5,n=7,k=20)"))).steps.empty());
}

}  // namespace
}  // namespace lathe
