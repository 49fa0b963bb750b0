#include "measurer/batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace lathe {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

// Conditions of one batch after the other, as a test says; the last again and again.
class FakeConditions : public ConditionSource {
 public:
  explicit FakeConditions(std::vector<BatchConditions> script) : script_(std::move(script)) {}
  void Start(const std::vector<int32_t>&) override { ++starts; }
  BatchConditions Stop() override { return script_[std::min(stops++, script_.size() - 1)]; }

  size_t starts = 0, stops = 0;

 private:
  std::vector<BatchConditions> script_;
};

BatchConditions Quiet() { return {}; }
BatchConditions Stolen() {
  BatchConditions conditions;
  conditions.steal_fraction = 0.5;
  return conditions;
}
BatchConditions Loaded() {
  BatchConditions conditions;
  conditions.load_average = 1e6;
  return conditions;
}

struct Bench {
  explicit Bench(std::vector<BatchConditions> script) : source(std::move(script)) {
    observer.source = &source;
    observer.now = [this] { return now; };
    observer.time_canary = [this] {
      return canary.empty() ? 1.0 : canary[std::min(readings++, canary.size() - 1)];
    };
  }
  // Observes batches of one second.
  BatchConditions Observe(double stop_at = kForever, bool repeatable = true) {
    return ObserveBatch(observer, stop_at, [&] {
      ++batches;
      now += 1;
      return repeatable;
    });
  }

  FakeConditions source;
  BatchObserver observer;
  double now = 0;
  std::vector<double> canary;
  size_t readings = 0;
  int batches = 0;
};

TEST(Batch, AQuietOneStands) {
  Bench bench({Quiet()});
  BatchConditions conditions = bench.Observe();
  EXPECT_EQ(bench.batches, 1);
  EXPECT_FALSE(conditions.contaminated);
  EXPECT_EQ(conditions.repeats, 0u);
  EXPECT_LT(conditions.drift, 0) << "no baseline, no drift";
  EXPECT_EQ(conditions.canary_seconds, 1);
}

TEST(Batch, AContaminatedOneIsRepeatedUntilItIsQuiet) {
  Bench bench({Stolen(), Quiet()});
  BatchConditions conditions = bench.Observe();
  EXPECT_EQ(bench.batches, 2);
  EXPECT_FALSE(conditions.contaminated);
  EXPECT_EQ(conditions.repeats, 1u);
}

TEST(Batch, OneThatStaysContaminatedIsMarked) {
  Bench bench({Stolen()});
  BatchConditions conditions = bench.Observe();
  EXPECT_EQ(bench.batches, 1 + static_cast<int>(kMaxRepeats));
  EXPECT_TRUE(conditions.contaminated);
  EXPECT_EQ(conditions.repeats, kMaxRepeats);
}

TEST(Batch, RepetitionInVainIsGivenUpUntilABatchIsClean) {
  RepeatAllowance allowance;
  BatchConditions contaminated;
  contaminated.contaminated = true;
  for (int batch = 0; batch < 3; ++batch) {
    EXPECT_EQ(allowance.repeats(), kMaxRepeats);
    allowance.Note(contaminated);
  }
  EXPECT_EQ(allowance.repeats(), 0u);
  allowance.Note(contaminated);
  EXPECT_EQ(allowance.repeats(), 0u);
  allowance.Note(Quiet());
  EXPECT_EQ(allowance.repeats(), kMaxRepeats);
  Bench bench({Stolen()});
  bench.observer.max_repeats = 0;
  EXPECT_TRUE(bench.Observe().contaminated);
  EXPECT_EQ(bench.batches, 1);
}

TEST(Batch, WhatLastsIsMarkedAtOnce) {
  Bench bench({Loaded()});
  BatchConditions conditions = bench.Observe();
  EXPECT_EQ(bench.batches, 1);
  EXPECT_TRUE(conditions.contaminated);
}

TEST(Batch, WithoutTimeItIsMarkedAtOnce) {
  Bench bench({Stolen()});
  EXPECT_TRUE(bench.Observe(/*stop_at=*/1.5).contaminated);
  EXPECT_EQ(bench.batches, 1);
}

TEST(Batch, AFailureIsNotRepeated) {
  Bench bench({Stolen()});
  EXPECT_TRUE(bench.Observe(kForever, /*repeatable=*/false).contaminated);
  EXPECT_EQ(bench.batches, 1);
}

