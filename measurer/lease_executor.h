// Carries out leases: references, checks, timing, whatever the runner's fate.
#ifndef LATHE_MEASURER_LEASE_EXECUTOR_H_
#define LATHE_MEASURER_LEASE_EXECUTOR_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lathe/v1/measurer.pb.h"
#include "measurer/canary.h"
#include "measurer/memory_cache.h"
#include "measurer/runner_process.h"

namespace lathe {

// The bytes of an artifact by digest, verified.
using ArtifactSource =
    std::function<absl::StatusOr<std::shared_ptr<const SharedMemory>>(const std::string& digest)>;

struct ExecutorOptions {
  RunnerOptions runner;
  std::vector<int32_t> cpus;  // to pin to when a lease names none
  uint64_t reference_cache_bytes = uint64_t{1} << 30;
};

// Execute is for one long-lived thread (see RunnerProcess::Start); Cancel for any.
class LeaseExecutor {
 public:
  LeaseExecutor(ExecutorOptions options, ArtifactSource artifacts);

  // Always yields a result with the lease's ids. The runner is made when there
  // is none, reused from lease to lease, and dropped when it dies.
  v1::MeasureResult Execute(const v1::Lease& lease);

  // Ends the lease in progress, if it is this one ("": any), by killing the runner.
  void Cancel(const std::string& lease_id);

 private:
  void Measure(const v1::Lease& lease, v1::MeasureResult* result);
  // The reference's outputs for one seed: cached, or computed now.
  absl::StatusOr<std::shared_ptr<const SharedMemory>> ReferenceOutputs(const v1::Lease& lease,
                                                                       uint64_t seed,
                                                                       double deadline);
  // InternalError when no runner can be started. A runner that is killed from
  // outside is replaced, and the job run again once.
  absl::StatusOr<RunnerOutcome> RunJob(const RunnerJob& job, const std::vector<int>& descriptors,
                                       double seconds);
  absl::StatusOr<RunnerOutcome> RunJobOnce(const RunnerJob& job,
                                           const std::vector<int>& descriptors, double seconds);
  bool Cancelled();

  ExecutorOptions options_;
  ArtifactSource artifacts_;
  MemoryCache references_;
  CanaryBaseline canary_;

  std::mutex mutex_;  // guards what follows; the runner is used outside of it
  std::unique_ptr<RunnerProcess> runner_;
  std::string current_lease_;
  bool cancelled_ = false;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_LEASE_EXECUTOR_H_
