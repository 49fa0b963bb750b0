#include "tuner/measure_service.h"

#include <chrono>
#include <future>
#include <string>
#include <utility>

namespace lathe {

MeasureOutcome MeasureAndWait(MeasureService& service, MeasureJob job,
                              const Cancellation* cancellation) {
  std::string trial = job.lease.trial_id();
  auto promise = std::make_shared<std::promise<MeasureOutcome>>();
  std::future<MeasureOutcome> outcome = promise->get_future();
  service.Measure(std::move(job),
                  [promise](MeasureOutcome outcome) { promise->set_value(std::move(outcome)); });
  while (outcome.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    if (cancellation != nullptr && cancellation->requested()) service.Cancel(trial);
  }
  return outcome.get();
}

}  // namespace lathe
