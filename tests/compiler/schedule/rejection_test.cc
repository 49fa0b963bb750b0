// Every rule of every primitive, by a trace that breaks it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

constexpr char kMatmul[] =
    "lathe 1\n"
    "func matmul(A: f32[8, 6], B: f32[6, 20]) -> (C) {\n"
    "  C[i, j] = sum(k) A[i, k] * B[k, j]\n"
    "}\n";
constexpr char kLinearRelu[] =
    "lathe 1\n"
    "func linear_relu(x: f32[5, 7], w: f32[7, 20], b: f32[20]) -> (y) {\n"
    "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
    "  y[i, j] = max(t[i, j] + b[j], 0)\n"
    "}\n";
constexpr char kLong[] =
    "lathe 1\n"
    "func long(x: f32[1, 4000]) -> (y) {\n"
    "  y[i, j] = x[i, j]\n"
    "}\n";
// Consumers of t that reverse_compute_at cannot move, one way or another.
constexpr char kConsumers[] =
    "lathe 1\n"
    "func consumers(x: f32[6, 8]) -> (shifted, diagonal, first, longer, mixed, rest, sums, total) "
    "{\n"
    "  t[i, j] = x[i, j] + 1\n"
    "  other[i, j] = x[i, j] - 1\n"
    "  shifted[i: 5, j] = t[i + 1, j]\n"
    "  diagonal[i: 6] = t[i, i]\n"
    "  first[i: 6] = t[i, 0]\n"
    "  longer[i: 9, j] = (t[i, j] else 0)\n"
    "  mixed[i: 6, j: 6] = t[i, j] + t[j, i]\n"
    "  rest[i, j] = t[i, j] + other[i, j]\n"
    "  sums[j] = sum(i) t[i, j]\n"
    "  total[i, j] = sums[j] + t[i, j]\n"
    "}\n";
// Stages of const arguments, and what keeps others in the call.
constexpr char kWeights[] =
    "lathe 1\n"
    "func weights(x: f32[4, 6], w: const f32[6, 8], g: const f32[6]) -> (y, z) {\n"
    "  s[k, j] = w[k, j] * g[k]\n"
    "  P[j, k] = s[k, j]\n"
    "  q[i, k] = x[i, k] + g[k]\n"
    "  y[i, j] = sum(k) q[i, k] * P[j, k]\n"
    "  z[j] = sum(k) P[j, k] * s[k, j]\n"
    "}\n";

struct Case {
  const char* function;
  const char* steps;
  const char* error;
};

void ExpectRefused(const Case& c) {
  SCOPED_TRACE(c.steps);
  absl::StatusOr<Function> function = ParseFunction(c.function, "f.tfn");
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace = ParseTrace(std::string("lathe-trace 1\n") + c.steps, "t.trace");
  ASSERT_TRUE(trace.ok()) << trace.status();
  absl::StatusOr<Program> naive = BuildNaive(*function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  absl::StatusOr<Program> program = Replay(*naive, *trace);
  ASSERT_FALSE(program.ok()) << ToText(*program);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(program.status().message()), HasSubstr(c.error));
  // The last step is the one that breaks the rule.
  EXPECT_THAT(std::string(program.status().message()),
              HasSubstr("step " + std::to_string(trace->steps.size()) + " "));
}

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

TEST(Rejection, Prepare) {
  for (const Case& c : std::initializer_list<Case>{
           {kWeights, "prepare(p)",
            "prepare(p): cannot prepare stage p: there is no stage p (did you mean s?)"},
           {kWeights, "prepare(q)",
            "cannot prepare stage q: stage q reads x, which is neither const nor a table nor "
            "prepared itself"},
           {kWeights, "prepare(P)",
            "stage P reads s, which is neither const nor a table nor prepared itself"},
           {kWeights, "prepare(y)",
            "cannot prepare stage y: it computes an output, which belongs to the call"},
           {kWeights, "prepare(s)\nprepare(s)", "it is prepared already"},
           {kWeights, "a = prepare(s)", "it makes 0 names, not 1; it is written prepare(STAGE)"},
           // Loops that compute something for the calls too.
           {kWeights, "reverse_compute_at(P, s.j)\nprepare(P)",
            "the same loops compute stage s, which stage z reads in each call"},
           {kWeights, "prepare(s)\nset_scope(s, stack)", "it is an argument or a table"},
       }) {
    ExpectRefused(c);
  }
}

