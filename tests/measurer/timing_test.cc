#include "measurer/timing.h"

#include <gtest/gtest.h>

#include <limits>

namespace lathe {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

// A machine on which a call takes what `cost` says of the call's number.
struct FakeMachine {
  std::function<double(uint64_t)> cost = [](uint64_t) { return 1e-4; };
  double now = 0;
  uint64_t calls = 0;
  int evictions = 0;

  TimingSource source() {
    return {[this](uint64_t n) {
              double start = now;
              for (uint64_t i = 0; i < n; ++i) {
                double seconds = cost(calls++);
                if (seconds < 0) return -1.0;
                now += seconds;
              }
              return now - start;
            },
            [this] { return now; }, [this] { ++evictions; }};
  }
};

TimingPlan Plan() {
  TimingPlan plan;
  plan.min_sample_seconds = 1e-3;
  plan.min_samples = 6;
  plan.max_samples = 50;
  plan.budget_seconds = 10;
  plan.target_relative_interval = 0.01;
  return plan;
}

TEST(Timing, CallsAreCalibratedToLastASample) {
  FakeMachine machine;
  uint64_t calls = CalibrateCalls(Plan(), machine.source());
  EXPECT_GE(calls, 10u);
  EXPECT_LE(calls, 15u);
}

TEST(Timing, ColdCallsAreSoManyThatTheClockIsNoMatter) {
  FakeMachine machine;
  TimingPlan cold = Plan();
  cold.cold = true;
  EXPECT_EQ(CalibrateCalls(cold, machine.source(), 1e-8), 1u);
  EXPECT_EQ(CalibrateCalls(cold, machine.source(), 4.5e-6), 5u);
  EXPECT_EQ(CalibrateCalls(cold, machine.source(), 1), 100u);
}

TEST(Timing, TheClocksOwnTime) {
  double now = 0;
  EXPECT_DOUBLE_EQ(ClockOverhead([&now] { return now += 0.25; }), 0.25);
}

TEST(Timing, ConstantTimesStopAtTheFewestSamples) {
  FakeMachine machine;
  TimingResult result = TakeSamples(Plan(), machine.source(), 10, kForever);
  EXPECT_EQ(result.samples.size(), 6u);
  EXPECT_NEAR(result.samples[0], 1e-4, 1e-9);
  EXPECT_FALSE(result.abandoned);
  EXPECT_EQ(machine.evictions, 0);
}

TEST(Timing, NoisyTimesTakeEverySample) {
  FakeMachine machine;
  machine.cost = [](uint64_t call) { return call % 2 == 0 ? 1e-4 : 3e-4; };
  EXPECT_EQ(TakeSamples(Plan(), machine.source(), 1, kForever).samples.size(), 50u);
}

TEST(Timing, SamplesComeFromSeveralPlaces) {
  FakeMachine machine;
  int places = 1;
  machine.cost = [&](uint64_t) { return places * 1e-4; };
  TimingSource source = machine.source();
  source.place_anew = [&] {
    ++places;
    machine.now += 1e-3;
    return true;
  };
  TimingPlan plan = Plan();
  plan.min_samples = plan.max_samples = 12;
  TimingResult result = TakeSamples(plan, source, 10, kForever);
  ASSERT_EQ(result.samples.size(), 12u);
  EXPECT_NEAR(result.samples[3], 1e-4, 1e-9);
  EXPECT_NEAR(result.samples[4], 2e-4, 1e-9);
  EXPECT_NEAR(result.samples[11], 3e-4, 1e-9);
  EXPECT_EQ(machine.calls, 12u * 10 + 2) << "a warm-up in each new place";
}

TEST(Timing, AFarPlaceIsRare) {
  FakeMachine machine;
  int places = 1;
  TimingSource source = machine.source();
  source.place_anew = [&] {
    ++places;
    machine.now += 1e-2;  // as long as ten samples
    return true;
  };
  TimingPlan plan = Plan();
  plan.min_samples = plan.max_samples = 50;
  TakeSamples(plan, source, 10, kForever);
  EXPECT_EQ(places, 3);
}

TEST(Timing, NoPlaceIsLookedForThatTheBudgetDoesNotReach) {
  FakeMachine machine;
  TimingSource source = machine.source();
  source.placing = 20;
  source.place_anew = [] { return false; };
  EXPECT_FALSE(TakeSamples(Plan(), source, 10, kForever).failed);
}

TEST(Timing, APlaceThatFailsEndsIt) {
  FakeMachine machine;
  TimingSource source = machine.source();
  source.place_anew = [] { return false; };
  TimingResult result = TakeSamples(Plan(), source, 10, kForever);
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.samples.size(), 4u);
}

TEST(Timing, TheBudgetAndTheDeadlineEndIt) {
  FakeMachine machine;
  machine.cost = [](uint64_t) { return 20.0; };
  EXPECT_EQ(TakeSamples(Plan(), machine.source(), 1, kForever).samples.size(), 3u);
  EXPECT_EQ(TakeSamples(Plan(), machine.source(), 1, machine.now + 1).samples.size(), 1u);
}

TEST(Timing, AClearlySlowerKernelIsAbandoned) {
  FakeMachine machine;
  TimingPlan plan = Plan();
  plan.abandon_above_seconds = 5e-5;
  TimingResult result = TakeSamples(plan, machine.source(), 1, kForever);
  EXPECT_TRUE(result.abandoned);
  EXPECT_EQ(result.samples.size(), 5u);
}

TEST(Timing, AHopelessKernelIsAbandonedSooner) {
  FakeMachine machine;
  TimingPlan plan = Plan();
  plan.abandon_above_seconds = 4e-5;
  EXPECT_EQ(TakeSamples(plan, machine.source(), 1, kForever).samples.size(), 2u);
  // One slow sample may be an interruption.
  FakeMachine interrupted;
  interrupted.cost = [](uint64_t call) { return call == 0 ? 1e-2 : 3e-5; };
  EXPECT_FALSE(TakeSamples(plan, interrupted.source(), 1, kForever).abandoned);
}

TEST(Timing, ColdCachesAreEvictedBeforeEveryTimedCall) {
  FakeMachine machine;
  TimingPlan plan = Plan();
  plan.cold = true;
  TimingSource source = machine.source();
  // Evicting takes long, and is not timed.
  source.evict_caches = [&] {
    ++machine.evictions;
    machine.now += 1e-2;
  };
  TimingResult result = TakeSamples(plan, source, 3, kForever);
  EXPECT_EQ(machine.evictions, static_cast<int>(machine.calls));
  EXPECT_EQ(machine.calls, 3 * result.samples.size());
  EXPECT_NEAR(result.samples.front(), 1e-4, 1e-9);
}

TEST(Timing, AFailingCallEndsIt) {
  FakeMachine machine;
  machine.cost = [](uint64_t call) { return call < 3 ? 1e-4 : -1; };
  EXPECT_TRUE(TakeSamples(Plan(), machine.source(), 1, kForever).failed);
  EXPECT_EQ(CalibrateCalls(Plan(), machine.source()), 0u);
}

}  // namespace
}  // namespace lathe
