// What a schedule does, in numbers: the loops and memory accesses of each nest,
// evaluated from a sketch's knobs without building a program. Cost estimates
// and the features of cost models are computed from it.
#ifndef LATHE_COMPILER_ANALYSIS_SCHEDULE_MODEL_H_
#define LATHE_COMPILER_ANALYSIS_SCHEDULE_MODEL_H_

#include <cstdint>
#include <vector>

#include "compiler/target/target.h"

namespace lathe {

enum class ModelLoopKind : uint8_t { kSerial, kParallel, kUnrolled, kVector };

// Parallel loops in a row run as one. `trips` is an average: a loop of 100 in blocks of 14 has 7.14
// blocks where the last one is code of its own, and 8 where surplus instances are masked.
struct ModelLoop {
  double trips = 1;
  ModelLoopKind kind = ModelLoopKind::kSerial;
  bool reduction = false;
  bool masked = false;  // of a vector loop: its lanes are under a predicate
};

// One access of a nest's body, row-major or packed.
struct ModelAccess {
  int buffer = 0;  // equal numbers: the same memory, across all nests
  int element_bytes = 4;
  bool write = false;  // a read-modify-write is two accesses
  // Elements from one iteration to the next of the first strides.size() loops,
  // inside of which alone the access happens: a result that stays in registers
  // over the reduction is written outside of it.
  std::vector<int64_t> strides;
};

// One nest, outermost loop first: those around a nest that is computed inside
// of another one's loops included. Unrolled and vector loops are innermost.
struct NestModel {
  std::vector<ModelLoop> loops;
  std::vector<ModelAccess> accesses;
  // Scalar operations of one iteration of all loops.
  double multiply_adds = 0;  // fused
  double arithmetic = 0;     // other additions, multiplications, comparisons, selects
  double divisions = 0;      // and square roots
  double elementary = 0;     // exp, tanh, erf, ...
  int element_bytes = 4;     // of the values computed with
  // Vectors that hold results across the innermost serial loop: so many
  // operations do not wait for each other. 0: nothing is carried.
  int accumulators = 0;
  int live_vectors = 0;  // that must be in registers at once, accumulators included
  // Outermost loops that it shares with the nest before it: both run in every
  // iteration of the innermost one of them, so that caches keep what they share.
  int shared_loops = 0;
};

struct ScheduleModel {
  std::vector<NestModel> nests;  // in the order of execution
};

// Estimated seconds of one call on a core of 3 GHz: per nest the larger of the
// time of its instructions and of its traffic between the levels of caches. A
// prior for search; only ratios between schedules of one function mean anything.
double EstimateSeconds(const ScheduleModel& model, const Target& target, int threads);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_SCHEDULE_MODEL_H_
