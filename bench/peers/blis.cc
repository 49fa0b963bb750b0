// Peer: BLIS, products with its typed interface, its best configuration forced.
#include <blis.h>

#include <cstdlib>

#include "bench/peers/gemm.h"

namespace lathe::peers {
namespace {

// BLIS 0.9 knows no AMD CPU with AVX-512 and takes an Intel one with a new model
// number for Haswell; its AVX-512 kernels (SKX) are the fastest on any CPU that
// has those instructions. A BLIS_ARCH_TYPE of the user's own wins.
void ForceConfiguration() {
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    setenv("BLIS_ARCH_TYPE", std::to_string(BLIS_ARCH_SKX).c_str(), /*overwrite=*/0);
  }
}

void Multiply(const Gemm& g) {
  float one = 1, zero = 0;
  const trans_t ta = g.ta ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
  const trans_t tb = g.tb ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE;
  for (int64_t i = 0; i < g.batch; ++i) {
    auto* a = const_cast<float*>(g.a + i * g.m * g.k);
    auto* b = const_cast<float*>(g.b + i * g.k * g.n);
    float* c = g.c + i * g.m * g.n;
    if (g.m == 1) {
      // c = op(B)^T a
      bli_sgemv(g.tb ? BLIS_NO_TRANSPOSE : BLIS_TRANSPOSE, BLIS_NO_CONJUGATE, g.tb ? g.n : g.k,
                g.tb ? g.k : g.n, &one, b, g.ldb(), 1, a, 1, &zero, c, 1);
    } else {
      bli_sgemm(ta, tb, g.m, g.n, g.k, &one, a, g.lda(), 1, b, g.ldb(), 1, &zero, c, g.n, 1);
    }
  }
  Epilogue(g);
}

int32_t Open(const lathe_peer_problem* problem, lathe_peer_runner* runners, int32_t capacity) {
  std::optional<Gemm> gemm = AsGemm(Problem(problem));
  if (!gemm) return 0;
  Variant variant{"", [g = *gemm] { return [g] { Multiply(g); }; }};
  return OpenVariants({variant}, runners, capacity);
}

}  // namespace
}  // namespace lathe::peers

extern "C" const lathe_peer* lathe_peer_entry(const lathe_peer_host* host) {
  lathe::peers::ForceConfiguration();
  bli_init();
  bli_thread_set_num_threads(host->threads);
  static const std::string version =
      std::string(bli_info_get_version_str()) + ", " + bli_arch_string(bli_arch_query_id());
  static const lathe_peer peer{LATHE_PEER_ABI, "blis", version.c_str(), lathe::peers::Open};
  return &peer;
}
