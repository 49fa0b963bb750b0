// The correctness gate: what a candidate must survive before it is timed.
#ifndef LATHE_MEASURER_CHECK_H_
#define LATHE_MEASURER_CHECK_H_

#include <optional>
#include <string>
#include <vector>

#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/job_memory.h"
#include "measurer/kernel_call.h"
#include "measurer/loader.h"
#include "measurer/runner_protocol.h"

namespace lathe {

// Runs the candidate of `job` on every seed: once with every buffer's end at an
// inaccessible page, once aligned between canaries with loops in reverse order,
// and on the last seed once on `pool` when the job has several threads. The first
// run of the first seed looks for races. Every run starts from poisoned outputs;
// the runs of one seed must agree bit by bit, and the first must agree with the
// reference, whose outputs for seed i lie at references[i] (OutputOffsets).
// `outputs` receives the bytes of every output (by argument) for the first seed.
// Packed arguments are prepared anew for every run; `page` says when. Routines of
// libraries are those that `find_routine` has.
std::optional<Failure> CheckCandidate(const RunnerJob& job, const LoadedKernel& kernel,
                                      lathe_thread_pool* pool, RunnerStatusPage* page,
                                      const std::vector<const char*>& references,
                                      const RoutineFinder& find_routine, InputCache& inputs,
                                      std::vector<std::string>* outputs);

// Runs a reference once for job.seeds[0] and writes its outputs at `out`.
std::optional<Failure> RunReference(const RunnerJob& job, const LoadedKernel& kernel, char* out);

}  // namespace lathe

#endif  // LATHE_MEASURER_CHECK_H_
