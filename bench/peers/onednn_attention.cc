// attention as oneDNN's users write it: two products and a softmax, head by head
// or over all heads, with the score matrix in memory.
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

}  // namespace

std::vector<Variant> AttentionVariants(const Problem& problem) {
  if (!problem.Is("attention") || !problem.All("f32")) return {};
  const std::vector<int64_t> shape = Shape(*problem.outputs()[0]);
  const int64_t heads = shape[0], seq = shape[1], dim = shape[2];
  const float *q = Floats(*problem.inputs()[0]), *k = Floats(*problem.inputs()[1]),
              *v = Floats(*problem.inputs()[2]);
  float* y = MutableFloats(*problem.outputs()[0]);
  return {{"", [=] {
             const memory::dims scores{1, seq, seq}, rows{1, seq, dim};
             // One head's scores stay in the cache.
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
             return [steps] {
               for (const auto& step : steps) step();
             };
           }}};
}

}  // namespace lathe::peers
