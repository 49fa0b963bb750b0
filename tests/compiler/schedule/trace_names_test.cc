// Traces survive a change of spelling: author's names to canonical names and back.
#include "compiler/schedule/trace_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/testing/functions.h"
#include "tests/testing/random_function.h"
#include "tests/testing/random_trace.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr char kTrace[] =
    "lathe-trace 1\n"
    "t.j.o, mine = split(t.j, 8)\n"
    "reorder(t.j.o, t.i, t.kk, mine)\n"
    "out = cache_write(t, register)\n"
    "reverse_compute_at(out, t.i)\n"
    "a, b = split(out.j, 4)\n"
    "vectorize(b)\n"
    "set_scope(t.acc, stack)\n";

TEST(TraceNamesTest, RenamesStagesAxesAndWhatIsMadeOfThem) {
  Function function = Parse(
      "func f(x: f32[6, 5], w: f32[5, 16]) -> (t) {\n"
      "  t[i, j] = sum(kk) x[i, kk] * w[kk, j]\n}\n");
  TraceNames names = *TraceNames::Of(function);
  Trace trace = *ParseTrace(kTrace, "test");
  Trace canonical = names.ToCanonical(trace);
  std::string text = ToText(canonical);
  EXPECT_THAT(text, HasSubstr("s0.i1.o, mine = split(s0.i1, 8)"));
  EXPECT_THAT(text, HasSubstr("reorder(s0.i1.o, s0.i0, s0.r0, mine)"));
  EXPECT_THAT(text, HasSubstr("out = cache_write(s0, register)"));
  EXPECT_THAT(text, HasSubstr("a, b = split(out.i1, 4)"));
  EXPECT_THAT(text, HasSubstr("set_scope(s0.acc, stack)"));
  EXPECT_EQ(names.ToAuthor(canonical), trace) << ToText(names.ToAuthor(canonical));
}

// What the author calls s1 may be the canonical name of another stage.
TEST(TraceNamesTest, NewStagesKeepClearOfCanonicalNames) {
  Function function = Parse(
      "func f(x: f32[6, 5], w: f32[5, 16], b: f32[16]) -> (y) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j] + b[j], 0)\n}\n");
  TraceNames names = *TraceNames::Of(function);
  Trace trace = *ParseTrace(
      "lathe-trace 1\ns1 = cache_write(t, stack)\na0 = pack(w, 1, 8)\n"
      "o, i = split(s1.j, 8)\nvectorize(a0.d1i)\n",
      "test");
  Trace canonical = names.ToCanonical(trace);
  EXPECT_EQ(ToText(canonical),
            "lathe-trace 1\ns1_ = cache_write(s0, stack)\na0_ = pack(a1, 1, 8)\n"
            "o, i = split(s1_.i1, 8)\nvectorize(a0_.d1i)\n");
  absl::StatusOr<Program> own = LowerWithTrace(function, trace);
  ASSERT_TRUE(own.ok()) << own.status();
  absl::StatusOr<Program> same = LowerWithTrace(function, names.ToAuthor(canonical));
  ASSERT_TRUE(same.ok()) << same.status();
}

TEST(TraceNamesTest, SpellingsOfOneFunctionShareTracesAndPrograms) {
  Function one = Parse(
      "func f(x: f32[6, 5], w: f32[5, 16], b: f32[16]) -> (y) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j] + b[j], 0)\n}\n");
  Function other = Parse(
      "func g(lhs: f32[6, 5], rhs: f32[5, 16], bias: f32[16]) -> (out) {\n"
      "  acc[row, col] = sum(kk) rhs[kk, col] * lhs[row, kk]\n"
      "  out[r, c] = max(bias[c] + acc[r, c], 0)\n}\n");
  ASSERT_EQ(CanonicalKey(one).text, CanonicalKey(other).text);
  Trace trace = *ParseTrace(
      "lathe-trace 1\nt.j.o, t.j.i = split(t.j, 8)\nset_scope(t, stack)\n"
      "reverse_compute_at(y, t.i)\nvectorize(t.j.i)\n",
      "test");
  // vectorize needs its loop innermost; take what is legal of the steps.
  trace.steps.pop_back();
  Trace canonical = TraceNames::Of(one)->ToCanonical(trace);
  Trace theirs = TraceNames::Of(other)->ToAuthor(canonical);
  EXPECT_THAT(ToText(theirs), HasSubstr("split(acc.col, 8)"));
  EXPECT_THAT(ToText(theirs), HasSubstr("reverse_compute_at(out, acc.row)"));
  EXPECT_TRUE(LowerWithTrace(other, theirs).ok()) << LowerWithTrace(other, theirs).status();
  absl::StatusOr<Program> a = LowerWithTrace(Canonicalize(one).function, canonical);
  absl::StatusOr<Program> b = LowerWithTrace(Canonicalize(other).function, canonical);
  ASSERT_TRUE(a.ok() && b.ok()) << a.status() << b.status();
  EXPECT_EQ(ProgramHash(*a), ProgramHash(*b));
}

