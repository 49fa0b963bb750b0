// What tuning and running need on this machine: build workers and a private
// hub with one measurer.
#ifndef LATHE_CLI_SERVICES_H_
#define LATHE_CLI_SERVICES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/options.h"
#include "tuner/build_pool.h"
#include "tuner/core_plan.h"
#include "tuner/private_hub.h"
#include "tuner/problem.h"

namespace lathe::cli {

struct LocalServices {
  CorePlan cores;
  std::unique_ptr<BuildPool> builder;
  std::unique_ptr<PrivateHub> hub;
};

// `cpus` as given to --cpus ("0", "0,2", "0-3"); empty: chosen here. Candidates may
// call the routines of `libraries`.
absl::StatusOr<LocalServices> StartServices(const LoadedTask& task, const std::string& cpus,
                                            const std::vector<std::string>& libraries = {});

// The problem that measures `task` on the plan's CPUs.
Problem ProblemOf(const LoadedTask& task, const CorePlan& cores, uint64_t seed);

// FailedPrecondition when kernels for the task's target do not run here.
absl::Status CheckMeasurableHere(const LoadedTask& task);

}  // namespace lathe::cli

#endif  // LATHE_CLI_SERVICES_H_
