#include "tuner/task_scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace lathe {
namespace {

constexpr int64_t kSliceTrials = 12;

// A task whose best falls towards a floor in random steps, and what its trials cost.
struct FakeTask {
  double weight = 1, start = 1, floor = 1, tau = 1, trial_seconds = 1;
  std::mt19937_64 random;
  double best = 0;
  int64_t trials = 0;

  SliceOutcome Slice(bool with_forecast) {
    SliceOutcome outcome;
    std::uniform_real_distribution<double> unit(0, 1);
    for (int64_t i = 0; i < kSliceTrials; ++i, ++trials) {
      // A new best every few trials, near the curve.
      const double curve = Curve(static_cast<double>(trials));
      const double found = unit(random) < 0.3 ? curve * (1 + 0.02 * unit(random)) : 2 * curve;
      best = best == 0 ? start : std::min(best, found);
    }
    outcome.seconds = trial_seconds * kSliceTrials;
    outcome.trials = kSliceTrials;
    outcome.best = best;
    if (with_forecast) {
      outcome.forecast = 1 - Curve(static_cast<double>(trials + kSliceTrials)) / best;
    }
    return outcome;
  }
  double Curve(double n) const { return floor + (start - floor) * std::exp(-n / tau); }
};

std::vector<FakeTask> MakeTasks(uint64_t seed, bool weighted) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<FakeTask> tasks(4 + seed % 8);
  for (FakeTask& task : tasks) {
    task.weight = weighted ? std::floor(1 + 10 * unit(random)) : 0;
    task.start = std::pow(10, -5 + 3 * unit(random));
    task.floor = task.start * (0.3 + 0.7 * unit(random));
    task.tau = 5 * std::pow(40, unit(random));
    task.trial_seconds = 0.05 + 0.2 * unit(random) + 30 * task.start;
    task.random.seed(random());
  }
  return tasks;
}

// The total after `budget` seconds, relative to that at the start.
double Total(const std::vector<FakeTask>& tasks) {
  double now = 0, start = 0;
  for (const FakeTask& task : tasks) {
    const double weight = task.weight > 0 ? task.weight : 1 / task.start;
    now += weight * task.best;
    start += weight * task.start;
  }
  return now / start;
}

double Cost(const std::vector<FakeTask>& tasks, double slices) {
  double seconds = 0;
  for (const FakeTask& task : tasks) seconds += slices * kSliceTrials * task.trial_seconds;
  return seconds;
}

double Scheduled(std::vector<FakeTask> tasks, double budget, bool with_forecast) {
  std::vector<ScheduledTask> scheduled;
  for (const FakeTask& task : tasks) scheduled.push_back({task.weight, 0});
  TaskScheduler scheduler(scheduled);
  for (double spent = 0; spent < budget;) {
    const size_t task = *scheduler.Next();
    const SliceOutcome outcome = tasks[task].Slice(with_forecast);
    spent += outcome.seconds;
    scheduler.Update(task, outcome);
  }
  return Total(tasks);
}

double RoundRobin(std::vector<FakeTask> tasks, double budget) {
  size_t task = 0;
  for (double spent = 0; spent < budget; task = (task + 1) % tasks.size()) {
    spent += tasks[task].Slice(false).seconds;
  }
  return Total(tasks);
}

// Fakes of many kinds: less is left of the total than after taking turns.
void ExpectBeatsTakingTurns(bool weighted, bool with_forecast, double least_gain) {
  double logs = 0;
  int better = 0;
  constexpr int kSuites = 60;
  for (uint64_t seed = 1; seed <= kSuites; ++seed) {
    const std::vector<FakeTask> tasks = MakeTasks(seed, weighted);
    const double budget = Cost(tasks, 5);
    const double ours = Scheduled(tasks, budget, with_forecast), turns = RoundRobin(tasks, budget);
    logs += std::log(turns / ours);
    better += ours <= 1.005 * turns ? 1 : 0;
    EXPECT_LT(ours, 1.06 * turns) << "seed " << seed;
  }
  EXPECT_GT(std::exp(logs / kSuites), 1 + least_gain);
  EXPECT_GT(better, kSuites * 8 / 10);
}

TEST(TaskSchedulerTest, BeatsTakingTurnsOnWeightedSuites) {
  ExpectBeatsTakingTurns(true, false, 0.04);
}
TEST(TaskSchedulerTest, AForecastHelpsMore) { ExpectBeatsTakingTurns(true, true, 0.06); }
TEST(TaskSchedulerTest, BeatsTakingTurnsWithoutWeights) {
  ExpectBeatsTakingTurns(false, false, 0.005);
  ExpectBeatsTakingTurns(false, true, 0.025);
}

