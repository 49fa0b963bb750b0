#include "compiler/target/isa_tables.h"

namespace lathe {
namespace {

#define LATHE_V2 "cx16,popcnt,sahf,sse3,sse4.1,sse4.2,ssse3"
#define LATHE_V3 LATHE_V2 ",avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe,xsave"
#define LATHE_V4 LATHE_V3 ",avx512bw,avx512cd,avx512dq,avx512f,avx512vl"

constexpr NamedTarget kX86Levels[] = {
    {"x86-64-v2", "x86-64-v2", LATHE_V2},
    {"x86-64-v3", "x86-64-v3", LATHE_V3},
    {"x86-64-v4", "sapphirerapids", LATHE_V4},
};

#undef LATHE_V2
#undef LATHE_V3
#undef LATHE_V4

}  // namespace

std::string_view Name(Architecture architecture) {
  switch (architecture) {
    case Architecture::kX86_64:
      return "x86_64";
    case Architecture::kAArch64:
      return "aarch64";
    case Architecture::kRiscV64:
      return "riscv64";
  }
  return "";
}

absl::Span<const NamedTarget> X86Levels() { return kX86Levels; }

void SetX86Vectors(Target& target) {
  bool avx512 = target.Has("avx512f") && target.Has("avx512vl");
  target.vector_bits = avx512 ? 512 : target.Has("avx") ? 256 : 128;
  target.vector_registers = avx512 ? 32 : 16;
}

std::string X86Tuning(const Target& target, bool is_amd) {
  if (target.Has("avx512f")) return is_amd ? "znver4" : "sapphirerapids";
  if (target.Has("avx2")) return is_amd ? "znver3" : "alderlake";
  return "x86-64-v2";
}

}  // namespace lathe
