// What a core is taken to do in a cycle, where its target does not say: the
// constants of the analytic estimate.
//
// They are compromises between cores of the last years, not of one machine: an
// estimate is to be the same wherever a target's text is. Sources: Agner Fog's
// instruction tables and Intel's and AMD's optimisation manuals for throughput
// and latency, the probes of bench/ (multiply-adds on registers, bandwidth by
// footprint) for what memory gives, and measured candidates for how much of it
// overlaps (see README.md).
#ifndef LATHE_COMPILER_ANALYSIS_CORE_MODEL_H_
#define LATHE_COMPILER_ANALYSIS_CORE_MODEL_H_

#include <array>

#include "compiler/target/target.h"

namespace lathe {

enum MemoryLevel { kFromL2, kFromL3, kFromMemory, kNumMemoryLevels };

struct CoreModel {
  double hertz = 3e9;

  // Vector instructions per cycle. Cores with 512-bit vectors split them (AMD) or
  // fuse ports for them (Intel): loads and stores slow down as multiply-adds do.
  double operations_per_cycle = 2, loads_per_cycle = 2, stores_per_cycle = 1;
  double dispatch_per_cycle = 5;  // instructions
  double latency = 4;             // of a multiply-add
  double load_latency = 6;
  // Cycles of a vector of results.
  double broadcast = 0.5;  // cycles of a load of one element for all lanes
  double masked = 3;       // cycles that the lanes' predicate adds to each vector load or store
  double division = 8, elementary = 14;
  double half_factor = 3;  // of f16 and bf16 arithmetic: rounded after each operation

  double iteration = 1;      // at least, of a serial loop
  double short_exit = 2;     // of a loop whose end is foreseen
  double mispredicted = 14;  // the end of one of more than `foreseen_trips`
  double foreseen_trips = 24;
  double spill = 2;       // a register too many, in each iteration
  double big_body = 400;  // operations of unrolled code beyond which fetching slows down

  // Cycles of a cache line that comes from beyond L1, L2, L3; `scattered` times
  // that where rows are further apart than prefetchers look.
  std::array<double, kNumMemoryLevels> line_cycles = {1.2, 3.5, 9};
  std::array<double, kNumMemoryLevels> scattered = {1.2, 1.5, 2};
  double page_cycles = 3;  // of a page beyond those of the first-level TLB
  double tlb_pages = 64;
  // Of the shorter of computing and moving, what the longer one does not hide.
  double exposed = 0.15;

  double launch = 9000;      // cycles of starting and joining a parallel loop
  double memory_shares = 2;  // threads beyond which memory gives no more
};

inline constexpr double kLineBytes = 64, kPageBytes = 4096;
inline constexpr double kCacheWays = 8;

inline CoreModel CoreModelOf(const Target& target) {
  CoreModel core;
  if (target.vector_bits < 512) return core;
  core.operations_per_cycle = 1;
  core.loads_per_cycle = 1;
  core.stores_per_cycle = 0.5;
  return core;
}

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_CORE_MODEL_H_
