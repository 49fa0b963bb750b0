// Every rule of the steps that move, make and place stages, by a trace that breaks it.

#include <string>

#include "compiler/schedule/trace.h"
#include "tests/compiler/schedule/rejection.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

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
// A reduction whose loops another stage shares.
constexpr char kNested[] =
    "lathe 1\n"
    "func nested(x: f32[4, 6, 8]) -> (s) {\n"
    "  t[i, k, l] = x[i, k, l] * 2\n"
    "  s[i] = sum(k, l) t[i, k, l]\n"
    "}\n";
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

TEST(Rejection, ComputeAt) {
  for (const Case& c : std::initializer_list<Case>{
           {kStages, "compute_at(s, u.i)\ncompute_at(p, u.j)",
            "cannot compute stage p at loop u.j: stage s reads it outside of the loop"},
           {kStages, "compute_at(u, v.j)", "its buffer u is an output, and rule coverage: stage u"},
           {kStages, "compute_at(v, u.i)", "nothing reads it"},
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

// Blocks of y need more of p than what they replace.
constexpr char kOverlapping[] =
    "lathe 1\n"
    "func overlapping(x: f32[12]) -> (y) {\n"
    "  p[i] = x[i] * 2\n"
    "  s[i: 12] = p[i] + (p[i + 1] else 0)\n"
    "  y[i: 12] = p[i] + s[i]\n"
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
           {kOverlapping,
            "o, i = split(y.i, 4)\ncompute_at(s, o)\ncompute_at(p, o)\nstore_in(p, y)",
            "rule coverage: stage p"},
       }) {
    ExpectRefused(c);
  }
}

}  // namespace
}  // namespace lathe
