// Every rule of the steps that rewrite and mark loops, by a trace that breaks it.

#include "tests/compiler/schedule/rejection.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr char kLong[] =
    "lathe 1\n"
    "func long(x: f32[1, 4000]) -> (y) {\n"
    "  y[i, j] = x[i, j]\n"
    "}\n";
constexpr char kTransposed[] =
    "lathe 1\n"
    "func transposed(x: f32[16, 16], b: f32[16, 32]) -> (y, z, v, w) {\n"
    "  y[i, j] = x[j, i]\n"
    "  z[i, j] = x[i, j]\n"
    "  v[i: 16, j: 16] = x[j, i] * 2\n"
    "  w[i: 16, j: 16] = b[j, 2*i]\n"
    "}\n";
constexpr char kProducts[] =
    "lathe 1\n"
    "func products(x: f32[8, 6], y: f32[6, 9], z: f64[6, 9], s: f32[1, 6]) -> (c, d, e, f, g, h) "
    "{\n"
    "  c[i, j] = sum(k) x[i, k] * y[k, j]\n"
    "  d[i, j] = sum(k) x[i, k] + y[k, j]\n"
    "  e[i, j] = sum(k) z[k, i] * z[k, j]\n"
    "  f[i, j] = max(k) x[i, k] * y[k, j]\n"
    "  g[i, j] = sum(k) s[i, k] * y[k, j]\n"
    "  h[i: 2, j] = sum(k: 3) x[i, 2*k] * y[k, j]\n"
    "}\n";

