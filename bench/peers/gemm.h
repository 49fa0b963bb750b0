// Operators that are matrix products, as every BLAS sees them.
#ifndef LATHE_BENCH_PEERS_GEMM_H_
#define LATHE_BENCH_PEERS_GEMM_H_

#include <algorithm>
#include <cstdint>
#include <optional>

#include "bench/peers/plugin.h"

namespace lathe::peers {

// C[b] = epilogue(A[b] B[b]), dense and row-major, f32: A is [m, k], or [k, m]
// when transposed; B is [k, n], or [n, k].
struct Gemm {
  const float* a = nullptr;
  const float* b = nullptr;
  float* c = nullptr;
  int64_t batch = 1, m = 0, n = 0, k = 0;
  bool ta = false, tb = false;
  bool const_b = false;         // B may be packed ahead
  const float* bias = nullptr;  // [n], or none
  bool relu = false;

  int64_t lda() const { return ta ? m : k; }
  int64_t ldb() const { return tb ? k : n; }
};

// The product that the problem is; nothing for any other operator, other types
// than f32, or an epilogue that is neither bias nor relu.
inline std::optional<Gemm> AsGemm(const Problem& problem) {
  const bool batched = problem.Is("batch_matmul");
  const bool linear = problem.Is("linear") || problem.Is("linear_relu");
  if (!problem.Is("matmul") && !batched && !linear) return std::nullopt;
  if (!problem.All("f32") || problem.inputs().size() > 3 || problem.outputs().size() != 1) {
    return std::nullopt;
  }
  if (problem.Word("act") == "gelu") return std::nullopt;
  const lathe_peer_tensor& a = *problem.inputs()[0];
  const lathe_peer_tensor& b = *problem.inputs()[1];
  const lathe_peer_tensor& c = *problem.outputs()[0];
  const int rank = batched ? 3 : 2;
  if (a.rank != rank || b.rank != rank || c.rank != rank) return std::nullopt;
  Gemm gemm;
  gemm.a = Floats(a);
  gemm.b = Floats(b);
  gemm.c = MutableFloats(c);
  gemm.batch = batched ? c.shape[0] : 1;
  gemm.m = c.shape[rank - 2];
  gemm.n = c.shape[rank - 1];
  gemm.ta = problem.Flag("ta");
  gemm.tb = problem.Flag("tb") || problem.Flag("tw");
  gemm.k = a.shape[rank - (gemm.ta ? 2 : 1)];
  gemm.const_b = b.role == LATHE_PEER_CONST;
  if (problem.inputs().size() == 3) gemm.bias = Floats(*problem.inputs()[2]);
  gemm.relu = problem.Flag("relu") || problem.Word("act") == "relu" || problem.Is("linear_relu");
  if (b.shape[rank - (gemm.tb ? 1 : 2)] != gemm.k) return std::nullopt;
  return gemm;
}

// Bias and relu for libraries that do not fuse them: one pass over C after the
// product, while it is in cache as far as it fits.
inline void Epilogue(const Gemm& gemm) {
  if (!gemm.bias && !gemm.relu) return;
  const float floor = gemm.relu ? 0.0f : -__builtin_huge_valf();
  for (int64_t i = 0; i < gemm.batch * gemm.m; ++i) {
    float* row = gemm.c + i * gemm.n;
    if (gemm.bias) {
      for (int64_t j = 0; j < gemm.n; ++j) row[j] = std::max(row[j] + gemm.bias[j], floor);
    } else {
      for (int64_t j = 0; j < gemm.n; ++j) row[j] = std::max(row[j], floor);
    }
  }
}

}  // namespace lathe::peers

#endif  // LATHE_BENCH_PEERS_GEMM_H_