TEST(TraceNamesTest, NestedReductions) {
  Function function = Parse(
      "func f(x: f32[6, 5], z: f32[6, 7]) -> (y) {\n"
      "  y[i, j] = x[i, j] / ((sum(q) z[i, q]) * (max(p) x[i, p]))\n}\n");
  TraceNames names = *TraceNames::Of(function);
  Program naive = *BuildNaive(function);
  Program canonical = *BuildNaive(Canonicalize(function).function);
  for (const StageInfo& stage : naive.stages) {
    SCOPED_TRACE(stage.name);
    Trace trace = *ParseTrace("lathe-trace 1\nunroll(" + stage.name + "." +
                                  (stage.reduction.empty() ? "j" : stage.reduction[0].name) + ")\n",
                              "test");
    ASSERT_TRUE(Replay(naive, trace).ok()) << Replay(naive, trace).status();
    absl::StatusOr<Program> replayed = Replay(canonical, names.ToCanonical(trace));
    EXPECT_TRUE(replayed.ok()) << replayed.status();
    EXPECT_EQ(names.ToAuthor(names.ToCanonical(trace)), trace);
  }
}

TEST(TraceNamesTest, CanonicalFunctionsAreTheirOwnCanon) {
  Function function = Parse(
      "func f(x: f32[6, 5], w: f32[5, 16]) -> (t) {\n"
      "  t[i, j] = sum(k) w[k, j] * x[i, k]\n}\n");
  Function canonical = Canonicalize(function).function;
  EXPECT_EQ(canonical.name, "f");
  EXPECT_EQ(CanonicalKey(canonical).text, CanonicalKey(function).text);
  EXPECT_EQ(ToText(Canonicalize(canonical).function), ToText(canonical));
  absl::StatusOr<Function> parsed = ParseFunction(ToText(canonical), "canonical");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(ToText(*parsed), ToText(canonical));
}

TEST(TraceNamesTest, RandomTracesReplayInCanonicalNames) {
  constexpr uint64_t kSeed = 20261122;
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 random(kSeed);
  int replayed = 0;
  for (int i = 0; i < 100; ++i) {
    Function function = testing::RandomFunction(random);
    SCOPED_TRACE(ToText(function));
    Program naive = *BuildNaive(function);
    Program canonical = *BuildNaive(Canonicalize(function).function);
    TraceNames names = *TraceNames::Of(function);
    Trace trace = testing::RandomTrace(naive, random);
    Trace translated = names.ToCanonical(trace);
    EXPECT_EQ(names.ToAuthor(translated), trace) << ToText(trace) << ToText(translated);
    // Operands in canonical order may put nested reductions in another order.
    bool same_order = true;
    for (size_t s = 0; s < naive.stages.size(); ++s) {
      same_order =
          same_order && naive.stages[s].reduction.size() == canonical.stages[s].reduction.size();
    }
    if (!same_order) continue;
    ++replayed;
    absl::StatusOr<Program> result = Replay(canonical, translated);
    EXPECT_TRUE(result.ok()) << result.status() << ToText(trace) << ToText(translated);
  }
  EXPECT_GT(replayed, 50);
}

}  // namespace
}  // namespace lathe
