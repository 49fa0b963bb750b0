#include "compiler/tensor/type.h"

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

struct TypeRow {
  std::string_view name;
  int bytes;
  bool is_float;
  double unit_roundoff;
};

// Indexed by ScalarType.
constexpr TypeRow kTypes[] = {
    {"bool", 1, false, 0},     {"u8", 1, false, 0},       {"i8", 1, false, 0},
    {"i32", 4, false, 0},      {"i64", 8, false, 0},      {"bf16", 2, true, 0x1p-8},
    {"f16", 2, true, 0x1p-11}, {"f32", 4, true, 0x1p-24}, {"f64", 8, true, 0x1p-53},
};

const TypeRow& Row(ScalarType type) { return kTypes[static_cast<int>(type)]; }

}  // namespace

bool IsFloat(ScalarType type) { return Row(type).is_float; }
bool IsInteger(ScalarType type) { return !IsFloat(type) && type != ScalarType::kBool; }
int ByteSize(ScalarType type) { return Row(type).bytes; }
double UnitRoundoff(ScalarType type) { return Row(type).unit_roundoff; }
std::string_view Name(ScalarType type) { return Row(type).name; }

std::string Name(Type type) {
  if (type.lanes == 1) return std::string(Name(type.scalar));
  return absl::StrCat(std::string(Name(type.scalar)), "x", type.lanes);
}

std::optional<ScalarType> ScalarTypeFromName(std::string_view name) {
  for (int i = 0; i < static_cast<int>(std::size(kTypes)); ++i) {
    if (kTypes[i].name == name) return static_cast<ScalarType>(i);
  }
  return std::nullopt;
}

}  // namespace lathe
