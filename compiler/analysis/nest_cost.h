// The parts of the estimated time of a schedule.
#ifndef LATHE_COMPILER_ANALYSIS_NEST_COST_H_
#define LATHE_COMPILER_ANALYSIS_NEST_COST_H_

#include <vector>

#include "compiler/analysis/schedule_model.h"
#include "compiler/analysis/traffic.h"

namespace lathe {

// Of one nest, in one call on one core; counts are of vector instructions (of
// scalar ones where there is no vector loop).
struct NestCost {
  double multiply_adds = 0, operations = 0, loads = 0, stores = 0;
  double body_operations = 0;  // of the unrolled body
  double iterations = 0;       // of the innermost serial loop
  double lanes = 1;
  double waste = 0;  // share of what vectors and tails compute in vain
  // Cycles. `computing` is what the instructions take, of which `loops` is the
  // overhead of loops and tiles, `spilled` that of registers too few and `masked` that
  // of predicates.
  double arithmetic = 0, loading = 0, storing = 0, waiting = 0, loops = 0, spilled = 0;
  double masked = 0;
  double computing = 0, moving = 0, total = 0;
  double shares = 1;    // threads that it is divided over, evenly
  double launches = 0;  // of parallel loops
  NestTraffic traffic;
  double seconds = 0;
};

std::vector<NestCost> CostsOf(const ScheduleModel& model, const Target& target, int threads);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_NEST_COST_H_
