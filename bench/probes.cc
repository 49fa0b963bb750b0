#include "bench/probes.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "compiler/base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lathe {
namespace {

// One block of the bandwidth probe: four cache lines, so that reads and writes
// alternate finely, as they do in a kernel.
constexpr uint64_t kBlockBytes = 256;
// Chains of multiply-adds: more than latency times ports of any core (4 x 2),
// and fewer than its vector registers.
constexpr int kChains512 = 24, kChains256 = 12;
constexpr int64_t kIterations = 4096;

// A probe of one instruction set: `lanes` of f32 and the loops.
struct Loops {
  const char* name;
  double flops_f32, flops_f64;  // of one call of the loops below
  void (*fma_f32)(int64_t iterations);
  void (*fma_f64)(int64_t iterations);
  // Moves the blocks of one thread.
  void (*move)(const char* read, uint64_t read_blocks, char* write, uint64_t write_blocks);
};

// Whether the next of `reads` and `writes` blocks is a read: both keep standing at
// the same fraction of their whole (Bresenham's line).
inline bool ReadIsNext(uint64_t read, uint64_t reads, uint64_t written, uint64_t writes) {
  return read < reads && read * writes <= written * reads;
}

// Keeps `value` alive without storing it.
template <typename T>
inline __attribute__((always_inline)) void Keep(T& value) {
  asm volatile("" : : "m"(value) : "memory");
}

#if defined(__x86_64__)

// In assembly, as no compiler may move an accumulator to memory: registers R0
// (the factor) and R of each chain in CHAINS, one multiply-add a chain and round.
#define LATHE_FMA_PROBE(NAME, TARGET, TYPE, BROADCAST, FMA, R, CHAINS, ...)           \
  __attribute__((target(TARGET))) void NAME(int64_t iterations) {                     \
    const TYPE factor = 0.5;                                                          \
    asm volatile(BROADCAST " %[factor], %%" R                                         \
                           "0\n"                                                      \
                           ".irp chain," CHAINS "\n vmovaps %%" R "0, %%" R           \
                           "\\chain\n .endr\n"                                        \
                           "1:\n"                                                     \
                           ".irp chain," CHAINS "\n " FMA " %%" R "0, %%" R "0, %%" R \
                           "\\chain\n"                                                \
                           ".endr\n"                                                  \
                           "dec %[left]\n"                                            \
                           "jnz 1b\n"                                                 \
                 : [left] "+r"(iterations)                                            \
                 : [factor] "m"(factor)                                               \
                 : "cc", "xmm0", __VA_ARGS__);                                        \
  }

#define LATHE_CHAINS_256 "4,5,6,7,8,9,10,11,12,13,14,15"
#define LATHE_CLOBBER_256                                                                      \
  "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", \
      "xmm15"
#define LATHE_CHAINS_512 "8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define LATHE_CLOBBER_512                                                                          \
  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", \
      "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28",    \
      "xmm29", "xmm30", "xmm31"

LATHE_FMA_PROBE(Fma512F32, "avx512f,avx512vl", float, "vbroadcastss", "vfmadd231ps", "zmm",
                LATHE_CHAINS_512, LATHE_CLOBBER_512)
LATHE_FMA_PROBE(Fma512F64, "avx512f,avx512vl", double, "vbroadcastsd", "vfmadd231pd", "zmm",
                LATHE_CHAINS_512, LATHE_CLOBBER_512)
LATHE_FMA_PROBE(Fma256F32, "avx2,fma", float, "vbroadcastss", "vfmadd231ps", "ymm",
                LATHE_CHAINS_256, LATHE_CLOBBER_256)
LATHE_FMA_PROBE(Fma256F64, "avx2,fma", double, "vbroadcastsd", "vfmadd231pd", "ymm",
                LATHE_CHAINS_256, LATHE_CLOBBER_256)

__attribute__((target("avx512f"))) void Move512(const char* read, uint64_t read_blocks, char* write,
                                                uint64_t write_blocks) {
  const __m512i value = _mm512_set1_epi32(1);
  uint64_t r = 0, w = 0;
  while (r < read_blocks || w < write_blocks) {
    if (ReadIsNext(r, read_blocks, w, write_blocks)) {
      const char* p = read + kBlockBytes * r++;
      for (int i = 0; i < 4; ++i) {
        const __m512i loaded = _mm512_load_si512(p + 64 * i);
        asm volatile("" : : "v"(loaded));
      }
    } else {
      char* p = write + kBlockBytes * w++;
      for (int i = 0; i < 4; ++i) _mm512_store_si512(p + 64 * i, value);
    }
  }
}

__attribute__((target("avx2"))) void Move256(const char* read, uint64_t read_blocks, char* write,
                                             uint64_t write_blocks) {
  const __m256i value = _mm256_set1_epi32(1);
  uint64_t r = 0, w = 0;
  while (r < read_blocks || w < write_blocks) {
    if (ReadIsNext(r, read_blocks, w, write_blocks)) {
      const auto* p = reinterpret_cast<const __m256i*>(read + kBlockBytes * r++);
      for (int i = 0; i < 8; ++i) {
        const __m256i loaded = _mm256_load_si256(p + i);
        asm volatile("" : : "x"(loaded));
      }
    } else {
      auto* p = reinterpret_cast<__m256i*>(write + kBlockBytes * w++);
      for (int i = 0; i < 8; ++i) _mm256_store_si256(p + i, value);
    }
  }
}

#endif

// Without intrinsics: what the compiler makes of the baseline.
template <typename T>
void FmaBaseline(int64_t iterations) {
  T chain[32];
  std::fill(std::begin(chain), std::end(chain), T(0.5));
  T x = T(0.5);
  asm volatile("" : "+m"(x));
  for (int64_t i = 0; i < iterations; ++i) {
    for (T& c : chain) c = c * x + x;
  }
  Keep(chain);
}

void MoveBaseline(const char* read, uint64_t read_blocks, char* write, uint64_t write_blocks) {
  uint64_t sum[kBlockBytes / 8] = {};
  uint64_t r = 0, w = 0;
  while (r < read_blocks || w < write_blocks) {
    if (ReadIsNext(r, read_blocks, w, write_blocks)) {
      uint64_t block[kBlockBytes / 8];
      std::memcpy(block, read + kBlockBytes * r++, kBlockBytes);
      for (size_t i = 0; i < kBlockBytes / 8; ++i) sum[i] += block[i];
    } else {
      std::memset(write + kBlockBytes * w++, 1, kBlockBytes);
    }
  }
  Keep(sum);
}

const Loops& Widest() {
  constexpr double kPerChain = 2.0 * kIterations;
#if defined(__x86_64__)
  static constexpr Loops kAvx512{
      "avx512", kPerChain * kChains512 * 16, kPerChain * kChains512 * 8, Fma512F32, Fma512F64,
      Move512};
  static constexpr Loops kAvx2{
      "avx2", kPerChain * kChains256 * 8, kPerChain * kChains256 * 4, Fma256F32, Fma256F64,
      Move256};
  if (__builtin_cpu_supports("avx512f")) return kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2;
#endif
  static constexpr Loops kBaseline{"baseline",         kPerChain * 32,      kPerChain * 32,
                                   FmaBaseline<float>, FmaBaseline<double>, MoveBaseline};
  return kBaseline;
}

// Runs task(closure, thread) on every thread of the pool, or on the caller.
void OnAllThreads(lathe_thread_pool* pool, lathe_task task, void* closure) {
  if (pool) {
    lathe_thread_pool_run(pool, lathe_thread_pool_size(pool), task, closure);
  } else {
    task(closure, 0, 0);
  }
}

int32_t ThreadsOf(lathe_thread_pool* pool) { return pool ? lathe_thread_pool_size(pool) : 1; }

uint64_t Blocks(uint64_t bytes, int32_t threads) {
  const uint64_t block = kBlockBytes * static_cast<uint64_t>(threads);
  return (bytes + block - 1) / block;
}

}  // namespace