TEST(TaskSchedulerTest, FirstGivesEachTaskASlice) {
  TaskScheduler scheduler({{100, 0}, {1, 0}, {50, 0}});
  for (size_t expected : {0u, 1u, 2u}) {
    ASSERT_EQ(scheduler.Next(), expected);
    scheduler.Update(expected, {1, 12, 1e-3, 0, 0, {}});
  }
}

TEST(TaskSchedulerTest, NeverStarvesATask) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::vector<FakeTask> tasks = MakeTasks(seed, true);
    tasks[0].weight = 1e6;  // one that matters above all
    std::vector<ScheduledTask> scheduled;
    for (const FakeTask& task : tasks) scheduled.push_back({task.weight, 0});
    const SchedulerOptions options;
    TaskScheduler scheduler(scheduled, options);
    std::vector<int> last(tasks.size(), 0);
    for (int slice = 1; slice <= 600; ++slice) {
      const size_t task = *scheduler.Next();
      scheduler.Update(task, tasks[task].Slice(true));
      last[task] = slice;
      for (int then : last) {
        ASSERT_LE(slice - then, options.fair_every * static_cast<int>(tasks.size()))
            << "seed " << seed;
      }
    }
  }
}

TEST(TaskSchedulerTest, ATaskAtItsFloorWaits) {
  TaskScheduler scheduler({{1, 1e-3}, {1, 1e-4}}, {.fair_every = 1000});
  scheduler.Update(0, {1, 12, 1e-3, 0, 0, {}});
  scheduler.Update(1, {1, 12, 1e-3, 0, 0, {}});
  EXPECT_EQ(scheduler.GainPerSecond(0), 0);
  EXPECT_GT(scheduler.GainPerSecond(1), 0);
  EXPECT_EQ(scheduler.Next(), 1u);
}

TEST(TaskSchedulerTest, WeightsAndCostDecideBetweenEquals) {
  TaskScheduler weights({{1, 0}, {3, 0}}, {.fair_every = 1000});
  weights.Update(0, {1, 12, 1e-3, 0, 0, {}});
  weights.Update(1, {1, 12, 1e-3, 0, 0, {}});
  EXPECT_EQ(weights.Next(), 1u);
  TaskScheduler costs({{0, 0}, {0, 0}}, {.fair_every = 1000});
  costs.Update(0, {1, 12, 1e-3, 0, 0, {}});
  costs.Update(1, {5, 12, 1e-3, 0, 0, {}});
  EXPECT_EQ(costs.Next(), 0u);
}

TEST(TaskSchedulerTest, WithoutWeightsALongTaskCountsLikeAShortOne) {
  TaskScheduler scheduler({{0, 0}, {0, 0}}, {.fair_every = 1000});
  scheduler.Update(0, {1, 12, 1.0, 0, 0, 0.1});
  scheduler.Update(1, {1, 12, 1e-6, 0, 0, 0.2});
  EXPECT_EQ(scheduler.Next(), 1u);
}

TEST(TaskSchedulerTest, EarlierRunsCount) {
  // Both at 1 ms; the first one has come there long ago.
  TaskScheduler scheduler({{0, 0}, {0, 0}}, {.fair_every = 1000});
  scheduler.Update(0, {1, 12, 1e-3, 1e-3, 500, {}});
  scheduler.Update(1, {1, 12, 1e-3, 0, 0, {}});
  EXPECT_LT(scheduler.GainPerSecond(0), scheduler.GainPerSecond(1));
}

TEST(TaskSchedulerTest, FinishedTasksGetNothing) {
  TaskScheduler scheduler({{0, 0}, {0, 0}});
  scheduler.Finish(0);
  EXPECT_EQ(scheduler.Next(), 1u);
  EXPECT_EQ(scheduler.GainPerSecond(0), 0);
  scheduler.Finish(1);
  EXPECT_EQ(scheduler.Next(), std::nullopt);
}

TEST(TaskSchedulerTest, TellsTheShareOfTime) {
  TaskScheduler scheduler({{0, 0}, {0, 0}});
  EXPECT_EQ(scheduler.ShareOfTime(0), 0);
  scheduler.Update(0, {3, 12, 1e-3, 0, 0, {}});
  scheduler.Update(1, {1, 12, 0, 0, 0, {}});
  EXPECT_DOUBLE_EQ(scheduler.ShareOfTime(0), 0.75);
}

}  // namespace
}  // namespace lathe
