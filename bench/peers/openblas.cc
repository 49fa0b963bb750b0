// Peer: OpenBLAS, products with cblas_sgemm (sgemv for one row).
#include <cblas.h>

#include "bench/peers/gemm.h"

// cblas.h of other BLAS libraries lacks them; the library that is linked has them.
extern "C" {
char* openblas_get_config(void);
char* openblas_get_corename(void);
int openblas_get_parallel(void);
void openblas_set_num_threads(int threads);
}

namespace lathe::peers {
namespace {

void Multiply(const Gemm& g) {
  const blasint m = static_cast<blasint>(g.m), n = static_cast<blasint>(g.n),
                k = static_cast<blasint>(g.k);
  const blasint lda = static_cast<blasint>(g.lda()), ldb = static_cast<blasint>(g.ldb());
  for (int64_t i = 0; i < g.batch; ++i) {
    const float* a = g.a + i * g.m * g.k;
    const float* b = g.b + i * g.k * g.n;
    float* c = g.c + i * g.m * g.n;
    if (m == 1) {
      cblas_sgemv(CblasRowMajor, g.tb ? CblasNoTrans : CblasTrans, g.tb ? n : k, g.tb ? k : n, 1, b,
                  ldb, a, 1, 0, c, 1);
    } else {
      cblas_sgemm(CblasRowMajor, g.ta ? CblasTrans : CblasNoTrans, g.tb ? CblasTrans : CblasNoTrans,
                  m, n, k, 1, a, lda, b, ldb, 0, c, n);
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
  // The serial build has one thread only.
  if (host->threads > 1 && openblas_get_parallel() == 0) {
    lathe::peers::Copy(host->error, LATHE_PEER_ERROR_BYTES,
                       "this is the serial build of OpenBLAS; install libopenblas0-pthread");
    return nullptr;
  }
  openblas_set_num_threads(host->threads);
  // "OpenBLAS 0.3.21 NO_AFFINITY ...": the second word, and the kernels in use.
  static const std::string version = [] {
    std::string config = openblas_get_config();
    size_t start = config.find(' ') + 1;
    return config.substr(start, config.find(' ', start) - start) + ", " + openblas_get_corename();
  }();
  static const lathe_peer peer{LATHE_PEER_ABI, "openblas", version.c_str(), lathe::peers::Open};
  return &peer;
}
