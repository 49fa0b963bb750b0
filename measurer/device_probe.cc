#include "measurer/device_probe.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "compiler/runtime/lathe_cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace lathe {
namespace {

constexpr const char* kArchitecture =
#if defined(__x86_64__)
    "x86_64";
#elif defined(__aarch64__)
    "aarch64";
#elif defined(__riscv)
    "riscv64";
#endif

// The first line of a file, "" when it cannot be read.
std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

int64_t NumberIn(const std::string& path, int64_t otherwise) {
  int64_t value;
  return absl::SimpleAtoi(FirstLine(path), &value) ? value : otherwise;
}

std::vector<int32_t> CpusIn(const std::string& path) {
  absl::StatusOr<std::vector<int32_t>> cpus = ParseCpuList(FirstLine(path));
  return cpus.ok() ? *cpus : std::vector<int32_t>();
}

// "65536K", as sysfs writes sizes of caches.
uint64_t ParseSize(std::string text) {
  uint64_t unit = 1;
  if (!text.empty() && text.back() == 'K') unit = 1 << 10;
  if (!text.empty() && text.back() == 'M') unit = 1 << 20;
  if (unit != 1) text.pop_back();
  uint64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? value * unit : 0;
}

std::string HypervisorName() {
#if defined(__x86_64__)
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c >> 31 & 1) == 0) return "";
  uint32_t name[3];
  __cpuid(0x40000000, a, name[0], name[1], name[2]);
  std::string text(reinterpret_cast<const char*>(name), sizeof(name));
  text.erase(std::remove_if(text.begin(), text.end(), [](char ch) { return !std::isgraph(ch); }),
             text.end());
  return text.empty() ? "unnamed" : text;
#else
  return FirstLine("/sys/hypervisor/type");
#endif
}

// Instructions are translated: TCG names itself in the hypervisor leaf; user-mode
// emulation of another architecture shows the host's x86 /proc/cpuinfo.
bool IsEmulated(const std::string& hypervisor, const std::string& cpuinfo) {
#if defined(__x86_64__)
  return hypervisor.find("TCG") != std::string::npos;
#else
  return cpuinfo.find("vendor_id\t:") != std::string::npos;
#endif
}

std::string CpuIdentity() {
  lathe_cpu_identity id = lathe_cpu_identify();
  return absl::StrCat(id.vendor, " family ", id.family, " model ", id.model, " stepping ",
                      id.stepping);
}

// Classes of cores by their capacity, largest first, with physical cores and
// their hardware threads.
void ProbeCores(const std::string& cpu_root, v1::Device* device) {
  std::map<int64_t, std::set<std::string>, std::greater<>> cores;  // capacity -> cores
  std::map<int64_t, uint32_t> threads;
  for (int32_t cpu : CpusIn(cpu_root + "online")) {
    const std::string here = absl::StrCat(cpu_root, "cpu", cpu, "/");
    int64_t capacity = NumberIn(here + "cpu_capacity", 1024);
    std::string siblings = FirstLine(here + "topology/thread_siblings_list");
    cores[capacity].insert(siblings.empty() ? absl::StrCat(cpu) : siblings);
    ++threads[capacity];
  }
  for (const auto& [capacity, physical] : cores) {
    v1::CoreClass* core = device->add_cores();
    core->set_name(cores.size() == 1 ? "cpu" : absl::StrCat("capacity", capacity));
    core->set_physical_cores(static_cast<uint32_t>(physical.size()));
    core->set_threads_per_core(threads[capacity] / static_cast<uint32_t>(physical.size()));
  }
}

void ProbeCaches(const std::string& cpu_root, v1::Device* device) {
  std::vector<int32_t> online = CpusIn(cpu_root + "online");
  const int32_t first = online.empty() ? 0 : online[0];
  for (int index = 0;; ++index) {
    const std::string here = absl::StrCat(cpu_root, "cpu", first, "/cache/index", index, "/");
    const std::string type = FirstLine(here + "type");
    if (type.empty()) return;
    if (type == "Instruction") continue;
    v1::CacheLevel* cache = device->add_caches();
    cache->set_level(static_cast<uint32_t>(NumberIn(here + "level", 0)));
    cache->set_bytes(ParseSize(FirstLine(here + "size")));
    cache->set_shared_by(static_cast<uint32_t>(CpusIn(here + "shared_cpu_list").size()));
  }
}

