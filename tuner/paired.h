// Kernels of one problem timed in turn within one lease, sample by sample: what their
// comparison rests on.
#ifndef LATHE_TUNER_PAIRED_H_
#define LATHE_TUNER_PAIRED_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "tuner/cancellation.h"
#include "tuner/measure_service.h"
#include "tuner/reference_check.h"
#include "tuner/trial.h"

namespace lathe {

// Blocks (lathe.v1.TimingOptions.blocks) of a comparison: enough for a signed-rank test
// to see 2 % among four kernels, whatever their noise is.
inline constexpr int kPairedBlocks = 12;
// Kernels of one comparison, at most.
inline constexpr size_t kMaxPaired = 8;

struct PairedTimes {
  std::vector<std::vector<double>> samples;  // by trial and round; empty for one that failed
  size_t rounds = 1;                         // of each block
};

// Measures built trials, one to kMaxPaired with ids of their own, in one lease under
// `options`, and fills in the outcome of each: its own status and timing, and the
// conditions that all share. One that ends the runner is left out and the others are
// measured again. Errors are those of MeasureOutcome::status, and a wrong reference.
absl::StatusOr<PairedTimes> MeasurePaired(const Problem& problem,
                                          const std::vector<std::shared_ptr<Trial>>& trials,
                                          ReferenceCheck& reference, const JobOptions& options,
                                          int blocks, MeasureService& measurer,
                                          const Cancellation* cancellation);

}  // namespace lathe

#endif  // LATHE_TUNER_PAIRED_H_
