#include "compiler/tensor/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

Function Parse(const std::string& text) {
  absl::StatusOr<Function> function = ParseFunction(text, "test.tfn");
  EXPECT_TRUE(function.ok()) << function.status().message();
  return *std::move(function);
}

// The reference's text, which must obey the language and parse to itself.
std::string ReferenceText(const Function& function) {
  Function reference = ReferenceOf(function);
  EXPECT_TRUE(CheckFunction(reference).ok()) << CheckFunction(reference).message();
  std::string text = ToText(reference);
  EXPECT_EQ(ToText(Parse(text)), text);
  return text;
}

std::string BodyReference(const std::string& body) {
  return ReferenceText(Parse(
      absl::StrCat("lathe 1\nfunc f(x: f32[8, 12], v: f32[12], h: f16[12], n: i32[12]) -> (y) {\n",
                   body, "\n}\n")));
}

TEST(Reference, Matmul) {
  EXPECT_EQ(ReferenceText(Matmul(2, 3, 8)),
            "lathe 1\n"
            "func matmul(A: f32[2, 8], B: f32[8, 3]) -> (C, C_err) {\n"
            "  C[i, j] = sum(k) f64(A[i, k]) * f64(B[k, j])\n"
            "  C_err[i, j] = 13 * sum(k) abs(f64(A[i, k]) * f64(B[k, j]))\n"
            "}\n");
}

TEST(Reference, ErrorsPassThroughStages) {
  EXPECT_THAT(ReferenceText(*BuildOperator("linear_relu(m=1,k=8,n=3)")),
              testing::EndsWith("  y[i, j] = max(t[i, j] + f64(b[j]), 0)\n"
                                "  y_err[i, j] = t_err[i, j] + abs(t[i, j] + f64(b[j]))\n"
                                "}\n"));
}

TEST(Reference, ExactStagesHaveNoError) {
  EXPECT_THAT(BodyReference("t[i, j] = -x[i, j]\ny[i, j] = max(t[i, j], 0)"),
              testing::HasSubstr("y_err[i: 8, j: 12] = f64(0)"));
  EXPECT_THAT(BodyReference("y[i] = n[i] * 2"), testing::Not(testing::HasSubstr("y_err")));
}

TEST(Reference, SumOfRoundedTerms) {
  EXPECT_THAT(BodyReference("t[i] = v[i] + 1\ny[] = sum(i) t[i]"),
              testing::HasSubstr("y_err[] = sum(i) t_err[i] + 16 * abs(t[i])\n"));
}

TEST(Reference, NestedReductionsBecomeStages) {
  EXPECT_THAT(BodyReference("y[i: 8] = (sum(k) x[i, k]) * v[i]"),
              testing::AllOf(testing::HasSubstr("y_part[i] = sum(k) f64(x[i, k])\n"),
                             testing::HasSubstr("y[i: 8] = y_part[i] * f64(v[i])\n"),
                             testing::HasSubstr("y_err[i: 8] = abs(f64(v[i])) * y_part_err[i] + "
                                                "abs(y[i])\n")));
}

TEST(Reference, GuardsSelectsAndComparisons) {
  std::string text = BodyReference(
      "t[i] = v[i] * v[i]\n"
      "y[i: 20] = select((t[i - 1] else v[0]) < 1, (v[i - 2] else v[1] + 1), 2)");
  EXPECT_THAT(text, testing::HasSubstr("(t[i - 1] else f64(v[0]))"));
  EXPECT_THAT(text, testing::HasSubstr("(t_err[i - 1] else 0)"));
  EXPECT_THAT(text, testing::HasSubstr("select(i - 2 >= 0 and i - 2 < 12, f64((v[i - 2] else 0)), "
                                       "f64(v[1]) + 1)"));
}

TEST(Reference, UnitsFollowTheTypes) {
  // One rounding to f16 is 2^13 units of f32's roundoff.
  EXPECT_THAT(BodyReference("t[i] = h[i] + 1\ny[i] = f32(t[i])"),
              testing::HasSubstr("y_err[i] = 8192 * t_err[i]"));
}

TEST(Reference, EveryOperatorAndFunction) {
  for (const Operator& op : Operators()) {
    std::string spec = absl::StrCat(std::string(op.name), "(");
    for (const OperatorParameter& parameter : op.parameters) {
      if (!parameter.required()) continue;
      absl::StrAppend(&spec, spec.back() == '(' ? "" : ",", std::string(parameter.name), "=5");
    }
    SCOPED_TRACE(spec);
    ReferenceText(*BuildOperator(absl::StrCat(spec, ")")));
  }
  for (const char* function : {"exp", "log", "sqrt", "rsqrt", "tanh", "erf", "sigmoid", "floor"}) {
    SCOPED_TRACE(function);
    BodyReference(absl::StrCat("t[i] = v[i] * v[i]\ny[i] = ", function, "(t[i]) / t[i]"));
  }
  BodyReference("t[i] = v[i] * v[i]\ny[i] = pow(t[i], 2) + prod(k) (t[k] - v[k])");
}

}  // namespace
}  // namespace lathe
