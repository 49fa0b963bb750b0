// Keys and work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/tensor/function.h"
#include "compiler/tensor/operators.h"
#include "tests/testing/functions.h"

namespace lathe {
namespace {

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

}  // namespace
}  // namespace lathe
