// Translates between the hub's messages and the runner's.
#ifndef LATHE_MEASURER_LEASE_JOBS_H_
#define LATHE_MEASURER_LEASE_JOBS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "lathe/v1/measurer.pb.h"
#include "measurer/descriptor.h"
#include "measurer/runner_protocol.h"

namespace lathe {

// InvalidArgument saying which field of the lease makes no sense.
absl::Status CheckLease(const v1::Lease& lease);

// The jobs of a checked lease; `seconds` is left to be set. `cpus` are used when
// the lease names none.
RunnerJob TrialJob(const v1::Lease& lease, const std::vector<int32_t>& cpus);
RunnerJob ReferenceJob(const v1::Lease& lease, uint64_t seed);

// Fills status, error, timing and conditions from a runner's reply.
void FillResult(const RunnerReply& reply, v1::MeasureResult* result);

// The element that `sample` names, of the reference's outputs in `memory`, whose
// buffers are `outputs`. OutOfRange when there is none.
absl::StatusOr<double> ReadSample(const v1::SampledElement& sample,
                                  const std::vector<BufferSpec>& outputs,
                                  const SharedMemory& memory);

}  // namespace lathe

#endif  // LATHE_MEASURER_LEASE_JOBS_H_
