// Which of several kernels is served: they are timed in turn, and the first keeps its
// place unless another is significantly faster. The minimum of many noisy medians alone
// would favour luck.
#ifndef LATHE_TUNER_PROMOTION_H_
#define LATHE_TUNER_PROMOTION_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "database/store.h"
#include "tuner/paired.h"
#include "tuner/trial.h"

namespace lathe {

// The traces to compare, by text: the incumbent, the default if it has a time, and up to
// `most` of the fastest others, but none that took much longer than the first. `seconds`
// are medians by trace.
std::vector<std::string> ChooseFinalists(const std::map<std::string, double>& seconds,
                                         const std::optional<std::string>& incumbent,
                                         const std::string& default_trace, int most);

// What the samples of a comparison say.
struct Comparison {
  PairedTimes times;
  size_t winner = 0;   // FindWinner's: none if it is the number of kernels
  bool again = false;  // undecided: another comparison decides
};
// Judges the `look`-th comparison (from 1) of the same kernels, in one place for who
// measures and who replays. All looks together share the rate of false positives.
Comparison Judge(PairedTimes times, int look);

struct PromotionJob {
  const Problem& problem;
  const Task& task;
  ReferenceCheck& reference;
  JobOptions options;
  int blocks = kPairedBlocks;
  MeasureService& measurer;
  const Cancellation* cancellation = nullptr;                 // may be null
  std::function<void(Trial&)> identify = {};                  // gives it a new id and number
  std::function<void(const Comparison&)> on_comparison = {};  // may be empty
};
struct Promotion {
  std::vector<Record> records;  // of all comparisons; one is promoted, if there is a winner
  // By finalist: its record in the last comparison, nullopt if no time was left for it; and
  // whether its samples were compared.
  std::vector<std::optional<Record>> last;
  std::vector<bool> compared;
  size_t winner = 0;  // a finalist; their number: none was right
};
// Times built finalists, one to kMaxPaired with ids of their own, until the comparison is
// decided. Stores nothing. Errors are those of MeasurePaired.
absl::StatusOr<Promotion> DecidePromotion(const PromotionJob& job,
                                          std::vector<std::shared_ptr<Trial>> finalists);

}  // namespace lathe

#endif  // LATHE_TUNER_PROMOTION_H_
