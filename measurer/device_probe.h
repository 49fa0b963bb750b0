// What this machine is: the device that a measurer reports.
#ifndef LATHE_MEASURER_DEVICE_PROBE_H_
#define LATHE_MEASURER_DEVICE_PROBE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lathe/v1/device.pb.h"

namespace lathe {

// Probes the machine: CPUID (or /proc and HWCAP), sysfs, uname. `name` and
// `kind` are the operator's; empty: the host name, and the canonical text. The
// uuid is left empty. `root` is "/" but for tests ("/sys" and "/proc" below it).
v1::Device ProbeDevice(const std::string& name, const std::string& kind,
                       const std::string& root = "/");

// The canonical text of the kind: every property that timing depends on.
std::string DeviceKindText(const v1::Device& device);

// Reads the device's UUID from `directory`/device-uuid, making both on first
// use. An error when the directory cannot be written or the file is not a UUID.
absl::StatusOr<std::string> PersistentUuid(const std::string& directory);

// CPUs of a list such as "0-3,8"; InvalidArgument when it is none.
absl::StatusOr<std::vector<int32_t>> ParseCpuList(const std::string& text);

// Bytes of the largest cache; 0 when none is known.
uint64_t LargestCacheBytes(const v1::Device& device);

}  // namespace lathe

#endif  // LATHE_MEASURER_DEVICE_PROBE_H_
