#include "measurer/batch.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace lathe {
namespace {

// The reading further from the baseline; without one, the mean.
double Worse(double before, double after, double baseline) {
  if (baseline <= 0) return (before + after) / 2;
  return std::abs(before - baseline) > std::abs(after - baseline) ? before : after;
}

// A sum in which negative numbers are unknown.
int64_t Sum(int64_t a, int64_t b) { return a < 0 || b < 0 ? std::max(a, b) : a + b; }

}  // namespace

BatchConditions ObserveBatch(const BatchObserver& observer, double stop_at,
                             const std::function<bool()>& take) {
  for (uint32_t repeat = 0;; ++repeat) {
    const double canary = observer.time_canary();
    const double start = observer.now();
    observer.source->Start(observer.cpus);
    const bool repeatable = take();
    BatchConditions conditions = observer.source->Stop();
    const double seconds = observer.now() - start;
    conditions.canary_seconds = Worse(canary, observer.time_canary(), observer.canary_baseline);
    if (observer.canary_baseline > 0) {
      conditions.drift = conditions.canary_seconds / observer.canary_baseline;
    }
    const Contamination found = JudgeConditions(conditions, seconds, observer.limits);
    conditions.contaminated = found != Contamination::kNone;
    conditions.repeats = repeat;
    if (!repeatable || found != Contamination::kPassing || repeat == observer.max_repeats ||
        observer.now() + seconds > stop_at) {
      return conditions;
    }
  }
}

BatchConditions Merge(const BatchConditions& a, const BatchConditions& b) {
  BatchConditions merged = b;
  merged.temperature_celsius = std::max(a.temperature_celsius, b.temperature_celsius);
  merged.load_average = std::max(a.load_average, b.load_average);
  merged.steal_fraction = std::max(a.steal_fraction, b.steal_fraction);
  merged.migrations = Sum(a.migrations, b.migrations);
  merged.involuntary_switches = Sum(a.involuntary_switches, b.involuntary_switches);
  merged.contaminated = a.contaminated || b.contaminated;
  merged.repeats = a.repeats + b.repeats;
  merged.frequency_change = std::max(a.frequency_change, b.frequency_change);
  if (a.drift > 0 && std::abs(a.drift - 1) > std::abs(b.drift - 1)) {
    merged.drift = a.drift;
    merged.canary_seconds = a.canary_seconds;
  }
  return merged;
}

BlocksTaken TakeBlocks(uint32_t wanted,
                       const std::function<std::optional<BatchConditions>(uint32_t)>& take) {
  const size_t most = size_t{wanted} + wanted / 2;
  std::vector<BatchConditions> blocks;
  size_t clean = 0;
  while (clean < wanted && blocks.size() < most) {
    if (blocks.size() >= wanted && 2 * clean < blocks.size()) break;  // it will be marked anyway
    std::optional<BatchConditions> block = take(static_cast<uint32_t>(blocks.size()));
    if (!block) break;
    clean += block->contaminated ? 0 : 1;
    blocks.push_back(*block);
  }
  const bool contaminated = 2 * clean < blocks.size();
  BlocksTaken taken;
  uint32_t dropped = 0;  // and how often they were repeated
  bool first = true;
  for (const BatchConditions& block : blocks) {
    taken.counts.push_back(contaminated || !block.contaminated);
    if (!taken.counts.back()) {
      dropped += 1 + block.repeats;
      continue;
    }
    taken.conditions = std::exchange(first, false) ? block : Merge(taken.conditions, block);
  }
  taken.conditions.contaminated = contaminated;
  taken.conditions.repeats += dropped;
  return taken;
}

void DropBlocks(const std::vector<bool>& counts, size_t rounds, std::vector<double>& samples) {
  size_t kept = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (counts[i / rounds]) samples[kept++] = samples[i];
  }
  samples.resize(kept);
}

}  // namespace lathe
