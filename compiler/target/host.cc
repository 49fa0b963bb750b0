// The target of this machine: features from CPUID, sizes from sysfs.
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "compiler/runtime/lathe_cpu_features.h"
#include "compiler/target/isa_tables.h"
#include "compiler/target/target.h"

namespace lathe {
namespace {

constexpr char kCpuRoot[] = "/sys/devices/system/cpu/cpu";

// The first line of a sysfs file; empty if it cannot be read.
std::string ReadLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "1024K" in bytes.
int64_t ParseSize(const std::string& text) {
  if (text.empty()) return 0;
  int64_t value = std::atoll(text.c_str());
  if (text.back() == 'K') return value << 10;
  if (text.back() == 'M') return value << 20;
  return value;
}

std::vector<int> UsableCpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// Physical cores: logical CPUs that share no sibling list.
int CountCores(const std::vector<int>& cpus) {
  std::set<std::string> cores;
  for (int cpu : cpus) {
    std::string siblings = ReadLine(absl::StrCat(kCpuRoot, cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.empty() ? absl::StrCat(cpu) : siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

// Data caches as one core sees them; unreadable levels keep their defaults.
void SetCaches(Target& target, int cpu) {
  for (int index = 0; index < 8; ++index) {
    std::string root = absl::StrCat(kCpuRoot, cpu, "/cache/index", index, "/");
    if (ReadLine(root + "type") == "Instruction") continue;
    int64_t bytes = ParseSize(ReadLine(root + "size"));
    if (bytes <= 0) continue;
    std::string level = ReadLine(root + "level");
    if (level == "1") target.l1_bytes = bytes;
    if (level == "2") target.l2_bytes = bytes;
    if (level == "3") target.l3_bytes = bytes;
  }
}

}  // namespace

Target HostTarget() {
  Target target;
#if defined(__aarch64__)
  target.architecture = Architecture::kAArch64;
  target.vector_registers = 32;
#elif defined(__riscv)
  target.architecture = Architecture::kRiscV64;
  target.vector_registers = 32;
#endif
  std::vector<const char*> names(lathe_cpu_features(nullptr, 0));
  names.resize(std::min(names.size(), lathe_cpu_features(names.data(), names.size())));
  target.features.assign(names.begin(), names.end());
  std::sort(target.features.begin(), target.features.end());
  if (target.architecture == Architecture::kX86_64) {
    SetX86Vectors(target);
    lathe_cpu_identity identity = lathe_cpu_identify();
    target.tuning = X86Tuning(target, std::string_view(identity.vendor) == "AuthenticAMD");
  }
  std::vector<int> cpus = UsableCpus();
  target.cores = CountCores(cpus);
  SetCaches(target, cpus.front());
  return target;
}

}  // namespace lathe
