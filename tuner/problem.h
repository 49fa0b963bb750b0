// What is tuned, and how its candidates are timed.
#ifndef LATHE_TUNER_PROBLEM_H_
#define LATHE_TUNER_PROBLEM_H_

#include <cstdint>
#include <vector>

#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "database/store.h"

namespace lathe {

// Limits of one measurement, in seconds; see lathe.v1.TimingOptions.
struct TimingLimits {
  double min_sample = 1e-3;
  int min_samples = 10;
  int max_samples = 60;
  double budget = 0.4;
  double target_relative_interval = 0.01;
  double timeout = 60;  // wall time of the whole lease: check and timing
};

struct Problem {
  Function function;
  Target target;
  int threads = 1;
  std::vector<int> cpus;  // to pin to; empty: the measurer's choice
  Regime regime = Regime::kWarm;
  Accuracy accuracy = Accuracy::kStrict;
  TimingLimits timing;
  uint64_t seed = 1;  // of input data and of sampled proofs
};

}  // namespace lathe

#endif  // LATHE_TUNER_PROBLEM_H_
