// Whether one kernel is really faster than another: a distribution-free test on
// rounds in which both were timed in turn.
#ifndef LATHE_TUNER_SIGNIFICANCE_H_
#define LATHE_TUNER_SIGNIFICANCE_H_

#include <cstddef>
#include <span>
#include <vector>

namespace lathe {

struct SignificanceOptions {
  // Of calling anything faster that is not, over all challengers together.
  double false_positives = 0.04;
  // Relative gain that is worth a change; a smaller one counts as none.
  double least_gain = 0.005;
};

// The relative gain of `a` over `b` (0.1: a tenth less time) of each block: from the
// median ratio of its rounds, so that disturbances that hit both cancel. Samples are
// seconds by round, of equal length, a multiple of `rounds`.
std::vector<double> GainsOfBlocks(std::span<const double> a, std::span<const double> b,
                                  size_t rounds);

// P of gains like these, or better ones, if their distribution were symmetric about 0:
// Wilcoxon's signed-rank test, one-sided, exact (Conover, Practical Nonparametric
// Statistics, 5.7). Gains of 0 count against. 1 for no gains at all.
double SignedRankTail(std::span<const double> gains);

// The best of kernels that were timed in turn: the first, which holds its place, unless
// others are significantly faster; then the one of these with the lowest median. Kernels
// without samples (they failed) cannot win; size() if none has any.
size_t FindWinner(const std::vector<std::vector<double>>& samples, size_t rounds,
                  const SignificanceOptions& options = {});

}  // namespace lathe

#endif  // LATHE_TUNER_SIGNIFICANCE_H_
