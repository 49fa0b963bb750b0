#include "cli/services.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/device_probe.h"
#include "tuner/process.h"

namespace lathe::cli {
absl::StatusOr<LocalServices> StartServices(const LoadedTask& task, const std::string& cpus,
                                            const std::vector<std::string>& libraries) {
  LocalServices services;
  std::vector<int> requested;
  if (!cpus.empty()) {
    ASSIGN_OR_RETURN(requested, ParseCpuList(cpus));
  }
  ASSIGN_OR_RETURN(services.cores, PlanCores(AvailableCpus(), task.threads, requested));

  BuildPoolOptions pool;
  ASSIGN_OR_RETURN(pool.program, FindTool("lathe-builder"));
  pool.workers = static_cast<int>(services.cores.build_cpus.size());
  pool.cpus = services.cores.build_cpus;
  services.builder = std::make_unique<BuildPool>(std::move(pool));

  PrivateHubOptions hub;
  ASSIGN_OR_RETURN(hub.measurer_program, FindTool("lathe-measurer"));
  for (const std::string& library : libraries) {
    hub.measurer_arguments.insert(hub.measurer_arguments.end(), {"--library", library});
  }
  ASSIGN_OR_RETURN(services.hub, PrivateHub::Start(std::move(hub)));
  return services;
}

Problem ProblemOf(const LoadedTask& task, const CorePlan& cores, uint64_t seed) {
  Problem problem;
  problem.function = task.canonical;
  problem.target = task.target;
  problem.threads = task.threads;
  problem.cpus = cores.measure_cpus;
  problem.accuracy = task.accuracy;
  problem.regime = task.regime;
  problem.seed = seed;
  return problem;
}

absl::Status CheckMeasurableHere(const LoadedTask& task) {
  absl::Status status = CheckRunsOn(task.target, HostTarget());
  if (status.ok()) return status;
  return absl::FailedPreconditionError(
      absl::StrCat("cannot measure here: ", std::string(status.message())));
}

}  // namespace lathe::cli
