// A batch of samples and the machine around it: observed, repeated while it is
// contaminated, and left out or marked if it stays so.
#ifndef LATHE_MEASURER_BATCH_H_
#define LATHE_MEASURER_BATCH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "measurer/conditions.h"

namespace lathe {

constexpr uint32_t kMaxRepeats = 2;  // of a contaminated batch

// How often a batch may be repeated: on a machine that disturbed one batch after the
// other, in spite of repetition, not at all until one is clean, since it costs time only.
class RepeatAllowance {
 public:
  uint32_t repeats() const { return in_vain_ < kInVain ? kMaxRepeats : 0; }
  void Note(const BatchConditions& conditions) {
    in_vain_ = conditions.contaminated ? in_vain_ + 1 : 0;
  }

 private:
  static constexpr int kInVain = 3;
  int in_vain_ = 0;  // batches in a row that stayed contaminated
};

// What observing needs; injected, so that tests run on fakes.
struct BatchObserver {
  ConditionSource* source = nullptr;
  std::function<double()> now;          // seconds, monotonic
  std::function<double()> time_canary;  // seconds
  double canary_baseline = 0;           // 0: not known, so no drift
  std::vector<int32_t> cpus;
  ConditionLimits limits = {};
  uint32_t max_repeats = kMaxRepeats;
};

// Calls `take`, which replaces the samples that it took before. Again, at most
// max_repeats times, while what it ran under is contaminated in a way that may pass
// and another run would end before `stop_at` (by now). `take` returns false when
// it is not to be repeated, whatever the conditions.
BatchConditions ObserveBatch(const BatchObserver& observer, double stop_at,
                             const std::function<bool()>& take);

// The conditions of several batches in one: sums of events, the worst of the rest.
BatchConditions Merge(const BatchConditions& a, const BatchConditions& b);

// The batches of a comparison, one for each block.
struct BlocksTaken {
  std::vector<bool> counts;    // by block, in the order in which they were taken
  BatchConditions conditions;  // of those that count; the others are among `repeats`
};

// Takes `wanted` blocks, and for those that stayed contaminated up to half as many more,
// while most are clean. If most are, the others do not count, for no kernel, so that what
// was timed in turn still pairs; if not, all count and are marked contaminated. `take` is
// told how many were taken before; it returns nullopt when no time is left.
BlocksTaken TakeBlocks(uint32_t wanted,
                       const std::function<std::optional<BatchConditions>(uint32_t)>& take);

// Leaves of samples in blocks of `rounds` those of the blocks that count.
void DropBlocks(const std::vector<bool>& counts, size_t rounds, std::vector<double>& samples);

}  // namespace lathe

#endif  // LATHE_MEASURER_BATCH_H_