std::string WholeFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool IsUuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  }
  return true;
}

}  // namespace

v1::Device ProbeDevice(const std::string& name, const std::string& kind, const std::string& root) {
  v1::Device device;
  utsname system = {};
  uname(&system);
  device.set_name(name.empty() ? system.nodename : name);
  device.set_os(absl::StrCat(system.sysname, " ", system.release));
  device.set_architecture(kArchitecture);
  device.set_cpu_identity(CpuIdentity());
  std::vector<const char*> features(lathe_cpu_features(nullptr, 0));
  features.resize(std::min(features.size(), lathe_cpu_features(features.data(), features.size())));
  for (const char* feature : features) device.add_features(feature);
  device.set_features_digest(Sha256Hex(absl::StrJoin(features, ",")));
  device.set_hypervisor(HypervisorName());
  device.set_emulated(IsEmulated(device.hypervisor(), WholeFile(root + "proc/cpuinfo")));
  const std::string cpu_root = root + "sys/devices/system/cpu/";
  ProbeCores(cpu_root, &device);
  ProbeCaches(cpu_root, &device);
  device.mutable_kind()->set_text(kind.empty() ? DeviceKindText(device) : kind);
  return device;
}

std::string DeviceKindText(const v1::Device& device) {
  std::string text = absl::StrCat(device.architecture(), " cpu=\"", device.cpu_identity(),
                                  "\" features=", device.features_digest().substr(0, 16));
  for (const v1::CoreClass& core : device.cores()) {
    absl::StrAppend(&text, " ", core.name(), "=", core.physical_cores(), "x",
                    core.threads_per_core());
  }
  for (const v1::CacheLevel& cache : device.caches()) {
    absl::StrAppend(&text, " l", cache.level(), "=", cache.bytes(), "/", cache.shared_by());
  }
  absl::StrAppend(&text,
                  " hypervisor=", device.hypervisor().empty() ? "none" : device.hypervisor());
  if (device.emulated()) absl::StrAppend(&text, " emulated");
  return text;
}

absl::StatusOr<std::string> PersistentUuid(const std::string& directory) {
  const std::string path = directory + "/device-uuid";
  if (access(path.c_str(), F_OK) == 0) {
    std::string uuid = FirstLine(path);
    if (IsUuid(uuid)) return uuid;
    return absl::FailedPreconditionError(
        absl::StrCat(path, " does not hold a UUID; remove it to be a new device"));
  }
  std::string uuid = FirstLine("/proc/sys/kernel/random/uuid");
  if (!IsUuid(uuid)) return absl::InternalError("no random UUID from the kernel");
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  // Written aside and linked into place: complete or absent, and the first of
  // two measurers that start at once wins.
  std::string temporary = absl::StrCat(path, ".", getpid());
  {
    std::ofstream file(temporary);
    file << uuid << "\n";
    file.flush();
    if (!file.good()) {
      return absl::PermissionDeniedError(absl::StrCat("cannot write ", temporary));
    }
  }
  const bool first = link(temporary.c_str(), path.c_str()) == 0;
  unlink(temporary.c_str());
  if (first) return uuid;
  uuid = FirstLine(path);
  if (IsUuid(uuid)) return uuid;
  return absl::InternalError(absl::StrCat("cannot make ", path));
}

absl::StatusOr<std::vector<int32_t>> ParseCpuList(const std::string& text) {
  constexpr int32_t kMaxCpus = 1024;  // of a cpu_set_t
  std::set<int32_t> cpus;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    std::pair<absl::string_view, absl::string_view> ends =
        absl::StrSplit(part, absl::MaxSplits('-', 1));
    const bool range = part.find('-') != absl::string_view::npos;
    int32_t low, high;
    if (!absl::SimpleAtoi(ends.first, &low) ||
        !absl::SimpleAtoi(range ? ends.second : ends.first, &high) || low < 0 || high < low ||
        high >= kMaxCpus) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is no list of CPUs such as 0-3,8"));
    }
    for (int32_t cpu = low; cpu <= high; ++cpu) cpus.insert(cpu);
  }
  return std::vector<int32_t>(cpus.begin(), cpus.end());
}

uint64_t LargestCacheBytes(const v1::Device& device) {
  uint64_t largest = 0;
  for (const v1::CacheLevel& cache : device.caches()) largest = std::max(largest, cache.bytes());
  return largest;
}

}  // namespace lathe
