// What is known about instruction sets and microarchitectures. Tables only:
// nothing here looks at a machine.
#ifndef LATHE_COMPILER_TARGET_ISA_TABLES_H_
#define LATHE_COMPILER_TARGET_ISA_TABLES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "compiler/target/target.h"

namespace lathe {

std::string_view Name(Architecture architecture);  // "x86_64", "aarch64", "riscv64"

// A portable x86-64 level of the psABI (x86-64 psABI, table 3.1) with LLVM's
// feature names, and cache sizes that most of its machines have at least.
struct NamedTarget {
  std::string_view name;
  std::string_view tuning;
  std::string_view features;  // comma-separated, cumulative
};
absl::Span<const NamedTarget> X86Levels();

// Vector width and register count that x86-64 features allow.
void SetX86Vectors(Target& target);

// The LLVM schedule model that fits a CPU of these features best. `is_amd`
// comes from CPUID. The Intel choice avoids models whose register allocation
// spills wide tiles (rocketlake, icelake-server).
std::string X86Tuning(const Target& target, bool is_amd);

}  // namespace lathe

#endif  // LATHE_COMPILER_TARGET_ISA_TABLES_H_
