#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "compiler/loop/program.h"
#include "compiler/loop/verify.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr char kScheduled[] = R"(program linear_relu {
  in x: f32[1, 3072]
  const w: f32[3072, 200]
  in b: f32[200]
  out y: f32[1, 200]
  workspace t: f32[1, 200]
  stage t[i: 1, j: 200] sum(k: 3072)
  stage y[i: 1, j: 200]
  for t.i in 1 {
    for j.o in 13 parallel tail=partition {
      for t.k in 3072 {
        for j.i in 16 vectorize {
          t(i = t.i, j = j.o * 16 + j.i, k = t.k): t[t.i, j.o * 16 + j.i] sum= x[t.i, t.k] * w[t.k, j.o * 16 + j.i] if j.o * 16 + j.i < 200
        }
      }
      for y.j in 16 {
        y(i = t.i, j = j.o * 16 + y.j): y[t.i, j.o * 16 + y.j] = max(t[t.i, j.o * 16 + y.j] + b[j.o * 16 + y.j], 0) if j.o * 16 + y.j < 200
      }
    }
  }
}
)";

constexpr char kLowered[] = R"(lowered program small {
  in x: f32[32]
  out y: f32[16]
  table g: f32[2] = [0.5, -1]
  register acc: f32[16]
  stage t[j: 16] sum(k: 2)
  stage y[j: 16]
  for p in 2 parallel {
    allocate acc {
      t: acc[ramp(0, 1, 8)] init= broadcast(0, 8)
      for k in 2 {
        t: acc[ramp(0, 1, 8)] update= acc[ramp(0, 1, 8)] + (x[ramp(k * 16 + p * 8, 1, 8)] if ramp(k * 16 + p * 8, 1, 8) < broadcast(30, 8) else broadcast(0, 8)) * broadcast(g[k], 8)
      }
      if p < 1 {
        y: y[ramp(p * 8, 1, 8)] = acc[ramp(0, 1, 8)] if ramp(i64(0), 1, 8) < broadcast(5, 8)
      }
    }
  }
}
)";

// Every mark, region, domain and statement that the forms above lack.
constexpr char kMarks[] = R"(program marks {
  in x: f32[40]
  out y: f32[4]
  packed w: f32[40]
  workspace t: f32[4, 3]
  workspace p: f32[40]
  stage p[i: 40]
  stage t[i: 4, ko: 3] sum(ki: 16) where ko * 16 + ki < 40
  for a in 4 tail=partition peel=first peel=last outline prefetch=x:8 prefetch=y:1 {
    for b in 10 unroll tensorize=transpose_16x16_f32 {
      p(i = a * 10 + b) within [a * 10: 10]: p[a * 10 + b] = x[a * 10 + b]
    }
  }
}
)";

constexpr char kMachine[] = R"(lowered program machine {
  in x: f32[256]
  const w: f32[40]
  out y: f32[256]
  packed v: f32[40]
  stage v[i: 40]
  stage s[i: 1]
  prepare {
    for i in 40 {
      v: v[i] = w[i]
    }
  }
  prefetch x[64]
  intrinsic transpose_16x16_f32(y[0] by (16, 1), x[0] by (1, -16))
  s: y[0] = sum_lanes(x[ramp(0, 1, 16)]) + v[0]
}
)";

constexpr char kTensorized[] = R"(lowered program tensorized {
  in x: f32[512]
  out y: f32[512]
  stage y[i: 32, j: 16]
  for i in 2 {
    intrinsic transpose_16x16_f32(y[i * 256] by (16, 1), x[i * 256] by (16, 1))
  }
}
)";

constexpr char kCalled[] = R"(lowered program called {
  in a: f32[24]
  in b: f32[30]
  out c: f32[20]
  stage c[i: 4, j: 5] sum(k: 6)
  for i in 20 {
    c: c[i] init= 0
  }
  intrinsic cblas_sgemm_4x5x6(c[0] by (5, 1), a[0] by (6, 1), b[0] by (1, 6))
}
)";

