// The interleaved run: contestants take turns, round after round, so that drift
// of the machine hits all of them alike and ratios within one round stay true.
#ifndef LATHE_BENCH_CONTEST_H_
#define LATHE_BENCH_CONTEST_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lathe {

struct Contestant {
  std::string name;
  std::function<bool()> call;  // false: it failed, and is out of the contest
  int max_rounds = 0;          // 0: all
};

struct ContestOptions {
  double sample_seconds = 2e-3;  // a sample's calls last at least this
  int min_rounds = 7;
  int max_rounds = 41;
  double budget_seconds = 5;      // begins no round beyond it after min_rounds
  std::function<double()> now;    // seconds, monotonic: for the budget
  std::function<double()> clock;  // seconds that samples take; empty: `now`
  // Counts what disturbs a sample, such as preemptions: a sample during which it
  // grows is taken again, a few times, and the fastest counts. May be empty.
  std::function<int64_t()> disturbances;
  std::function<void(int round)> begin_round;  // before the round's samples; may be empty
};

struct ContestResult {
  // samples[contestant][round]: seconds a call; NaN in rounds it took no part in.
  std::vector<std::vector<double>> samples;
  std::vector<bool> failed;
  int rounds = 0;
};

// Each turn is one untimed call, which brings the contestant's code and data back
// into the caches, and one timed sample; slow calls (beyond ten samples' time)
// are timed without the first. Every round begins with another contestant.
ContestResult RunContest(const std::vector<Contestant>& contestants, const ContestOptions& options);

// Median of one contestant's samples; 0 without any.
double MedianTime(const std::vector<double>& samples);

struct RatioEstimate {
  double ratio = 0;
  double low = 0, high = 0;  // 95 % confidence interval
};
// Median of numerator / denominator over the rounds that both took part in;
// zeros without such a round.
RatioEstimate PairedRatio(const std::vector<double>& numerator,
                          const std::vector<double>& denominator);

// exp(mean(log)); 0 for none.
double GeometricMean(const std::vector<double>& values);

}  // namespace lathe

#endif  // LATHE_BENCH_CONTEST_H_
