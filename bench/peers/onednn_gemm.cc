#include "bench/peers/gemm.h"
#include "bench/peers/onednn.h"

namespace lathe::peers {
namespace {

using Tag = dnnl::memory::format_tag;

// dnnl_sgemm, the BLAS of oneDNN.
void Sgemm(const Gemm& g) {
  for (int64_t i = 0; i < g.batch; ++i) {
    dnnl::sgemm(g.ta ? 'T' : 'N', g.tb ? 'T' : 'N', g.m, g.n, g.k, 1, g.a + i * g.m * g.k, g.lda(),
                g.b + i * g.k * g.n, g.ldb(), 0, g.c + i * g.m * g.n, g.n);
  }
  Epilogue(g);
}

// The matmul primitive with a fused epilogue; B as it is, or packed ahead.
std::function<void()> Matmul(const Gemm& g, bool packed) {
  const bool batched = g.batch > 1;
  auto dims = [&](int64_t rows, int64_t columns) {
    return batched ? dnnl::memory::dims{g.batch, rows, columns} : dnnl::memory::dims{rows, columns};
  };
  auto tag = [&](bool transposed) {
    return batched ? (transposed ? Tag::acb : Tag::abc) : (transposed ? Tag::ba : Tag::ab);
  };
  const dnnl::memory::desc a = Dense(dims(g.m, g.k), tag(g.ta)),
                           b = Dense(dims(g.k, g.n), tag(g.tb)),
                           c = Dense(dims(g.m, g.n), tag(false)),
                           b_wanted = packed ? Dense(dims(g.k, g.n), Tag::any) : b;
  dnnl::memory::desc bias;
  if (g.bias)
    bias = Dense(batched ? dnnl::memory::dims{1, 1, g.n} : dnnl::memory::dims{1, g.n}, tag(false));
  dnnl::primitive_attr attributes;
  dnnl::post_ops after;
  if (g.relu) after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(after);
  const dnnl::matmul::desc desc =
      g.bias ? dnnl::matmul::desc(a, b_wanted, bias, c) : dnnl::matmul::desc(a, b_wanted, c);
  const dnnl::matmul::primitive_desc chosen(desc, attributes, Engine());
  std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, Wrap(a, g.a)},
      {DNNL_ARG_WEIGHTS, Reordered(Wrap(b, g.b), chosen.weights_desc())},
      {DNNL_ARG_DST, Wrap(c, g.c)}};
  if (g.bias) arguments.emplace(DNNL_ARG_BIAS, Wrap(bias, g.bias));
  return Execute(dnnl::matmul(chosen), std::move(arguments));
}

}  // namespace

std::vector<Variant> GemmVariants(const Problem& problem) {
  std::optional<Gemm> gemm = AsGemm(problem);
  if (!gemm) return {};
  std::vector<Variant> variants{
      {"-sgemm", [g = *gemm] { return [g] { Sgemm(g); }; }},
      {"", [g = *gemm] { return Matmul(g, false); }},
  };
  if (gemm->const_b) variants.push_back({"[P]", [g = *gemm] { return Matmul(g, true); }});
  return variants;
}

}  // namespace lathe::peers