TEST(Batch, DriftOfTheCanaryContaminates) {
  Bench bench({Quiet()});
  bench.observer.canary_baseline = 1;
  // Slow before the first batch, as always from then on.
  bench.canary = {1.3, 1.0, 1.0, 1.02};
  BatchConditions conditions = bench.Observe();
  EXPECT_EQ(bench.batches, 2);
  EXPECT_FALSE(conditions.contaminated);
  EXPECT_DOUBLE_EQ(conditions.drift, 1.02);
}

TEST(Batch, MergedConditions) {
  BatchConditions a = Stolen(), b = Quiet();
  a.involuntary_switches = 2;
  a.drift = 0.8;
  b.involuntary_switches = 3;
  b.drift = 1.1;
  a.contaminated = true;
  BatchConditions merged = Merge(a, b);
  EXPECT_EQ(merged.steal_fraction, 0.5);
  EXPECT_EQ(merged.involuntary_switches, 5);
  EXPECT_EQ(merged.migrations, -1);
  EXPECT_EQ(merged.drift, 0.8);
  EXPECT_TRUE(merged.contaminated);
}

// --- Blocks.

BatchConditions Clean(double load) {
  BatchConditions conditions;
  conditions.load_average = load;
  return conditions;
}
BatchConditions Dirty() {
  BatchConditions conditions = Stolen();
  conditions.contaminated = true;
  conditions.repeats = kMaxRepeats;
  return conditions;
}

// Takes blocks of these conditions, one after the other; no time is left after them.
BlocksTaken Take(uint32_t wanted, const std::vector<BatchConditions>& script) {
  uint32_t next = 0;
  return TakeBlocks(wanted, [&](uint32_t block) -> std::optional<BatchConditions> {
    EXPECT_EQ(block, next++);
    if (block == script.size()) return std::nullopt;
    return script[block];
  });
}

TEST(Blocks, CleanOnesCountAndNoMoreAreTaken) {
  BlocksTaken taken = Take(3, {Clean(1), Clean(3), Clean(2), Clean(9)});
  EXPECT_EQ(taken.counts, std::vector<bool>({true, true, true}));
  EXPECT_FALSE(taken.conditions.contaminated);
  EXPECT_EQ(taken.conditions.load_average, 3);
  EXPECT_EQ(taken.conditions.repeats, 0u);
}

TEST(Blocks, AnotherOneIsTakenInThePlaceOfADisturbedOne) {
  BlocksTaken taken = Take(4, {Clean(1), Dirty(), Clean(1), Clean(1), Clean(1), Clean(1)});
  EXPECT_EQ(taken.counts, std::vector<bool>({true, false, true, true, true}));
  EXPECT_FALSE(taken.conditions.contaminated);
  EXPECT_LT(taken.conditions.steal_fraction, 0.5) << "of those that count";
  EXPECT_EQ(taken.conditions.repeats, 1 + kMaxRepeats);
}

TEST(Blocks, NoMoreThanHalfAsManyAgain) {
  BlocksTaken taken =
      Take(4, {Clean(1), Dirty(), Clean(1), Dirty(), Clean(1), Dirty(), Clean(1), Clean(1)});
  EXPECT_EQ(taken.counts, std::vector<bool>({true, false, true, false, true, false}));
  EXPECT_FALSE(taken.conditions.contaminated);
}

TEST(Blocks, WhereMostAreDisturbedAllCountAndAreMarked) {
  BlocksTaken taken = Take(4, {Dirty(), Clean(1), Dirty(), Dirty(), Clean(1)});
  EXPECT_EQ(taken.counts, std::vector<bool>(4, true)) << "and more would only take time";
  EXPECT_TRUE(taken.conditions.contaminated);
  EXPECT_EQ(taken.conditions.steal_fraction, 0.5);
}

TEST(Blocks, WithoutTimeWhatThereIsDecides) {
  EXPECT_EQ(Take(12, {Clean(1), Dirty()}).counts, std::vector<bool>({true, false}));
  BlocksTaken taken = Take(12, {Dirty()});
  EXPECT_EQ(taken.counts, std::vector<bool>({true}));
  EXPECT_TRUE(taken.conditions.contaminated);
  EXPECT_TRUE(Take(12, {}).counts.empty());
}

TEST(Blocks, SamplesOfOthersAreDropped) {
  std::vector<double> samples = {1, 2, 3, 4, 5, 6};
  DropBlocks({true, false, true}, 2, samples);
  EXPECT_EQ(samples, std::vector<double>({1, 2, 5, 6}));
  DropBlocks({false, false}, 2, samples);
  EXPECT_TRUE(samples.empty());
}

}  // namespace
}  // namespace lathe
