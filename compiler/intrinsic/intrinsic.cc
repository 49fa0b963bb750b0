#include "compiler/intrinsic/intrinsic.h"

#include <utility>

#include "compiler/base/check.h"

namespace lathe {
namespace {

struct Entry {
  const char* name;
  const char* feature;
  const char* definition;
};

// Code for each name stands in compiler/codegen/intrinsics.cc.
constexpr Entry kEntries[] = {
    {"transpose_16x16_f32", "avx512f",
     "lathe 1\n"
     "func transpose(in: f32[16, 16]) -> (out) {\n"
     "  out[i: 16, j: 16] = in[j, i]\n"
     "}\n"},
    {"transpose_8x8_f32", "avx",
     "lathe 1\n"
     "func transpose(in: f32[8, 8]) -> (out) {\n"
     "  out[i: 8, j: 8] = in[j, i]\n"
     "}\n"},
};

std::vector<HardwareIntrinsic> ParseEntries() {
  std::vector<HardwareIntrinsic> intrinsics;
  for (const Entry& entry : kEntries) {
    absl::StatusOr<Function> definition = ParseFunction(entry.definition, entry.name);
    CHECK(definition.ok()) << definition.status();
    CHECK_EQ(definition->stages.size(), size_t{1}) << entry.name;
    intrinsics.push_back({entry.name, entry.feature, *std::move(definition)});
  }
  return intrinsics;
}

const std::vector<HardwareIntrinsic>& Intrinsics() {
  static const auto* intrinsics = new std::vector<HardwareIntrinsic>(ParseEntries());
  return *intrinsics;
}

}  // namespace

const HardwareIntrinsic* FindIntrinsic(std::string_view name) {
  for (const HardwareIntrinsic& intrinsic : Intrinsics()) {
    if (intrinsic.name == name) return &intrinsic;
  }
  return nullptr;
}

std::vector<std::string> IntrinsicNames() {
  std::vector<std::string> names;
  for (const HardwareIntrinsic& intrinsic : Intrinsics()) names.push_back(intrinsic.name);
  return names;
}

}  // namespace lathe
