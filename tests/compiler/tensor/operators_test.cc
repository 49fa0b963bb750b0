// The operator library: its specs and their errors, and what holds for every
// operator with every type.
#include "compiler/tensor/operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/loop/interpreter.h"
#include "compiler/loop/verify.h"
#include "compiler/tensor/reference.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/operator_cases.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

std::string TextOf(const std::string& spec) {
  absl::StatusOr<Function> function = BuildOperator(spec);
  EXPECT_TRUE(function.ok()) << spec << ": " << function.status().message();
  return function.ok() ? ToText(*function) : "";
}

TEST(Operators, AreOrderedAndDescribed) {
  std::string last;
  for (const Operator& op : Operators()) {
    EXPECT_LT(last, std::string(op.name));
    last = op.name;
    EXPECT_FALSE(op.summary.empty() || op.shapes.empty() || op.source.empty()) << op.name;
    ASSERT_TRUE(FindOperator(op.name).ok());
    EXPECT_EQ((*FindOperator(op.name))->name, op.name);
    EXPECT_THAT(Signature(op), ::testing::StartsWith(std::string(op.name) + "("));
  }
  EXPECT_EQ(Signature(**FindOperator("row_sum")),
            "row_sum(rows=..., columns=..., type=f32|f64|f16|bf16)");
}

// Databases hold records of these: their text must never change.
TEST(Operators, ReleasedTexts) {
  EXPECT_EQ(TextOf(" matmul ( m = 2, n = 3, k = 4 , const_b=1,bias=1,relu=1) "),
            "lathe 1\n"
            "func matmul(A: f32[2, 4], B: const f32[4, 3], bias: f32[3]) -> (C) {\n"
            "  T[i, j] = sum(k) A[i, k] * B[k, j]\n"
            "  C[i, j] = max(T[i, j] + bias[j], 0)\n"
            "}\n");
  EXPECT_EQ(ToText(Matmul(2, 3, 4, true)),
            "lathe 1\n"
            "func matmul(A: f32[2, 4], B: const f32[4, 3]) -> (C) {\n"
            "  C[i, j] = sum(k) A[i, k] * B[k, j]\n"
            "}\n");
  EXPECT_EQ(TextOf("linear_relu"),
            "lathe 1\n"
            "func linear_relu(x: f32[1, 3072], w: const f32[3072, 200], b: f32[200]) -> (y) {\n"
            "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
            "  y[i, j] = max(t[i, j] + b[j], 0)\n"
            "}\n");
  EXPECT_EQ(TextOf("softmax(rows=3,columns=5)"),
            "lathe 1\n"
            "func softmax(x: f32[3, 5]) -> (y) {\n"
            "  top[i] = max(j) x[i, j]\n"
            "  e[i, j] = exp(x[i, j] - top[i])\n"
            "  total[i] = sum(j) e[i, j]\n"
            "  y[i, j] = e[i, j] / total[i]\n"
            "}\n");
  EXPECT_EQ(TextOf("row_mean_variance(rows=3,columns=5)"),
            "lathe 1\n"
            "func row_mean_variance(x: f32[3, 5]) -> (mean, variance) {\n"
            "  total[i] = sum(j) x[i, j]\n"
            "  mean[i] = total[i] / 5\n"
            "  squares[i] = sum(j) (x[i, j] - mean[i]) * (x[i, j] - mean[i])\n"
            "  variance[i] = squares[i] / 5\n"
            "}\n");
  EXPECT_THAT(TextOf("gelu(rows=3,columns=5)"),
              HasSubstr("  y[i, j] = 0.5 * x[i, j] * (1 + erf(x[i, j] * 0.70710677))\n"));
  EXPECT_THAT(TextOf("add(rows=3,columns=5)"), HasSubstr("  y[i, j] = a[i, j] + b[i, j]\n"));
  EXPECT_THAT(TextOf("relu(rows=3,columns=5)"), HasSubstr("  y[i, j] = max(x[i, j], 0)\n"));
  EXPECT_THAT(TextOf("row_sum(rows=3,columns=5)"), HasSubstr("  y[i] = sum(j) x[i, j]\n"));
  EXPECT_THAT(TextOf("transpose(rows=3,columns=5)"), HasSubstr("  y[j, i] = x[i, j]\n"));
}

// Narrow floats are computed in f32, bytes summed in i32.
TEST(Operators, TypesOfComputation) {
  EXPECT_THAT(TextOf("matmul(m=3,n=5,k=7,ta=1,type=bf16)"),
              HasSubstr("  T[i, j] = sum(k) f32(A[k, i]) * f32(B[k, j])\n"
                        "  C[i, j] = bf16(T[i, j])\n"));
  EXPECT_THAT(TextOf("matmul(m=3,n=5,k=7,type=f16,out=f32)"),
              HasSubstr("  C[i, j] = sum(k) f32(A[i, k]) * f32(B[k, j])\n"));
  EXPECT_THAT(TextOf("linear(m=3,k=7,n=5,type=u8i8,act=relu)"),
              HasSubstr("(x: u8[3, 7], w: const i8[7, 5], b: i32[5]) -> (y) {\n"
                        "  t[i, j] = sum(k) i32(x[i, k]) * i32(w[k, j])\n"
                        "  y[i, j] = max(t[i, j] + b[j], 0)\n"));
}