constexpr char kPrepared[] = R"(lowered program prepared {
  in x: f32[40]
  const w: f32[40]
  out y: f32[40]
  packed v: f32[40]
  stack t: f32[1]
  stage t[i: 40]
  stage v[i: 40]
  stage y[i: 40]
  prepare {
    for i in 40 {
      allocate t {
        t: t[0] = w[i] * 2
        v: v[i] = t[0]
      }
    }
  }
  for j in 40 {
    y: y[j] = x[j] + v[j]
  }
}
)";

// A consumer in the last iteration of the loop that its producer reduces over.
constexpr char kLast[] = R"(program last {
  in x: f32[3, 4]
  out y: f32[4]
  workspace t: f32[4]
  stage t[i: 4] sum(k: 3)
  stage y[i: 4]
  for k in 3 {
    for i in 4 {
      t(i = i, k = k): t[i] sum= x[k, i]
    }
    for j in 4 {
      y(i = j): y[j] = t[j] if 1 < k
    }
  }
}
)";

// Stage y replaces the values of t, which s has read.
constexpr char kShared[] = R"(program shared {
  in x: f32[4, 4]
  out s: f32[4, 4]
  out y: f32[4, 4]
  stage t[i: 4, j: 4]
  stage s[i: 4, j: 4]
  stage y[i: 4, j: 4]
  for a in 4 {
    for b in 4 {
      t(i = a, j = b): y[a, b] = x[a, b] * 2
    }
  }
  for c in 4 {
    for d in 4 {
      s(i = c, j = d): s[c, d] = y[c, d] + 1
      y(i = c, j = d): y[c, d] = y[c, d] + 3
    }
  }
}
)";

constexpr char kTwoNests[] = R"(program two {
  out y: f32[4]
  out z: f32[4]
  stage y[i: 4]
  stage z[i: 4]
  for a in 4 {
    y(i = a): y[a] = 1
  }
  for b in 4 {
    z(i = 0): z[0] = 1
  }
}
)";

