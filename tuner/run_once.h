// One kernel, checked and timed now: `lathe run`.
#ifndef LATHE_TUNER_RUN_ONCE_H_
#define LATHE_TUNER_RUN_ONCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tuner/builder.h"
#include "tuner/cancellation.h"
#include "tuner/measure_service.h"
#include "tuner/problem.h"

namespace lathe {

struct RunReport {
  Record record;  // as tuning would have stored it, any status
  v1::Device device;
  bool reference_proved = false;
};

// Builds `trace` (text) of the problem, checks it against the proved reference,
// times it. A failed build, check or run is a record with that status; errors
// are those of TuneSession::Run, and Cancelled.
absl::StatusOr<RunReport> RunOnce(const Problem& problem, const std::string& trace,
                                  Builder& builder, MeasureService& measurer,
                                  const Cancellation* cancellation = nullptr,
                                  absl::Duration device_wait = absl::Seconds(30));

}  // namespace lathe

#endif  // LATHE_TUNER_RUN_ONCE_H_
