// Keys, work, and the operator library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/tensor/function.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

Function Parse(const std::string& text) {
  absl::StatusOr<Function> function = ParseFunction("lathe 1\n" + text, "test.tfn");
  EXPECT_TRUE(function.ok()) << function.status().message();
  return *std::move(function);
}

std::string KeyOf(const std::string& text) { return CanonicalKey(Parse(text)).text; }

TEST(CanonicalKey, IsTheTextInAGivenForm) {
  FunctionKey key = CanonicalKey(Parse(
      "func g(B: const f32[8, 3], A: f32[2, 8]) -> (C) { C[i, j] = sum(k) B[k, j] * A[i, k] }"));
  EXPECT_EQ(key.text,
            "lathe 1\n"
            "func f(a0: const f32[8, 3], a1: f32[2, 8]) -> (s0) {\n"
            "  s0[i0: 2, i1: 3] = sum(r0: 8) a0[r0, i1] * a1[i0, r0]\n"
            "}\n");
  EXPECT_EQ(CanonicalKey(*ParseFunction(key.text, "key")).text, key.text);
  EXPECT_EQ(key.hash.size(), 64u);
}

TEST(CanonicalKey, NamesAndWritingDoNotCount) {
  std::string key = KeyOf(
      "func f(x: f32[9, 4], w: f32[4]) -> (y) {\n t[i: 4, j] = x[2*i + 1, j] * w[j]\n"
      " y[i] = (sum(j) t[i, j]) + (max(k) t[i, k]) }");
  EXPECT_EQ(key, KeyOf("func g(p: f32[9, 4], q: f32[4]) -> (r) {\n"
                       " u[a: 4, b] = q[b] * p[1 + a + a, b]\n"
                       " r[a: 4] = (max(c: 4) u[a, c]) + (sum(d) u[a, d]) }"));
  EXPECT_EQ(KeyOf("func f(x: f32[4]) -> (y) { y[i] = select(x[i] > 1, 1, x[i]) }"),
            KeyOf("func f(x: f32[4]) -> (y) { y[i] = select(1 < x[i], 1, x[i]) }"));
}

TEST(CanonicalKey, WhatChangesTheResultCounts) {
  std::string key = KeyOf("func f(x: f32[4], w: f32[4]) -> (y) { y[i] = max(x[i], w[i]) }");
  for (const char* other : {
           "func f(x: f32[4], w: f32[4]) -> (y) { y[i] = max(w[i], x[i]) }",  // NaN
           "func f(x: f32[4], w: const f32[4]) -> (y) { y[i] = max(x[i], w[i]) }",
           "func f(x: f32[5], w: f32[5]) -> (y) { y[i] = max(x[i], w[i]) }",
           "func f(x: f32[5], w: f32[5]) -> (y) { y[i: 4] = max(x[i], w[i]) }",
           "func f(x: f16[4], w: f16[4]) -> (y) { y[i] = max(x[i], w[i]) }",
           "func f(x: f32[4], w: f32[4]) -> (y) { y[i] = min(x[i], w[i]) }",
       }) {
    EXPECT_NE(KeyOf(other), key) << other;
  }
}

TEST(FamilyKey, AbstractsExtentsOnly) {
  EXPECT_EQ(FamilyKey(Matmul(512, 512, 512)), FamilyKey(Matmul(1, 2, 3)));
  EXPECT_NE(FamilyKey(Matmul(8, 8, 8)), FamilyKey(Matmul(8, 8, 8, true)));
  EXPECT_NE(FamilyKey(*BuildOperator("relu(rows=2,columns=3)")),
            FamilyKey(*BuildOperator("transpose(rows=2,columns=3)")));
}

TEST(CountWork, Matmul) {
  Work work = CountWork(Matmul(2, 3, 5));
  EXPECT_EQ(work.flops, 2 * 2 * 3 * 5);
  EXPECT_EQ(work.bytes, 4 * (2 * 5 + 5 * 3 + 2 * 3));
}

TEST(CountWork, SubscriptsAndCastsAreNoWork) {
  Work work = CountWork(
      Parse("func f(x: i8[8]) -> (y) { y[i: 4] = max(f32((x[2*i - 1] else 0)) + 1, 0) }"));
  EXPECT_EQ(work.flops, 8);
  EXPECT_EQ(work.bytes, 8 + 16);
}

TEST(Operators, AreOrderedAndObeyTheLanguage) {
  std::string last;
  for (const Operator& op : Operators()) {
    EXPECT_LT(last, std::string(op.name));
    last = op.name;
    std::string spec = std::string(op.name) + " ( ";
    for (const OperatorParameter& parameter : op.parameters) {
      if (!parameter.required) continue;
      spec += (spec.back() == ' ' ? "" : ", ") + std::string(parameter.name) + " = 7";
    }
    absl::StatusOr<Function> function = BuildOperator(spec + ")");
    ASSERT_TRUE(function.ok()) << function.status().message();
    absl::StatusOr<Function> again = ParseFunction(ToText(*function), "op");
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(CanonicalKey(*again).text, CanonicalKey(*function).text);
  }
}

TEST(Operators, MatmulWithEpilogue) {
  EXPECT_EQ(ToText(*BuildOperator("matmul(m=2,n=3,k=4,const_b=1,bias=1,relu=1)")),
            "lathe 1\n"
            "func matmul(A: f32[2, 4], B: const f32[4, 3], bias: f32[3]) -> (C) {\n"
            "  T[i, j] = sum(k) A[i, k] * B[k, j]\n"
            "  C[i, j] = max(T[i, j] + bias[j], 0)\n"
            "}\n");
}

TEST(Operators, ErrorsSayWhatExists) {
  for (auto [spec, part] : {
           std::pair("matmull(m=1)", "there is no operator 'matmull' (did you mean matmul?)"),
           std::pair("conv9(x=1)", "softmax(rows=..., columns=...)"),
           std::pair("matmul(m=1,n=2)", "operator matmul: k is missing; expected matmul(m=..., "),
           std::pair("matmul(m=1,n=2,k=0)", "k is 0, but must be positive"),
           std::pair("matmul(m=-4,n=2,k=1)", "m is -4, but must be positive"),
           std::pair("matmul(m=1,m=2)", "m is given twice"),
           std::pair("matmul(m=1,q=2)", "there is no parameter 'q'"),
           std::pair("matmul(m=99999999999999999999)", "is no 64-bit integer"),
           std::pair("matmul(m=1000000,n=2,k=2000000)", "A has more than 2^40 elements"),
           std::pair("matmul(m=1,n=2,k=3,relu=2)", "relu is 2, but must be 0 or 1"),
           std::pair("matmul(m)", "'m' is not NAME=VALUE"),
           std::pair("matmul(m=1", "a ')' is missing"),
           std::pair("", "there is no operator ''"),
       }) {
    absl::StatusOr<Function> function = BuildOperator(spec);
    ASSERT_FALSE(function.ok()) << spec;
    EXPECT_THAT(std::string(function.status().message()), testing::HasSubstr(part)) << spec;
  }
}

}  // namespace
}  // namespace lathe
