// When and why a search ends.
#ifndef LATHE_TUNER_AUTO_STOP_H_
#define LATHE_TUNER_AUTO_STOP_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "tuner/search.h"

namespace lathe {

enum class StopReason : uint8_t { kTrials, kBudget, kExhausted, kConverged, kCancelled };
// "trials", "budget", "space exhausted", "converged", "cancelled"
std::string_view Name(StopReason reason);
std::optional<StopReason> StopReasonFromName(std::string_view name);

// When a search is over before its limits: once the gain that is expected of the
// next `horizon` trials falls below `least_gain`.
struct AutoStop {
  bool enabled = false;
  double least_gain = 0.01;  // a share of the best time
  int horizon = 16;          // trials
  int64_t min_trials = 48;   // of this run
};

// The gain expected of the next stop.horizon trials, a share of the best time: what the
// search expects of its candidates, or what the latest trials gained, if that is more,
// since either alone has been wrong too often. `times`: seconds of this run's trials in
// order, infinite for failures.
double ExpectedGain(const AutoStop& stop, const Search& search, absl::Span<const double> times);

bool IsConverged(const AutoStop& stop, const Search& search, absl::Span<const double> times);

}  // namespace lathe

#endif  // LATHE_TUNER_AUTO_STOP_H_
