// Who measures candidates: an interface, so that tests use a fake device.
#ifndef LATHE_TUNER_MEASURE_SERVICE_H_
#define LATHE_TUNER_MEASURE_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lathe/v1/device.pb.h"
#include "lathe/v1/measurer.pb.h"
#include "tuner/cancellation.h"

namespace lathe {

// One trial's work. The service fills in lease_id and fencing_token; the rest
// of the lease is the caller's, with a trial_id of its own for each job.
struct MeasureJob {
  v1::Lease lease;
  std::shared_ptr<const std::string> artifact;   // bytes of lease.digest
  std::shared_ptr<const std::string> reference;  // bytes of lease.reference.digest, if any
  // Bytes of lease.contenders, in order.
  std::vector<std::shared_ptr<const std::string>> contenders;
  std::string device_kind;  // measured nowhere else; empty: anywhere
};

struct MeasureOutcome {
  // OK: `result` is the outcome. Cancelled: it was not measured, by request.
  // Unavailable: no measurer is left, and why.
  absl::Status status;
  v1::MeasureResult result;
  std::string device_uuid;
};
using MeasureCallback = std::function<void(MeasureOutcome)>;

// Thread-safe.
class MeasureService {
 public:
  virtual ~MeasureService() = default;
  // A device that is ready, waiting for one to appear. DeadlineExceeded, or
  // Unavailable saying why none will come.
  virtual absl::StatusOr<v1::Device> AwaitDevice(absl::Time deadline) = 0;
  // Calls `done` exactly once, on any thread.
  virtual void Measure(MeasureJob job, MeasureCallback done) = 0;
  // Ends a job that has not ended yet as Cancelled; its result is ignored.
  virtual void Cancel(const std::string& trial_id) = 0;
};

// Whether an error of measuring a task is of that task alone: the device and the store
// still serve others.
bool IsOfOneTask(const absl::Status& error);

// AwaitDevice for up to `wait`; Cancelled once a cancellation (may be null) is
// requested.
absl::StatusOr<v1::Device> AwaitDevice(MeasureService& service, absl::Duration wait,
                                       const Cancellation* cancellation);
// Submits and waits; a cancellation (may be null) cancels the job.
MeasureOutcome MeasureAndWait(MeasureService& service, MeasureJob job,
                              const Cancellation* cancellation = nullptr);

}  // namespace lathe

#endif  // LATHE_TUNER_MEASURE_SERVICE_H_