// A step after prepare may not bring work of the calls into the prepared loops.
TEST(Rejection, PreparedLoopsStayApart) {
  absl::StatusOr<Function> function = ParseFunction(kWeights, "f.tfn");
  ASSERT_TRUE(function.ok()) << function.status();
  absl::StatusOr<Trace> trace =
      ParseTrace("lathe-trace 1\nprepare(s)\nprepare(P)\nreverse_compute_at(z, P.j)\n", "t.trace");
  ASSERT_TRUE(trace.ok()) << trace.status();
  absl::Status refused = LowerWithTrace(*function, *trace).status();
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("step 3 (line 4): reverse_compute_at(z, P.j): rule packed: the same loops "
                        "compute stage z, which writes an output in each call"));
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

TEST(Rejection, ReverseComputeAt) {
  for (const Case& c : std::initializer_list<Case>{
           {kLinearRelu, "reverse_compute_at(z, t.i)",
            "cannot move stage z into loop t.i: there is no stage z"},
           {kLinearRelu, "reverse_compute_at(y, t.z)", "there is no loop t.z"},
           {kLinearRelu, "reverse_compute_at(t, y.i)", "the stage stands before the loop"},
           {kLinearRelu, "reverse_compute_at(y, y.i)", "the stage stands before the loop"},
           {kLinearRelu, "vectorize(y.j)\nreverse_compute_at(y, t.i)", "loop y.j is marked"},
           {kLinearRelu, "a, b = split(y.i, 2)\nreverse_compute_at(y, t.i)",
            "its axis i is not one loop; a stage moves before its own loops are rewritten"},
           {kLinearRelu, "reverse_compute_at(y, t.i)\nreverse_compute_at(y, t.i)",
            "its loops also contain stage t"},
           {kLinearRelu,
            "a, b = split(t.i, 2)\nreorder(t.k, a, t.j, b)\nvectorize(b)\nreverse_compute_at(y, b)",
            "loop b is vectorized"},
           {kLinearRelu, "a, b = split(t.i, 2)\nreorder(b, a)\nreverse_compute_at(y, b)",
            "an iteration writes elements that are not contiguous along loop a"},
           {kLinearRelu, "f = fuse(t.i, t.j)\na, b = split(f, 5)\nreverse_compute_at(y, a)",
            "divides a loop inside"},
           {kConsumers, "reverse_compute_at(shifted, t.i)",
            "it reads t[shifted.i + 1, shifted.j], not each dimension at another axis of its own"},
           {kConsumers, "reverse_compute_at(diagonal, t.i)", "not each dimension at another axis"},
           {kConsumers, "reverse_compute_at(first, t.i)", "not each dimension at another axis"},
           {kConsumers, "reverse_compute_at(longer, t.i)",
            "its axis i is longer than dimension 0 of t"},
           {kConsumers, "reverse_compute_at(mixed, t.i)",
            "its reads take different regions along axis j"},
           {kConsumers, "reverse_compute_at(rest, t.i)",
            "it reads stage other, which is not complete when the loop runs"},
           {kConsumers, "reverse_compute_at(sums, t.i)",
            "an iteration produces a part of its reduction axis i"},
           {kConsumers, "reverse_compute_at(total, t.i)",
            "it reads stage sums, which is not complete"},
           {kConsumers, "reverse_compute_at(first, other.i)",
            "the loop computes nothing that it reads"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, CacheWrite) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "n = cache_write(D, register)",
            "cannot cache the writes of stage D: there is no stage D (did you mean C?)"},
           {kMatmul, "C = cache_write(C, register)",
            "the name C is taken by another stage or buffer"},
           {kMatmul, "A = cache_write(C, register)", "the name A is taken"},
           {kMatmul, "or = cache_write(C, register)", "'or' cannot be a name"},
           {kMatmul, "n = cache_write(C, stack)\nm = cache_write(C, stack)",
            "the name C.acc is taken"},
           {kMatmul, "n.i, b = split(C.i, 2)\nn = cache_write(C, stack)",
            "the name n.i is taken by another loop"},
           {kMatmul, "n = cache_write(C, argument)", "the scope argument is not workspace"},
           {kLinearRelu, "reverse_compute_at(y, t.i)\nn = cache_write(t, register)",
            "its loops also contain stage y; cache_write comes before reverse_compute_at"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, SetScope) {
  for (const Case& c : std::initializer_list<Case>{
           {kLinearRelu, "set_scope(s, stack)",
            "cannot set the scope of buffer s: there is no such buffer"},
           {kLinearRelu, "set_scope(x, stack)", "it is an argument or a table"},
           {kLinearRelu, "set_scope(y, stack)", "it is an argument or a table"},
       }) {
    ExpectRefused(c);
  }
}

// A reduction whose loops another stage shares.
constexpr char kNested[] =
    "lathe 1\n"
    "func nested(x: f32[4, 6, 8]) -> (s) {\n"
    "  t[i, k, l] = x[i, k, l] * 2\n"
    "  s[i] = sum(k, l) t[i, k, l]\n"
    "}\n";

TEST(Rejection, RFactor) {
  for (const Case& c : std::initializer_list<Case>{
           {kMatmul, "N = rfactor(C, C.k)",
            "cannot factor the reduction of stage C at loop C.k: it is the only loop that "
            "reduces; split it first"},
           {kMatmul, "a, b = split(C.k, 2)\nN = rfactor(C, C.j)",
            "stage C does not reduce over the loop"},
           {kMatmul, "N = rfactor(D, C.k)", "there is no stage D"},
           {kMatmul, "N = rfactor(C, k)", "there is no loop k"},
           {kMatmul, "a, b = split(C.k, 2)\nunroll(b)\nN = rfactor(C, b)",
            "loop b is marked unroll"},
           {kMatmul, "a, b = split(C.k, 2)\nC = rfactor(C, b)",
            "the name C is taken by another stage or buffer"},
           {kMatmul, "a, c = split(C.k, 2)\nb, k = split(a, 2)\nN = rfactor(C, k)",
            "loop k would become an axis k, but stage C has one already"},
           {kNested, "reverse_compute_at(s, t.i)\nN = rfactor(s, t.i)",
            "stage s does not reduce over the loop"},
           {kMatmul, "a, b = split(C.k, 2)\nN = rfactor(C)",
            "it takes 2 arguments, not 1; it is written FINAL = rfactor(STAGE, LOOP)"},
       }) {
    ExpectRefused(c);
  }
}

// u reads t after and z before y replaces it; v is t elsewhere, w a reduction.
constexpr char kShared[] =
    "lathe 1\n"
    "func shared(x: f32[6, 6]) -> (z, y, u, v, w) {\n"
    "  t[i, j] = x[i, j] + 1\n"
    "  n[i] = x[i, 0]\n"
    "  z[i, j] = t[i, j] - n[i]\n"
    "  y[i, j] = t[i, j] * 2\n"
    "  u[i, j] = t[i, j] * 3\n"
    "  q[i, j] = x[i, j] * 4\n"
    "  v[i, j] = q[j, i]\n"
    "  p[i, j] = x[i, j] * 5\n"
    "  w[i, j] = sum(k: 2) p[i, j] * x[i, k]\n"
    "}\n";

TEST(Rejection, StoreIn) {
  for (const Case& c : std::initializer_list<Case>{
           {kLinearRelu, "store_in(z, y)",
            "cannot store the values of stage z in buffer y: there is no stage z"},
           {kLinearRelu, "store_in(t, z)", "there is no such buffer"},
           {kLinearRelu, "store_in(t, t)", "they live there already"},
           {kLinearRelu, "store_in(y, t)", "y is an argument"},
           {kLinearRelu, "store_in(t, x)", "it has another type or shape than t"},
           {kShared, "store_in(n, y)", "it has another type or shape than n"},
           {kShared, "store_in(t, x)", "no stage writes that buffer"},
           {kShared, "store_in(t, y)", "stage u reads them after stage y replaced them"},
           {kShared, "store_in(t, z)", "stage y reads them after stage z replaced them"},
           {kShared, "store_in(q, v)",
            "several stages write v, and the later, v, does not read what it replaces right there"},
           {kShared, "store_in(t, v)", "does not read what it replaces"},
           {kShared, "store_in(p, w)", "the later, w, is a reduction"},
           {kShared, "store_in(t, u)\nreverse_compute_at(z, t.i)",
            "buffer u holds the values of two stages; store_in comes after the primitives that"},
           {kShared, "store_in(t, u)\nm = cache_write(u, stack)",
            "buffer u holds the values of two stages"},
           {kShared, "store_in(t, u)\nstore_in(q, u)", "several stages write u already"},
       }) {
    ExpectRefused(c);
  }
}

constexpr char kTransposed[] =
    "lathe 1\n"
    "func transposed(x: f32[16, 16], b: f32[16, 32]) -> (y, z, v, w) {\n"
    "  y[i, j] = x[j, i]\n"
    "  z[i, j] = x[i, j]\n"
    "  v[i: 16, j: 16] = x[j, i] * 2\n"
    "  w[i: 16, j: 16] = b[j, 2*i]\n"
    "}\n";

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

constexpr char kStages[] =
    "lathe 1\n"
    "func stages(x: f32[8, 20]) -> (u, v) {\n"
    "  p[i, j] = x[i, j] * 2\n"
    "  s[i] = sum(j) p[i, j]\n"
    "  u[i, j] = p[i, j] + s[i]\n"
    "  v[i: 8, j: 20] = (u[i, j - 1] else 0) + (u[i, j + 1] else 0)\n"
    "}\n";
constexpr char kBorders[] =
    "lathe 1\n"
    "func borders(x: f32[8], z: f32[8]) -> (y) {\n"
    "  y[i: 8] = (x[i - 1] else 0) + (x[i + 1] else 1) + (z[i + 1] else x[i])\n"
    "}\n";

TEST(Rejection, ComputeAt) {
  for (const Case& c : std::initializer_list<Case>{
           {kStages, "compute_at(s, u.i)\ncompute_at(p, u.j)",
            "cannot compute stage p at loop u.j: stage s reads it outside of the loop"},
           {kStages, "compute_at(u, v.i)", "its buffer u is an output"},
           {kStages, "compute_at(v, u.i)", "its buffer v is an output"},
           {kStages, "a, b = split(s.i, 2)\ncompute_at(s, u.i)", "its axis i is not one loop"},
           {kStages, "compute_at(s, u.i)\ncompute_at(s, u.j)", "its loops also contain stage u"},
           {kStages, "vectorize(u.j)\ncompute_at(s, u.j)", "loop u.j is vectorized"},
           {kStages, "parallel(s.i)\ncompute_at(s, u.i)", "loop s.i is marked parallel"},
           {kStages, "compute_at(s, u.q)", "there is no loop u.q"},
           {kStages, "compute_at(q, u.i)", "there is no stage q"},
       }) {
    ExpectRefused(c);
  }
}

TEST(Rejection, Inline) {
  for (const Case& c : std::initializer_list<Case>{
           {kStages, "inline(s)", "cannot inline stage s: it reduces"},
           {kStages, "inline(u)", "its buffer u is an output"},
           {kStages, "a, b = split(p.i, 2)\ninline(p)", "its axis i is not one loop"},
           {kStages, "compute_at(s, u.i)\ninline(u)", "its loops also contain stage s"},
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

TEST(Rejection, PackAndPad) {
  for (const Case& c : std::initializer_list<Case>{
           {kStages, "P = pack(x, 2, 4)", "it has no dimension 2, only 0..1"},
           {kStages, "P = pack(x, 0, 0)", "the block 0 is not in 1..4096"},
           {kStages, "P = pack(x, 0, 2, 0, 4)", "dimension 0 comes twice"},
           {kStages, "P = pack(x, 0)", "it takes 1 arguments, not 2"},
           {kStages, "P = pack(v, 0, 2)", "nothing reads it"},
           {kStages, "P = pack(w, 0, 2)", "there is no buffer w"},
           {kStages, "p = pack(x, 0, 2)", "the name p is taken by another stage or buffer"},
           {kStages, "compute_at(s, u.i)\nP = pack(s, 0, 2)",
            "one nest computes and reads it, so there is no place between"},
           {kStages, "P = pad(x)", "cannot pad buffer x: no read of it has a guard"},
           {kBorders, "P = pad(x)", "stage y reads it with several values outside"},
           {kBorders, "P = pad(z)", "stage y reads it with no constant outside"},
       }) {
    ExpectRefused(c);
  }
}

}  // namespace
}  // namespace lathe