TEST(Rejection, Steps) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "frobnicate(C.i)",
            "step 1 (line 2): frobnicate(C.i): there is no primitive frobnicate; the primitives "
            "are cache_write, compute_at, "},
           {kMatmul, "vectorise(C.i)", "(did you mean vectorize?)"},
           {kMatmul, "unroll@2(C.i)",
            "unroll@2(C.i): there is no version 2 of unroll; this program knows 1"},
           {kMatmul, "a, b = split(C.i)",
            "it takes 2 arguments, not 1; it is written OUTER, INNER = split(LOOP, FACTOR)"},
           {kMatmul, "a = split(C.i, 2)", "it makes 2 names, not 1"},
           {kMatmul, "a, b = split(2, 2)", "argument 1 is a name"},
           {kMatmul, "a, b = split(C.i, C.j)", "argument 2 is a number"},
           {kMatmul, "a = unroll(C.i)", "it makes 0 names, not 1; it is written unroll(LOOP)"},
           {kMatmul, "tail(C.i, peel)", "the tail peel is not mask or partition"},
           {kMatmul, "set_scope(C, heap)", "the scope heap is not workspace, stack or register"},
           {kMatmul, "reorder(C.i, 3)", "argument 2 is a name"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, Split) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "a, b = split(i, 2)",
            "cannot split loop i: there is no loop i (did you mean C.i?); the loops are C.i, C.j, "
            "C.k"},
           {kMatmul, "a, b = split(C.i, 0)",
            "step 1 (line 2): split(C.i, 0): cannot split loop C.i: the factor 0 is not in 1..1024 "
            "(the extent is 8)"},
           {kMatmul, "a, b = split(C.i, -3)", "the factor -3 is not in"},
           {kMatmul, "a, b = split(C.i, 1025)", "the factor 1025 is not in 1..1024"},
           {kLong, "a, b = split(y.j, 4001)", "the factor 4001 is not in 1..4000"},
           {kMatmul, "a, a = split(C.i, 2)", "the name a is taken by another loop"},
           {kMatmul, "C.i, b = split(C.i, 2)", "the name C.i is taken by another loop"},
           {kMatmul, "unroll(C.i)\na, b = split(C.i, 2)",
            "loop C.i is marked unroll; marks come after the rewrites of a loop"},
           {kMatmul, "tail(C.i, partition)\na, b = split(C.i, 2)", "loop C.i is marked tail"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, Fuse) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "f = fuse(C.j, C.i)",
            "cannot fuse loops C.j and C.i: loop C.i is not the whole body of loop C.j"},
           {kMatmul, "f = fuse(C.i, C.k)", "loop C.k is not the whole body of loop C.i"},
           {kMatmul, "f = fuse(C.i, C.i)", "loop C.i is not the whole body of loop C.i"},
           {kMatmul, "f = fuse(C.j, C.k)", "stage C reduces over one of them but not over both"},
           {kMatmul, "C.k = fuse(C.i, C.j)", "the name C.k is taken"},
           {kMatmul, "parallel(C.i)\nf = fuse(C.i, C.j)", "loop C.i is marked parallel"},
           {kMatmul, "unroll(C.j)\nf = fuse(C.i, C.j)", "loop C.j is marked unroll"},
           {kMatmul, "f = fuse(C.i, C.z)", "there is no loop C.z"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, Reorder) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "reorder(C.i)", "cannot reorder loops C.i: it takes at least two loops"},
           {kMatmul, "reorder()", "it takes at least two loops"},
           {kMatmul, "reorder(C.i, C.j, C.i)", "loop C.i is named twice"},
           {kMatmul, "reorder(C.i, C.x)", "there is no loop C.x"},
           {kMatmul, "unroll(C.k)\nreorder(C.k, C.i)", "loop C.k is marked unroll"},
           {kLinearRelu, "reorder(t.i, y.i)",
            "they are not in one perfect nest: the body of loop t.k is not a single loop"},
           {kLinearRelu, "reverse_compute_at(y, t.i)\nreorder(t.j, t.i)",
            "they are not in one perfect nest: the body of loop t.i is not a single loop"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, Tensorize) {
  for (const Case& c : std::initializer_list<Case>{
           {kTransposed, "tensorize(y.i, transpose)",
            "cannot tensorize loop y.i: there is no intrinsic transpose"},
           {kTransposed, "tensorize(y.k, transpose_16x16_f32)", "there is no loop y.k"},
           {kTransposed, "tensorize(y.j, transpose_16x16_f32)",
            "it does not head 2 perfectly nested loops around one store"},
           {kMatmul, "tensorize(C.i, transpose_16x16_f32)",
            "it does not head 2 perfectly nested loops around one store"},
           {kTransposed, "tensorize(y.i, transpose_8x8_f32)", "the extents of its loops"},
           {kTransposed, "tensorize(z.i, transpose_16x16_f32)", "or how they index, are not those"},
           {kTransposed, "tensorize(w.i, transpose_16x16_f32)", "or how they index, are not those"},
           {kTransposed, "tensorize(v.i, transpose_16x16_f32)",
            "it computes x[v.j, v.i] * 2, and transpose_16x16_f32 computes in[j, i]"},
           {kTransposed, "tensorize(y.i, transpose_16x16_f32)\ntensorize(y.i, transpose_16x16_f32)",
            "it is transpose_16x16_f32 already"},
           {kTransposed, "tensorize(y.i, transpose_16x16_f32)\na, b = split(y.i, 4)",
            "loop y.i is marked"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, LibraryCall) {
  for (const Case& c : std::initializer_list<Case>{
           {kProducts, "library_call(c.i, cblas_dgemm)",
            "cannot call a library in the place of loop c.i: there is no routine cblas_dgemm"},
           {kProducts, "library_call(c.k, cblas_sgemm)",
            "it does not head three perfectly nested loops around one store"},
           {kProducts, "library_call(d.i, cblas_sgemm)", "stage d is no sum of products"},
           {kProducts, "library_call(f.i, cblas_sgemm)", "stage f is no sum of products"},
           {kProducts, "library_call(e.i, cblas_sgemm)", "buffer e holds no elements of f32"},
           {kProducts, "library_call(g.i, cblas_sgemm)", "loop g.i has one iteration"},
           {kProducts, "library_call(h.i, cblas_sgemm)", "how it indexes is not that of cblas"},
           {kProducts, "a, b = split(c.i, 4)\nparallel(a)\nlibrary_call(b, cblas_sgemm)",
            "loop a around it is parallel"},
           {kProducts, "a, b = split(c.i, 4)\nlibrary_call(b, cblas_sgemm)\nparallel(a)",
            "loop b below it is a call of cblas_sgemm"},
           {kProducts, "library_call(c.i, cblas_sgemm)\na, b = split(c.i, 4)",
            "loop c.i is marked"},
           {kProducts, "tensorize(c.i, cblas_sgemm)", "cblas_sgemm is a routine: use library_call"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, Marks) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "parallel(C.k)", "cannot make loop C.k parallel: stage C reduces over it"},
           {kMatmul, "parallel(C.z)", "there is no loop C.z"},
           {kMatmul, "prefetch(C.z, A, 1)", "there is no loop C.z"},
           {kMatmul, "prefetch(C.i, D, 1)", "there is no buffer D"},
           {kMatmul, "prefetch(C.i, A, 0)", "the distance 0 is not in 1..1024"},
           {kMatmul, "prefetch(C.i, C, 1)", "no stage below the loop reads it"},
           {kMatmul, "prefetch(C.i, A, 1)\nprefetch(C.i, A, 2)", "the loop does so already"},
           {kMatmul, "W = cache_write(C, register)\nprefetch(W.i, C.acc, 1)", "it is in registers"},
           {kMatmul, "reorder(C.k, C.j)\nvectorize(C.j)\nprefetch(C.j, B, 1)",
            "loop C.j is vectorized"},
           {kMatmul, "reorder(C.k, C.j)\nprefetch(C.j, B, 1)\nvectorize(C.j)", "it prefetches"},
           {kMatmul, "reorder(C.k, C.i, C.j)\nunroll(C.j)\nprefetch(C.j, B, 1)\nvectorize(C.i)",
            "loop C.j below it prefetches"},
           {kMatmul, "outline(C.z)", "cannot outline loop C.z: there is no loop C.z"},
           {kMatmul, "unroll(C.k)\noutline(C.k)", "it is marked unroll already"},
           {kMatmul, "outline(C.k)\noutline(C.k)", "it is marked outline, and stays a serial loop"},
           {kMatmul, "outline(C.k)\nunroll(C.k)", "it is marked outline, and stays a serial loop"},
           {kMatmul, "parallel(C.j)\noutline(C.i)", "loop C.j below it is parallel"},
           {kMatmul, "outline(C.i)\nparallel(C.j)", "loop C.i around it is outlined"},
           {kMatmul, "outline(C.i)\na, b = split(C.i, 2)", "loop C.i is marked outline"},
           {kMatmul, "reorder(C.k, C.i, C.j)\nunroll(C.j)\nvectorize(C.i)\noutline(C.j)",
            "it is marked unroll already"},
           {kMatmul, "peel(C.z, first)", "cannot peel loop C.z: there is no loop C.z"},
           {kMatmul, "peel(C.i, middle)", "the end middle is not first or last"},
           {kMatmul, "parallel(C.i)\npeel(C.i, last)",
            "it is marked parallel, and only serial and unrolled loops peel"},
           {kMatmul, "peel(C.i, last)\nparallel(C.i)",
            "it is peeled, and only serial and unrolled loops peel"},
           {kMatmul, "reorder(C.k, C.j)\npeel(C.j, first)\nvectorize(C.j)", "it is peeled"},
           {kMatmul, "peel(C.i, first)\na, b = split(C.i, 2)",
            "loop C.i is marked peel; marks come after the rewrites of a loop"},
           {kMatmul, "parallel(C.i)\nparallel(C.i)", "it is marked parallel already"},
           {kMatmul, "parallel(C.i)\nparallel(C.j)", "loop C.i around it is marked parallel"},
           {kMatmul, "unroll(C.i)\nparallel(C.j)", "loop C.i around it is marked unroll"},
           {kMatmul, "parallel(C.j)\nparallel(C.i)", "loop C.j below it is parallel already"},
           {kMatmul, "vectorize(C.z)", "there is no loop C.z"},
           {kMatmul, "vectorize(C.j)", "loop C.k below it is not unrolled"},
           {kMatmul, "reorder(C.k, C.j)\nvectorize(C.j)\nvectorize(C.i)",
            "loop C.k below it is not unrolled"},
           {kMatmul, "reorder(C.k, C.i, C.j)\nunroll(C.j)\nvectorize(C.j)",
            "it is marked unroll already"},
           {kMatmul, "reorder(C.k, C.j)\ntail(C.j, partition)\nvectorize(C.j)",
            "its tail is partitioned; partition the loop around it"},
           {kLong, "vectorize(y.j)", "its extent 4000 is above 256 lanes; split it first"},
           {kLong, "unroll(y.j)", "cannot unroll loop y.j: its extent 4000 is above 256"},
           {kMatmul, "unroll(C.z)", "there is no loop C.z"},
           {kMatmul, "unroll(C.k)\nunroll(C.k)", "it is marked unroll already"},
           {kMatmul, "parallel(C.j)\nunroll(C.i)", "loop C.j below it is parallel"},
           {kMatmul, "tail(C.z, mask)", "cannot set the tail of loop C.z: there is no loop C.z"},
           {kMatmul, "reorder(C.k, C.j)\nvectorize(C.j)\ntail(C.j, partition)",
            "it is vectorized; partition the loop around it"},
       }) {
    ExpectRefused(c);
  }
}

// The step that broke a rule is named, not the one after which that was seen.
TEST(Rejection, NamesTheStepAtFault) {
  absl::StatusOr<Function> function = ParseFunction(
      "lathe 1\nfunc f(x: f32[6, 16]) -> (y) {\n"
      "  t[i] = sum(k) x[i, k]\n  y[i] = t[i] + 1\n}\n",
      "f.tfn");
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace = ParseTrace(
      "lathe-trace 1\nreorder(t.k, t.i)\nreverse_compute_at(y, t.i)\n"
      "a, b = split(t.k, 5)\nunroll(y.i)\n",
      "t.trace");
  ASSERT_TRUE(trace.ok()) << trace.status();
  absl::StatusOr<Program> program = Replay(*BuildNaive(*function), *trace);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("step 3 (line 4): split(t.k, 5)"));
}

TEST(Rejection, GrowthOfCodeAndExpressions) {
  std::string chain = "lathe 1\nfunc f(x: f32[4]) -> (y) {\n  s0[i] = x[i] * 2\n", inlines;
  for (int i = 1; i <= 24; ++i) {
    absl::StrAppend(&chain, "  s", i, "[i] = s", i - 1, "[i] * s", i - 1, "[i] + 1\n");
  }
  absl::StrAppend(&chain, "  y[i] = s24[i]\n}\n");
  for (int i = 0; i < 24; ++i) absl::StrAppend(&inlines, "inline(s", i, ")\n");
  absl::StatusOr<Function> function = ParseFunction(chain, "chain.tfn");
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Program> program =
      Replay(*BuildNaive(*function), *ParseTrace("lathe-trace 1\n" + inlines, "chain.trace"));
  EXPECT_THAT(std::string(program.status().message()), HasSubstr("would grow beyond 20000 nodes"));

  function = ParseFunction("lathe 1\nfunc f(x: f32[1048576]) -> (y) { y[i] = x[i] + 1 }\n", "f");
  ASSERT_TRUE(function.ok()) << function.status();
  std::string splits, peels, last = "y.i";
  for (int i = 0; i < 20; ++i) {
    absl::StrAppend(&splits, "a", i, ", b", i, " = split(", last, ", ", 524288 >> i, ")\n");
    absl::StrAppend(&peels, "peel(a", i, ", first)\n");
    last = absl::StrCat("b", i);
  }
  absl::StatusOr<Program> lowered =
      LowerWithTrace(*function, *ParseTrace("lathe-trace 1\n" + splits + peels, "f.trace"));
  EXPECT_EQ(lowered.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(lowered.status().message()), HasSubstr("would make more than 20000"));
}

}  // namespace
}  // namespace lathe
