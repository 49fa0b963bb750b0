#include "tuner/auto_stop.h"

#include <algorithm>

#include "tuner/forecast.h"

namespace lathe {

std::string_view Name(StopReason reason) {
  switch (reason) {
    case StopReason::kTrials:
      return "trials";
    case StopReason::kBudget:
      return "budget";
    case StopReason::kExhausted:
      return "space exhausted";
    case StopReason::kConverged:
      return "converged";
    case StopReason::kCancelled:
      return "cancelled";
  }
  return "";
}

std::optional<StopReason> StopReasonFromName(std::string_view name) {
  for (StopReason reason : {StopReason::kTrials, StopReason::kBudget, StopReason::kExhausted,
                            StopReason::kConverged, StopReason::kCancelled}) {
    if (Name(reason) == name) return reason;
  }
  return std::nullopt;
}

double ExpectedGain(const AutoStop& stop, const Search& search, absl::Span<const double> times) {
  const std::optional<double> expected = search.ForecastGain(stop.horizon);
  return std::max(expected.value_or(0), GainOfRecord(times, stop.horizon));
}

bool IsConverged(const AutoStop& stop, const Search& search, absl::Span<const double> times) {
  if (!stop.enabled || static_cast<int64_t>(times.size()) < stop.min_trials) return false;
  return ExpectedGain(stop, search, times) < stop.least_gain;
}

}  // namespace lathe
