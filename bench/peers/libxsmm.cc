// Peer: libxsmm, products from its generated small kernels. Its own sgemm hands
// anything beyond 64^3 to a BLAS, so larger products are tiled here: a kernel
// accumulates over blocks of k into tiles of C.
#include <libxsmm.h>

#include <array>
#include <stdexcept>

#include "bench/peers/gemm.h"

namespace lathe::peers {
namespace {

// Column-major: C^T = B^T A^T, so that its m is our n.
libxsmm_smmfunction Kernel(const Gemm& g, int64_t rows, int64_t columns, int64_t depth,
                           float beta) {
  const int lda = static_cast<int>(g.ldb()), ldb = static_cast<int>(g.lda()),
            ldc = static_cast<int>(g.n);
  const float alpha = 1;
  const int flags = (g.tb ? LIBXSMM_GEMM_FLAG_TRANS_A : 0) | (g.ta ? LIBXSMM_GEMM_FLAG_TRANS_B : 0);
  libxsmm_smmfunction kernel = libxsmm_smmdispatch(
      static_cast<int>(columns), static_cast<int>(rows), static_cast<int>(depth), &lda, &ldb, &ldc,
      &alpha, &beta, &flags, nullptr);
  if (!kernel) throw std::runtime_error("libxsmm generates no kernel of this shape");
  return kernel;
}

// The kernels of one blocking: full and rest in each direction, first and later
// blocks of k.
class Blocked {
 public:
  Blocked(const Gemm& gemm, int64_t rows, int64_t columns, int64_t depth)
      : g_(gemm), rows_(rows), columns_(columns), depth_(depth) {
    for (int i = 0; i < 16; ++i) {
      const int64_t r = (i & 1) ? g_.m % rows_ : std::min(rows_, g_.m);
      const int64_t c = (i & 2) ? g_.n % columns_ : std::min(columns_, g_.n);
      const int64_t d = (i & 4) ? g_.k % depth_ : std::min(depth_, g_.k);
      if (r > 0 && c > 0 && d > 0) kernels_[i] = Kernel(g_, r, c, d, (i & 8) ? 1.0f : 0.0f);
    }
  }

  void operator()() const {
    for (int64_t i = 0; i < g_.batch; ++i) {
      Multiply(g_.a + i * g_.m * g_.k, g_.b + i * g_.k * g_.n, g_.c + i * g_.m * g_.n);
    }
    Epilogue(g_);
  }

 private:
  void Multiply(const float* a, const float* b, float* c) const {
    for (int64_t k = 0; k < g_.k; k += depth_) {
      const int rest_k = k + depth_ > g_.k && g_.k >= depth_ ? 4 : 0;
      for (int64_t j = 0; j < g_.n; j += columns_) {
        const int rest_j = j + columns_ > g_.n && g_.n >= columns_ ? 2 : 0;
        const float* b_block = b + (g_.tb ? j * g_.ldb() + k : k * g_.ldb() + j);
        for (int64_t i = 0; i < g_.m; i += rows_) {
          const int rest_i = i + rows_ > g_.m && g_.m >= rows_ ? 1 : 0;
          const float* a_block = a + (g_.ta ? k * g_.lda() + i : i * g_.lda() + k);
          kernels_[rest_i | rest_j | rest_k | (k > 0 ? 8 : 0)](b_block, a_block, c + i * g_.n + j);
        }
      }
    }
  }

  Gemm g_;
  int64_t rows_, columns_, depth_;
  std::array<libxsmm_smmfunction, 16> kernels_{};
};

std::vector<Variant> Variants(const Problem& problem) {
  std::optional<Gemm> gemm = AsGemm(problem);
  // Transposed operands have no generated f32 kernels in 1.17.
  if (!gemm || gemm->ta || gemm->tb || gemm->m == 1) return {};
  return {{"", [g = *gemm]() -> std::function<void()> {
             // B blocks of 128 KiB stay in L2 while all rows of A pass.
             return Blocked(g, 64, 64, 512);
           }}};
}

int32_t Open(const lathe_peer_problem* problem, lathe_peer_runner* runners, int32_t capacity) {
  return OpenVariants(Variants(Problem(problem)), runners, capacity);
}

}  // namespace
}  // namespace lathe::peers

extern "C" const lathe_peer* lathe_peer_entry(const lathe_peer_host* host) {
  if (host->threads > 1) {
    lathe::peers::Copy(host->error, LATHE_PEER_ERROR_BYTES, "tiled here for one thread");
    return nullptr;
  }
  libxsmm_init();
  static const std::string version =
      std::string(LIBXSMM_VERSION) + ", " + libxsmm_get_target_arch();
  static const lathe_peer peer{LATHE_PEER_ABI, "libxsmm", version.c_str(), lathe::peers::Open};
  return &peer;
}
