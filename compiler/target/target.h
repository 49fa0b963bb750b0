// What generated code may use: the target of a task.
#ifndef LATHE_COMPILER_TARGET_TARGET_H_
#define LATHE_COMPILER_TARGET_TARGET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

enum class Architecture : uint8_t { kX86_64, kAArch64, kRiscV64 };

struct Target {
  Architecture architecture = Architecture::kX86_64;
  std::vector<std::string> features;  // LLVM names without sign, sorted: "avx2", "fma"
  std::string tuning;                 // schedule model for code generation: "znver4"
  int vector_bits = 128;              // widest vector worth using
  int vector_registers = 16;
  int64_t l1_bytes = 32 << 10;  // data caches, per core
  int64_t l2_bytes = 256 << 10;
  int64_t l3_bytes = 0;  // shared; 0: none
  int cores = 1;         // usable physical cores

  bool Has(std::string_view feature) const;
  int VectorLanes(int element_bytes) const { return vector_bits / 8 / element_bytes; }
  bool operator==(const Target&) const = default;
};

// One line: "x86_64 tuning=znver4 vector=512 registers=32 l1=32768 l2=... l3=...
// cores=2 features=avx,avx2,..."; parses back.
std::string ToText(const Target& target);

// "host", a name of NamedTargets(), or the text form. InvalidArgument lists
// the names when it is none of these.
absl::StatusOr<Target> ParseTarget(std::string_view text);
std::vector<std::string> NamedTargets();  // "x86-64-v2", "x86-64-v3", "x86-64-v4"

// This machine, from CPUID and sysfs, never from the CPU's name.
Target HostTarget();

// Whether code for `target` runs on `host`: same architecture, features a subset.
// Otherwise FailedPrecondition naming the missing features.
absl::Status CheckRunsOn(const Target& target, const Target& host);

}  // namespace lathe

#endif  // LATHE_COMPILER_TARGET_TARGET_H_
