// What the machine itself can do, measured beside each workload: multiply-adds
// on registers, and moving as many bytes as the workload must.
#ifndef LATHE_BENCH_PROBES_H_
#define LATHE_BENCH_PROBES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "compiler/runtime/lathe_thread_pool.h"

namespace lathe {

// The widest vectors that this CPU and operating system have: "avx512", "avx2",
// or "baseline".
std::string ProbeIsa();

// Independent chains of fused multiply-adds that never leave the registers.
class FmaProbe {
 public:
  // `pool` (not owned) runs the probe on all its threads at once; null: on the
  // caller. With `f64`, on doubles.
  FmaProbe(lathe_thread_pool* pool, bool f64) : pool_(pool), f64_(f64) {}

  void Call();
  // Of one Call; a multiply-add counts two.
  double flops() const;

 private:
  lathe_thread_pool* pool_;
  bool f64_;
};

// Reads `read_bytes` and writes `write_bytes` of its own memory, evenly
// interleaved, with ordinary loads and stores of full vectors: the footprint and
// the mix of a workload that touches each argument once.
class BandwidthProbe {
 public:
  BandwidthProbe(lathe_thread_pool* pool, uint64_t read_bytes, uint64_t write_bytes);

  void Call();
  // Of one Call: what was asked for, rounded to blocks.
  double bytes() const;

 private:
  struct Free {
    void operator()(char* p) const;
  };
  struct Part;

  lathe_thread_pool* pool_;
  int32_t threads_;
  uint64_t read_blocks_, write_blocks_;  // of each thread
  std::unique_ptr<char, Free> memory_;
};

}  // namespace lathe

#endif  // LATHE_BENCH_PROBES_H_
