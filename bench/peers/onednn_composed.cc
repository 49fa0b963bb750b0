// Operators that oneDNN's users compose of its primitives: attention, triangle
// multiplication.
#include <cmath>
#include <vector>

#include "bench/peers/onednn.h"

namespace lathe::peers {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

std::function<void()> Product(const memory& a, const memory& b, const memory& c, float scale) {
  dnnl::primitive_attr attributes;
  attributes.set_output_scales(0, {scale});
  const dnnl::matmul::primitive_desc chosen({a.get_desc(), b.get_desc(), c.get_desc()}, attributes,
                                            Engine());
  return Execute(dnnl::matmul(chosen),
                 {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
}

// Two products and a softmax, head by head, so that one head's scores stay in the cache.
std::vector<Variant> Attention(const Problem& problem) {
  const std::vector<int64_t> shape = Shape(*problem.outputs()[0]);
  const int64_t heads = shape[0], seq = shape[1], dim = shape[2];
  const float *q = Floats(*problem.inputs()[0]), *k = Floats(*problem.inputs()[1]),
              *v = Floats(*problem.inputs()[2]);
  float* y = MutableFloats(*problem.outputs()[0]);
  return {{"", [=] {
             const memory::dims scores{1, seq, seq}, rows{1, seq, dim};
             const memory s(Dense(scores, Tag::abc), Engine());
             std::vector<std::function<void()>> steps;
             for (int64_t h = 0; h < heads; ++h) {
               const int64_t at = h * seq * dim;
               steps.push_back(Product(Wrap(Dense(rows, Tag::abc), q + at),
                                       Wrap(Dense({1, dim, seq}, Tag::acb), k + at), s,
                                       1 / std::sqrt(static_cast<float>(dim))));
               steps.push_back(SoftmaxOfRows(s, s, 2));
               steps.push_back(Product(s, Wrap(Dense(rows, Tag::abc), v + at),
                                       Wrap(Dense(rows, Tag::abc), y + at), 1));
             }
             return InOrder(steps);
           }}};
}

// y[i, j, c] = sum(k) a[i, k, c] * b[j, k, c]: channels to the front, a batch of
// products, channels back. (Incoming: a[k, i, c] * b[k, j, c].)
std::vector<Variant> Triangle(const Problem& problem) {
  const std::vector<int64_t> shape = Shape(*problem.outputs()[0]);
  const int64_t n = shape[0], channels = shape[2];
  const float *a = Floats(*problem.inputs()[0]), *b = Floats(*problem.inputs()[1]);
  const float* y = Floats(*problem.outputs()[0]);
  const bool incoming = problem.Word("edges") == "incoming";
  return {{"", [=] {
             const memory::dims logical{channels, n, n};
             // Logical [c, row, column] of memory [row, column, c], and of [column, row, c].
             const memory::desc last({channels, n, n}, memory::data_type::f32,
                                     memory::dims{1, n * channels, channels});
             const memory::desc swapped({channels, n, n}, memory::data_type::f32,
                                        memory::dims{1, channels, n * channels});
             const memory front_a(Dense(logical, Tag::abc), Engine());
             const memory front_b(Dense(logical, Tag::abc), Engine());
             const memory front_y(Dense(logical, Tag::abc), Engine());
             const std::vector<std::function<void()>> steps{
                 Reorder(Wrap(incoming ? swapped : last, a), front_a),
                 Reorder(Wrap(incoming ? last : swapped, b), front_b),
                 Product(front_a, front_b, front_y, 1),
                 Reorder(front_y, Wrap(last, y)),
             };
             return InOrder(steps);
           }}};
}

}  // namespace

std::vector<Variant> ComposedVariants(const Problem& problem) {
  if (!problem.All("f32")) return {};
  if (problem.Is("attention")) return Attention(problem);
  if (problem.Is("triangle_multiplication")) return Triangle(problem);
  return {};
}

}  // namespace lathe::peers
