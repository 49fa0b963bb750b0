#include "tuner/core_plan.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

// The first CPU of the sibling list names the core; without sysfs each CPU is one.
int CoreOf(int cpu) {
  std::ifstream file(
      absl::StrCat("/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
  int first = cpu;
  file >> first;
  return file ? first : cpu;
}

std::vector<int> CpusOf(const std::vector<CpuInfo>& infos) {
  std::vector<int> cpus;
  for (const CpuInfo& info : infos) cpus.push_back(info.cpu);
  return cpus;
}

// One CPU of each core first, from the last core on; then their siblings.
std::vector<int> Choose(const std::vector<CpuInfo>& available, int threads) {
  std::vector<int> chosen, siblings;
  std::set<int> used;
  for (auto info = available.rbegin(); info != available.rend(); ++info) {
    (used.insert(info->core).second ? chosen : siblings).push_back(info->cpu);
  }
  chosen.insert(chosen.end(), siblings.begin(), siblings.end());
  chosen.resize(static_cast<size_t>(threads));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

std::vector<CpuInfo> AvailableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<CpuInfo> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back({cpu, CoreOf(cpu)});
    }
  }
  return cpus;
}

absl::StatusOr<CorePlan> PlanCores(const std::vector<CpuInfo>& available, int threads,
                                   const std::vector<int>& requested) {
  int limit = static_cast<int>(requested.empty() ? available.size() : requested.size());
  if (threads < 1 || threads > limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads must be between 1 and ", limit, ", the number of CPUs ",
                     requested.empty() ? "available" : "requested", ", not ", threads));
  }
  std::vector<int> all = CpusOf(available);
  for (int cpu : requested) {
    if (std::find(all.begin(), all.end(), cpu) == all.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "CPU ", cpu, " is not available to this process; it may use ", absl::StrJoin(all, ",")));
    }
  }
  CorePlan plan;
  plan.measure_cpus = requested.empty() ? Choose(available, threads) : requested;
  std::set<int> busy;
  for (const CpuInfo& info : available) {
    const std::vector<int>& measure = plan.measure_cpus;
    if (std::find(measure.begin(), measure.end(), info.cpu) != measure.end()) {
      busy.insert(info.core);
    }
  }
  for (const CpuInfo& info : available) {
    if (busy.count(info.core) == 0) plan.build_cpus.push_back(info.cpu);
  }
  plan.alternate = plan.build_cpus.empty();
  if (plan.alternate) plan.build_cpus = all;
  return plan;
}

}  // namespace lathe
