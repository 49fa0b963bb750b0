#include "tuner/significance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>

namespace lathe {
namespace {

using ::testing::ElementsAre;

TEST(Significance, GainsOfBlocks) {
  const std::vector<double> a = {1, 1, 9, 2, 2, 2};
  const std::vector<double> b = {2, 2, 2, 2, 2, 2};
  EXPECT_THAT(GainsOfBlocks(a, b, 3), ElementsAre(0.5, 0));
}

TEST(Significance, SignedRanksByHand) {
  EXPECT_EQ(SignedRankTail({}), 1);
  const std::vector<double> good = {1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(SignedRankTail(good), 1.0 / 32);
  const std::vector<double> smallest_against = {-1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(SignedRankTail(smallest_against), 2.0 / 32);
  const std::vector<double> third_against = {1, 2, -3, 4, 5};  // sums of ranks 0, 1, 2, 3, 1+2
  EXPECT_DOUBLE_EQ(SignedRankTail(third_against), 5.0 / 32);
  const std::vector<double> ties = {1, -1, 1, 1};  // one of four equal ones against
  EXPECT_DOUBLE_EQ(SignedRankTail(ties), 5.0 / 16);
  const std::vector<double> zeros = {0, 0, 0};
  EXPECT_DOUBLE_EQ(SignedRankTail(zeros), 1);
}

TEST(Significance, TheFirstHoldsItsPlace) {
  const std::vector<double> slow(12, 1.0), little(12, 0.997), fast(12, 0.9), faster(12, 0.8);
  EXPECT_EQ(FindWinner({slow, little}, 1), 0u);
  EXPECT_EQ(FindWinner({slow, fast, faster}, 1), 2u);
  EXPECT_EQ(FindWinner({fast, slow}, 1), 0u);
  EXPECT_EQ(FindWinner({{}, fast, faster}, 1), 2u) << "one that failed holds nothing";
  EXPECT_EQ(FindWinner({{}, {}}, 1), 2u);
  // Four blocks are too few for three challengers.
  const std::vector<double> few(4, 1.0), few_fast(4, 0.5);
  EXPECT_EQ(FindWinner({few, few_fast, few_fast, few_fast}, 1), 0u);
}

// A machine that drifts, is interrupted, has phases of contention, and places each
// kernel's memory with more or less luck.
class NoisyMachine {
 public:
  explicit NoisyMachine(uint64_t seed) : random_(seed) {}

  // Samples of kernels that take `seconds`, in turn, back and forth.
  std::vector<std::vector<double>> Measure(const std::vector<double>& seconds, size_t blocks,
                                           size_t rounds) {
    std::vector<std::vector<double>> samples(seconds.size());
    for (size_t block = 0; block < blocks; ++block) {
      std::vector<double> placed = seconds;
      for (double& time : placed) time *= 1 + 0.003 * Normal();
      for (size_t round = 0; round < rounds; ++round) {
        for (size_t i = 0; i < seconds.size(); ++i) {
          const size_t k = (block + (round % 2 == 0 ? i : seconds.size() - 1 - i)) % seconds.size();
          samples[k].push_back(placed[k] * Machine());
        }
      }
    }
    return samples;
  }

 private:
  double Normal() { return normal_(random_); }
  bool Chance(double probability) { return uniform_(random_) < probability; }
  double Machine() {
    drift_ *= 1 + 0.0005 + 0.001 * Normal();
    if (Chance(0.02)) contention_ = contention_ == 1 ? 1.3 : 1;
    const double interruption = Chance(0.03) ? 1 + 3 * uniform_(random_) : 1;
    return drift_ * contention_ * interruption * (1 + 0.015 * std::abs(Normal()));
  }

  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
  double drift_ = 1, contention_ = 1;
};

constexpr size_t kBlocks = 12, kRounds = 5;

TEST(Significance, IdenticalKernelsAreRarelyPromotedOverEachOther) {
  constexpr uint64_t kSeed = 20240607;
  std::cout << "seed " << kSeed << "\n";
  for (size_t kernels : {2u, 4u}) {
    NoisyMachine machine(kSeed + kernels);
    int promoted = 0;
    constexpr int kTrials = 2000;
    for (int trial = 0; trial < kTrials; ++trial) {
      const auto samples = machine.Measure(std::vector<double>(kernels, 1), kBlocks, kRounds);
      promoted += FindWinner(samples, kRounds) != 0 ? 1 : 0;
    }
    const double rate = static_cast<double>(promoted) / kTrials;
    std::cout << kernels << " kernels: " << rate << " promoted\n";
    EXPECT_LT(rate, 0.05);
  }
}

TEST(Significance, TheRateIsKeptWithoutALeastGain) {
  constexpr uint64_t kSeed = 99;
  std::cout << "seed " << kSeed << "\n";
  NoisyMachine machine(kSeed);
  SignificanceOptions options;
  options.least_gain = 0;
  int promoted = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    promoted += FindWinner(machine.Measure({1, 1, 1, 1}, kBlocks, kRounds), kRounds, options) != 0;
  }
  const double rate = static_cast<double>(promoted) / kTrials;
  std::cout << rate << " promoted\n";
  EXPECT_LT(rate, 0.05);
  EXPECT_GT(rate, 0.005) << "the test has no power left";
}

TEST(Significance, ARealGainOfTwoPercentIsFound) {
  constexpr uint64_t kSeed = 7;
  std::cout << "seed " << kSeed << "\n";
  for (size_t kernels : {2u, 4u}) {
    NoisyMachine machine(kSeed + kernels);
    std::vector<double> seconds(kernels, 1);
    seconds.back() = 0.98;
    int found = 0;
    constexpr int kTrials = 500;
    for (int trial = 0; trial < kTrials; ++trial) {
      const auto samples = machine.Measure(seconds, kBlocks, kRounds);
      found += FindWinner(samples, kRounds) == kernels - 1 ? 1 : 0;
    }
    const double power = static_cast<double>(found) / kTrials;
    std::cout << kernels << " kernels: found in " << power << "\n";
    EXPECT_GT(power, 0.8);
  }
}

}  // namespace
}  // namespace lathe
