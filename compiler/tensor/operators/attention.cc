// Scaled dot-product attention.
#include <cmath>

#include "absl/strings/str_format.h"
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/types.h"

namespace lathe {
namespace {

absl::Status DeriveAttention(Words& words) {
  double dim = static_cast<double>(words.Number("dim"));
  words.Set("scale", absl::StrFormat("%.17g", 1 / std::sqrt(dim)));
  return absl::OkStatus();
}

}  // namespace

// The largest score is subtracted before scaling, and rows are divided by their
// total after the product with v: both equal the softmax of scaled scores, with
// fewer operations (Milakov and Gimelshein, Online normalizer calculation for
// softmax, 2018, arXiv:1805.02867; Dao et al., FlashAttention, 2022,
// arXiv:2205.14135).
std::vector<OperatorDefinition> AttentionOperators() {
  std::vector<OperatorDefinition> operators;
  operators.push_back(
      {{"attention",
        "y = softmax(q k^T / sqrt(dim)) v, for every head",
        "q[heads, seq, dim], k[heads, seq, dim], v[heads, seq, dim] -> y[heads, seq, dim]",
        "Vaswani et al., Attention Is All You Need, 2017, arXiv:1706.03762; ONNX Attention",
        {{"heads", "heads, of all sequences of a batch"},
         {"seq", "rows of q, k, v: the length of a sequence"},
         {"dim", "columns of q, k, v"},
         FloatType()}},
       DeriveAttention,
       "func attention(q: $in[$heads, $seq, $dim], k: $in[$heads, $seq, $dim], "
       "v: $in[$heads, $seq, $dim]) -> (y) {\n"
       "  s[h, i, j] = sum(d) $acc(q[h, i, d]) * $acc(k[h, j, d])\n"
       "  top[h, i] = max(j) s[h, i, j]\n"
       "  e[h, i, j] = exp((s[h, i, j] - top[h, i]) * $scale)\n"
       "  total[h, i] = sum(j) e[h, i, j]\n"
       "  t[h, i, d] = sum(j) e[h, i, j] * $acc(v[h, j, d])\n"
       "  y[h, i, d] = $result(t[h, i, d] / total[h, i])\n"
       "}\n"});
  return operators;
}

}  // namespace lathe