TEST(Operators, GroupsAndBorders) {
  EXPECT_EQ(TextOf("conv2d(h=5,w=7,c=4,o=6,stride=2,padding=1,groups=2)"),
            "lathe 1\n"
            "func conv2d(x: f32[1, 5, 7, 2, 2], f: const f32[3, 3, 2, 2, 3]) -> (y) {\n"
            "  y[n, h: 3, w: 4, g, o] = sum(r, s, c) (x[n, 2 * h + r - 1, 2 * w + s - 1, g, c] "
            "else 0) * f[r, s, c, g, o]\n"
            "}\n");
}

TEST(Operators, ErrorsSayWhatExists) {
  for (auto [spec, part] : {
           std::pair("matmull(m=1)", "there is no operator 'matmull' (did you mean matmul?)"),
           std::pair("conv9(x=1)", "; operators are add, "),
           std::pair("matmul(m=1,n=2)", "operator matmul: k is missing; expected matmul(m=..., "),
           std::pair("matmul(m=1,n=2,k=0)", "k is 0, but must be positive"),
           std::pair("matmul(m=-4,n=2,k=1)", "m is -4, but must be positive"),
           std::pair("matmul(m=1,m=2)", "m is given twice"),
           std::pair("matmul(m=1,q=2)", "there is no parameter 'q'"),
           std::pair("matmul(m=99999999999999999999)", "is no 64-bit integer"),
           std::pair("matmul(m=9223372036854775807)", "but must be at most 2^40"),
           std::pair("matmul(m=1000000,n=2,k=2000000)", "A has more than 2^40 elements"),
           std::pair("matmul(m=1,n=2,k=3,relu=2)", "relu is 2, but must be 0 or 1"),
           std::pair("matmul(m)", "'m' is not NAME=VALUE"),
           std::pair("matmul(m=1", "a ')' is missing"),
           std::pair("", "there is no operator ''"),
           std::pair("relu(rows=1,columns=2,type=f15)",
                     "type is f15, but must be one of f32, f64, f16, bf16;"),
           std::pair("conv2d(h=3,w=3,c=1,o=1,layout=hwcn)", "must be one of nhwc, nchw;"),
           std::pair("conv2d(h=3,w=3,c=1,o=1,padding=-1)", "padding is -1, but must be zero"),
           std::pair("conv2d(h=3,w=3,c=1,o=1,stride=0)", "stride is 0, but must be positive"),
           std::pair("conv2d(h=5,w=5,c=4,o=6,groups=3)", "groups=3 does not divide c=4"),
           std::pair("conv2d(h=5,w=5,c=6,o=4,groups=3)", "groups=3 does not divide o=4"),
           std::pair("conv2d(h=5,w=4,c=1,o=1,dilation=2)",
                     "no output is left along w: a window of s=3 with dilation=2 is larger than "
                     "w=4 with padding=0 on both sides"),
           std::pair("max_pool2d(h=5,w=5,c=1,r=2,s=3,padding=2)", "must be less than r=2"),
           std::pair("linear(m=1,k=2,n=3,type=u8i8,act=gelu)", "needs a floating type, not u8i8"),
           std::pair("rms_norm(rows=1,columns=3,eps=-1)", "must be a number, zero or more"),
           std::pair("rms_norm(rows=1,columns=3,eps=nan)", "must be a number, zero or more"),
       }) {
    absl::StatusOr<Function> function = BuildOperator(spec);
    ASSERT_FALSE(function.ok()) << spec;
    EXPECT_THAT(std::string(function.status().message()), HasSubstr(part)) << spec;
  }
}

// The reference of an operator bounds the error of the plain loops.
void ExpectWithinBound(const Function& function, const Program& naive) {
  std::vector<TensorValue> inputs = testing::SmallIntegerInputs(naive, 1);
  absl::StatusOr<std::vector<TensorValue>> outputs = Interpret(naive, inputs);
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  absl::StatusOr<Program> reference_program = BuildNaive(ReferenceOf(function));
  ASSERT_TRUE(reference_program.ok()) << reference_program.status();
  absl::StatusOr<std::vector<TensorValue>> reference = Interpret(*reference_program, inputs);
  ASSERT_TRUE(reference.ok()) << reference.status();
  auto expected = reference->begin();
  for (const TensorValue& output : *outputs) {
    const TensorValue& value = *expected++;
    const TensorValue* error = IsFloat(output.type) ? &*expected++ : nullptr;
    ASSERT_EQ(value.shape, output.shape);
    for (int64_t i = 0; i < output.NumElements(); ++i) {
      double allowed = error ? UnitRoundoff(output.type) * error->Get(i) : 0;
      ASSERT_TRUE(std::isfinite(allowed)) << i;
      ASSERT_LE(std::abs(output.Get(i) - value.Get(i)), allowed) << i;
    }
  }
  EXPECT_TRUE(expected == reference->end());
}

TEST(Operators, EveryOneWithEveryType) {
  for (const std::string& spec : testing::OperatorCases()) {
    SCOPED_TRACE(spec);
    absl::StatusOr<Function> function = BuildOperator(spec);
    ASSERT_TRUE(function.ok()) << function.status().message();
    EXPECT_EQ(CheckFunction(*function), absl::OkStatus());
    absl::StatusOr<Function> again = ParseFunction(ToText(*function), "op");
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(ToText(*again), ToText(*function));
    EXPECT_EQ(CanonicalKey(*again).text, CanonicalKey(*function).text);
    absl::StatusOr<Program> naive = BuildNaive(*function);
    ASSERT_TRUE(naive.ok()) << naive.status();
    EXPECT_EQ(Verify(*naive), absl::OkStatus());
    ExpectWithinBound(*function, *naive);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lathe
