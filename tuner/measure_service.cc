#include "tuner/measure_service.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <utility>

#include "absl/time/clock.h"

namespace lathe {

bool IsOfOneTask(const absl::Status& error) {
  return absl::IsUnimplemented(error) || absl::IsInternal(error) ||
         absl::IsInvalidArgument(error) || absl::IsFailedPrecondition(error);
}

absl::StatusOr<v1::Device> AwaitDevice(MeasureService& service, absl::Duration wait,
                                       const Cancellation* cancellation) {
  const absl::Time deadline = absl::Now() + wait;
  while (!IsRequested(cancellation)) {
    absl::Time slice = std::min(deadline, absl::Now() + absl::Milliseconds(100));
    absl::StatusOr<v1::Device> device = service.AwaitDevice(slice);
    if (!absl::IsDeadlineExceeded(device.status()) || slice == deadline) return device;
  }
  return absl::CancelledError("interrupted before a measurer was ready");
}

MeasureOutcome MeasureAndWait(MeasureService& service, MeasureJob job,
                              const Cancellation* cancellation) {
  std::string trial = job.lease.trial_id();
  auto promise = std::make_shared<std::promise<MeasureOutcome>>();
  std::future<MeasureOutcome> outcome = promise->get_future();
  service.Measure(std::move(job),
                  [promise](MeasureOutcome outcome) { promise->set_value(std::move(outcome)); });
  while (outcome.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (IsRequested(cancellation)) service.Cancel(trial);
  }
  return outcome.get();
}

}  // namespace lathe