std::string ProbeIsa() { return Widest().name; }

void FmaProbe::Call() {
  OnAllThreads(
      pool_,
      [](void* self, int64_t, int32_t) -> int32_t {
        const Loops& loops = Widest();
        (static_cast<FmaProbe*>(self)->f64_ ? loops.fma_f64 : loops.fma_f32)(kIterations);
        return 0;
      },
      this);
}

double FmaProbe::flops() const {
  return (f64_ ? Widest().flops_f64 : Widest().flops_f32) * ThreadsOf(pool_);
}

BandwidthProbe::BandwidthProbe(lathe_thread_pool* pool, uint64_t read_bytes, uint64_t write_bytes)
    : pool_(pool),
      threads_(ThreadsOf(pool)),
      read_blocks_(Blocks(read_bytes, threads_)),
      write_blocks_(Blocks(write_bytes, threads_)) {
  const uint64_t bytes = std::max<uint64_t>(static_cast<uint64_t>(this->bytes()), kBlockBytes);
  memory_.reset(static_cast<char*>(std::aligned_alloc(kBlockBytes, bytes)));
  CHECK(memory_ != nullptr) << "out of memory";
  std::memset(memory_.get(), 1, bytes);
}

void BandwidthProbe::Free::operator()(char* p) const { std::free(p); }

void BandwidthProbe::Call() {
  OnAllThreads(
      pool_,
      [](void* closure, int64_t part, int32_t) -> int32_t {
        const auto& self = *static_cast<BandwidthProbe*>(closure);
        const uint64_t all_reads = self.read_blocks_ * static_cast<uint64_t>(self.threads_);
        const uint64_t i = static_cast<uint64_t>(part);
        Widest().move(self.memory_.get() + kBlockBytes * i * self.read_blocks_, self.read_blocks_,
                      self.memory_.get() + kBlockBytes * (all_reads + i * self.write_blocks_),
                      self.write_blocks_);
        return 0;
      },
      this);
}

double BandwidthProbe::bytes() const {
  return static_cast<double>(kBlockBytes * (read_blocks_ + write_blocks_)) * threads_;
}

}  // namespace lathe