std::string Verdict(const std::string& text) {
  auto program = ParseProgram(text, "test");
  if (!program.ok()) return std::string(program.status().message());
  return std::string(Verify(*program).message());
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(ProgramText, PrintsWhatItParses) {
  for (const char* text : {kScheduled, kLowered}) {
    auto program = ParseProgram(text, "test");
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(ToText(*program), text);
    EXPECT_EQ(Verdict(text), "");
  }
}

TEST(ProgramText, PrintsEveryMarkAndStatement) {
  for (const char* text : {kMarks, kMachine}) {
    auto program = ParseProgram(text, "test");
    ASSERT_TRUE(program.ok()) << program.status();
    EXPECT_EQ(ToText(*program), text);
  }
}

TEST(ProgramText, HashIsThatOfTheText) {
  auto program = ParseProgram(kLowered, "test");
  ASSERT_TRUE(program.ok()) << program.status();
  auto other = ParseProgram(Replaced(kLowered, "30, 8", "31, 8"), "test");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(ProgramHash(*program).size(), 64u);
  EXPECT_NE(ProgramHash(*program), ProgramHash(*other));
}

TEST(ProgramText, HashIgnoresTheNameAndConst) {
  const std::string text =
      "lowered program f {\n  in x: f32[4]\n  out y: f32[4]\n  stage y[i: 4]\n"
      "  for i in 4 {\n    y: y[i] = x[i]\n  }\n}\n";
  auto hash = [](const std::string& program_text) {
    auto program = ParseProgram(program_text, "test");
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? ProgramHash(*program) : "";
  };
  EXPECT_EQ(hash(text), hash(Replaced(text, "program f", "program g")));
  EXPECT_EQ(hash(text), hash(Replaced(text, "in x", "const x")));
  EXPECT_NE(hash(text), hash(Replaced(text, "y[i] = x[i]", "y[i] = x[3 - i]")));
}

TEST(ProgramText, ErrorsPointAtTheFault) {
  struct Row {
    const char *from, *to, *message;
  };
  const Row rows[] = {
      {"program linear", "function linear", "test:1:1"},
      {"f32[1, 3072]", "f32[0, 3072]", "an extent must be positive"},
      {"in x", "inn x", "'inn' declares nothing"},
      {"sum(k", "total(k", "is no reduction"},
      {"for t.i in 1", "for t.i of 1", "expected 'in'"},
      {"vectorize {", "vectorise {", "there is no mark 'vectorise'"},
      {"tail=partition", "tail=cut", "there is no tail 'cut'"},
      {"x[t.i, t.k]", "x[t.k]", "x has 2 dimensions, not 1"},
      {"x[t.i, t.k]", "z[t.i, t.k]", "there is no buffer 'z'"},
      {"x[t.i, t.k]", "x[t.m, t.k]", "no loop around here is named 't.m'"},
      {"sum= ", "max= ", "a store of stage t is written ="},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(Verdict(Replaced(kScheduled, row.from, row.to)), HasSubstr(row.message));
  }
}

TEST(Verify, AcceptsAPrepare) { EXPECT_EQ(Verdict(kPrepared), ""); }
TEST(Verify, AcceptsValuesThatAreReplaced) { EXPECT_EQ(Verdict(kShared), ""); }
TEST(Verify, AcceptsALibraryCall) { EXPECT_EQ(Verdict(kCalled), ""); }
TEST(Verify, AcceptsAnIntrinsic) { EXPECT_EQ(Verdict(kTensorized), ""); }
TEST(Verify, AcceptsAConsumerInTheLastIteration) { EXPECT_EQ(Verdict(kLast), ""); }

TEST(Verify, AcceptsAccessesThatAreNeverMade) {
  // Where p < 1, the guard 0 < p never holds, and x[p - 1] is not read.
  EXPECT_EQ(Verdict(Replaced(kLowered, "= acc[ramp(0, 1, 8)] if",
                             "= acc[ramp(0, 1, 8)] + broadcast((x[p - 1] if 0 < p else 0), 8) if")),
            "");
  // Nor is there an element with 2*p + q both below 1 and above 0.
  EXPECT_EQ(Verdict("lowered program p {\n  in x: f32[4]\n  out y: f32[4]\n  stage y[i: 4]\n"
                    "  for p in 2 {\n    for q in 2 {\n"
                    "      y: y[p * 2 + q] = (x[p * 2 + q + 9] if p * 2 + q < 1 and 0 < p * 2 + q "
                    "else 0)\n    }\n  }\n}\n"),
            "");
}

// One broken program for each rule.
TEST(Verify, RefusesWhatBreaksARule) {
  struct Row {
    const char *text, *from, *to, *message;
  };
  const Row rows[] = {
      {kTwoNests, "for b in", "for a in", "rule names: two loops"},
      {kScheduled, "const w", "table w", "="},
      {kScheduled, "const w: f32[3072, 200]\n", "const w: f32[3072, 200]\n  out z: f32[1]\n",
       "rule buffers: buffer b"},
      {kScheduled, "): t[t.i", "): x[t.i", "rule read-only"},
      {kScheduled, "sum= x", "update= x", "rule roles"},
      {kScheduled, "i = t.i, j = j.o * 16 + y.j", "j = j.o * 16 + y.j, i = t.i",
       "rule bindings: stage y"},
      {kScheduled, "(i = t.i, j = j.o * 16 + y.j): y[t.i, j.o * 16 + y.j]",
       "(i = t.i, j = j.o * 16 + y.j): y[t.i, j.o * 16 + y.j + 0 * t.i + 1]",
       "rule bindings: stage y: index 1"},
      {kScheduled, " if j.o * 16 + y.j < 200", "", "rule in-bounds"},
      {kScheduled, "for j.o in 13", "for j.o in 12", "rule coverage: stage t"},
      {kScheduled, "if j.o * 16 + j.i < 200", "if j.o * 16 + j.i < 199",
       "rule coverage: stage t: predicate"},
      {kScheduled, "for y.j in 16", "for y.j in 15", "rule coverage: stage y"},
      {kScheduled, "for t.i in 1", "for t.i in 2", "rule coverage: stage t: axis i"},
      {kScheduled, "for t.k in 3072 {", "for t.k in 3072 parallel {", "rule parallel: loop t.k"},
      {kScheduled, "for t.k in 3072 {", "for t.k in 3072 vectorize {", "rule vectorize: loop t.k"},
      {kScheduled, "for t.i in 1 {", "for t.i in 1 unroll {",
       "rule parallel: loop j.o stands inside loop t.i"},
      {kScheduled, "max(t[t.i, j.o * 16 + y.j]", "max(t[t.i, y.j]", "rule order: stage y"},
      {kScheduled, "max(t[", "max(y[", "rule order: stage y reads y"},
      {kShared, "= y[c, d] + 3", "= s[c, d] + 3",
       "rule one-store: several stages write y, and the later, y, does not read"},
      {kShared, "= y[c, d] + 3", "= y[d, c] + 3", "does not read what it replaces right there"},
      {kShared, "= y[c, d] + 1", "= y[d, c] + 1",
       "rule order: stage s reads element [d, c] of y when stage y may have replaced it"},
      {kShared, "y(i = c, j = d): y", "y(i = c, j = d) within [0: 4, 0: 4]: y",
       "and the later, y, is computed at a loop"},
      {kShared, "stage y[i: 4, j: 4]", "stage y[i: 4, j: 4]\n  stage z[i: 4, j: 4]",
       "rule one-store: stage z"},
      {kLast, "for j in 4", "for j in 4 vectorize prefetch=t:1",
       "rule prefetch: loop j prefetches t in lanes"},
      {kLast, "if 1 < k", "if k < 1",
       "rule order: stage y reads t of stage t, which loop k around"},
      {kLast, "if 1 < k", "if 0 < k", "rule coverage: stage y: the axes do not determine loop k"},
      {kLast, "for j in 4", "for j in 4 vectorize peel=last", "rule peel: loop j is vectorize"},
      {kScheduled, "out y: f32[1, 200]\n", "out y: f32[1, 200]\n  out z: f32[1, 200]\n",
       "rule outputs: output z"},
      {kScheduled, "stage y[", "stage z[i: 1]\n  stage y[", "rule one-store: stage z"},
      {kLowered, "for k in 2 {", "for k in 2 unroll {", "rule form: loop k"},
      {kLowered, "  register acc", "  stack s: f32[4]\n  register acc",
       "rule allocation: buffer s"},
      {kLowered, "allocate acc {", "allocate y {", "rule allocation: y"},
      {kLowered, "acc[ramp(0, 1, 8)] init=", "acc[ramp(p, 1, 8)] init=", "rule registers"},
      {kLowered, "for k in 2 {", "for k in 2 outline {",
       "rule outline: register buffer acc comes from outside of outlined loop k"},
      {kLowered, "for p in 2 parallel {", "for p in 2 parallel outline {", "rule form: loop p"},
      {kScheduled, "for t.i in 1 {", "for t.i in 1 outline {",
       "rule outline: loop t.i is outlined, but loop j.o is parallel"},
      {kScheduled, "for j.i in 16 vectorize {", "for j.i in 16 vectorize outline {",
       "rule outline: loop j.i is outlined, but loop j.i is vectorize"},
      {kLowered, "init= broadcast(0, 8)", "init= broadcast(0, 4)", "rule lanes"},
      {kLowered, "for k in 2 {", "for k in 2 parallel {", "rule parallel: loop k stands inside"},
      {kLowered, "if p < 1 {\n        y: y[ramp(p * 8, 1, 8)]",
       "if true {\n        y: y[ramp(0, 1, 8)]", "rule parallel: stage y"},
      {kLowered, "out y: f32[16]", "out y: f32[16]\n  out z: f32[1]", "rule outputs: output z"},
      {kLowered, "acc[ramp(0, 1, 8)] init=", "acc[ramp(9, 1, 8)] init=", "rule in-bounds"},
      {kTensorized, "x[i * 256]", "x[i * 257]", "rule in-bounds: stage transpose_16x16_f32"},
      {kTensorized, "y[i * 256] by (16, 1)", "y[i * 256] by (17, 1)", "rule in-bounds"},
      {kTensorized, "f32(y[i", "f32(x[i", "rule read-only: intrinsic transpose_16x16_f32 writes x"},
      {kTensorized, "transpose_16x16_f32", "transpose",
       "rule types: intrinsic transpose: there is"},
      {kTensorized, "by (16, 1))", "by (1, 16))", "operand x has wrong strides"},
      {kTensorized, ", x[i * 256] by (16, 1)", "", "it has 2 operands, not 1"},
      {kTensorized, "out y: f32[512]", "out y: f32[512]\n  out z: f32[1]",
       "rule outputs: output z"},
      {kCalled, "4x5x6", "4x5x7", "its operands have wrong strides"},
      {kCalled, "4x5x6", "4x5", "rule types: intrinsic cblas_sgemm_4x5: there is none"},
      {kCalled, "(1, 6)", "(1, 7)", "rule in-bounds"},
      {kCalled, "(c[0]", "(a[0]", "two operands lie in buffer a"},
      {kCalled, ", b[0] by (1, 6)", "", "it has 3 operands, not 2"},
      {kPrepared, "v: v[i] = t[0]", "v: t[0] = t[0]", "rule prepare: packed argument v is not"},
      {kPrepared, "v: v[i] = t[0]", "v: y[i] = t[0]", "rule prepare: stage v writes output y"},
      {kPrepared, "= w[i] * 2", "= x[i] * 2", "rule prepare: stage t reads x ahead of the calls"},
      {kPrepared, "y: y[j] =", "y: v[j] =", "rule prepare: stage y writes packed v in the body"},
      {kPrepared, "v: v[i] = t[0]", "v: v[i + 1] = t[0]", "rule in-bounds"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(Verdict(Replaced(row.text, row.from, row.to)), HasSubstr(row.message))
        << row.from << " -> " << row.to;
  }
}

// What split, fuse and reorder make of a loop, as bindings of one axis or two.
TEST(Verify, AcceptsSplitAndFusedLoops) {
  auto verdict = [](const std::string& loops, const std::string& i, const std::string& j,
                    const std::string& predicate) {
    std::string text = "program p {\n  out y: f32[31, 20]\n  stage y[i: 31, j: 20]\n";
    text += loops + " y(i = " + i + ", j = " + j + "): y[" + i + ", " + j + "] = 1" + predicate;
    for (char c : loops) {
      if (c == '{') text += "\n}";
    }
    return Verdict(text + "\n}\n");
  };
  EXPECT_EQ(
      verdict("for a in 3 { for b in 12 { for j in 20 {", "a*12 + b", "j", " if a*12 + b < 31"),
      "");
  EXPECT_EQ(verdict("for a in 3 { for c in 3 { for d in 5 { for j in 20 {", "a*12 + c*5 + d", "j",
                    " if c*5 + d < 12 and a*12 + c*5 + d < 31"),
            "");
  EXPECT_EQ(verdict("for f in 620 {", "f // 20", "f % 20", ""), "");
  EXPECT_EQ(verdict("for o in 39 { for q in 16 {", "(o*16 + q) // 20", "(o*16 + q) % 20",
                    " if o*16 + q < 620"),
            "");
  EXPECT_THAT(verdict("for f in 620 {", "f // 20", "f // 20 % 20", ""), HasSubstr("coverage"));
  EXPECT_THAT(verdict("for f in 620 { for q in 2 {", "f // 20", "f % 20", ""),
              HasSubstr("do not determine loop q"));
}

}  // namespace
}  // namespace lathe
