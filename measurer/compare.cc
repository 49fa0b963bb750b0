#include "measurer/compare.h"

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

template <typename T>
T Load(const void* data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + index * static_cast<int64_t>(sizeof(T)),
              sizeof(T));
  return value;
}

float BFloatToFloat(uint16_t bits) {
  uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

double HalfToDouble(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  int fraction = bits & 1023;
  double magnitude;
  if (exponent == 31) {
    magnitude = fraction != 0 ? std::nan("") : HUGE_VAL;
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits >> 15) != 0 ? -magnitude : magnitude;
}

bool IsFloat(const std::string& type) { return type[0] == 'f' || type == "bf16"; }

int64_t ElementAsInteger(const std::string& type, const void* data, int64_t index) {
  if (type == "i64") return Load<int64_t>(data, index);
  if (type == "i32") return Load<int32_t>(data, index);
  if (type == "i8") return Load<int8_t>(data, index);
  return Load<uint8_t>(data, index);  // u8, bool
}

// Whether every element is plainly good: the usual case, in loops that the compiler
// can vectorise. An element that is not finite is never plainly good.
template <typename T, typename Convert>
bool AllClose(const void* got, const void* expected, const double* bounds, double scale,
              int64_t elements, Convert convert) {
  const auto* g = static_cast<const char*>(got);
  const auto* e = static_cast<const char*>(expected);
  int64_t doubtful = 0;
  for (int64_t i = 0; i < elements; ++i) {
    const double allowed = bounds == nullptr ? 0 : scale * bounds[i];
    const double difference = convert(Load<T>(g, i)) - Load<double>(e, i);
    doubtful += std::abs(difference) <= allowed ? 0 : 1;
  }
  return doubtful == 0;
}

template <typename T>
bool AllEqual(const void* got, const void* expected, int64_t elements) {
  int64_t different = 0;
  for (int64_t i = 0; i < elements; ++i) {
    different += static_cast<int64_t>(Load<T>(got, i)) == Load<int64_t>(expected, i) ? 0 : 1;
  }
  return different == 0;
}

// False where there is doubt, or where there is no fast way for the types.
bool PlainlyGood(const std::string& type, const void* got, const std::string& reference_type,
                 const void* expected, const double* bounds, double scale, int64_t elements) {
  auto itself = [](auto value) { return static_cast<double>(value); };
  if (reference_type == "i64") {
    if (type == "i64") return AllEqual<int64_t>(got, expected, elements);
    if (type == "i32") return AllEqual<int32_t>(got, expected, elements);
    if (type == "i8") return AllEqual<int8_t>(got, expected, elements);
    if (type == "u8" || type == "bool") return AllEqual<uint8_t>(got, expected, elements);
  }
  if (reference_type != "f64") return false;
  if (type == "f64") return AllClose<double>(got, expected, bounds, scale, elements, itself);
  if (type == "f32") return AllClose<float>(got, expected, bounds, scale, elements, itself);
  if (type == "f16")
    return AllClose<uint16_t>(got, expected, bounds, scale, elements, HalfToDouble);
  if (type == "bf16") {
    return AllClose<uint16_t>(got, expected, bounds, scale, elements, BFloatToFloat);
  }
  return false;
}

std::string Format(double value) { return absl::StrFormat("%.9g", value); }

}  // namespace

double ElementAsDouble(const std::string& type, const void* data, int64_t index) {
  if (type == "f64") return Load<double>(data, index);
  if (type == "f32") return Load<float>(data, index);
  if (type == "f16") return HalfToDouble(Load<uint16_t>(data, index));
  if (type == "bf16") return BFloatToFloat(Load<uint16_t>(data, index));
  return static_cast<double>(ElementAsInteger(type, data, index));
}

std::string FormatIndex(const std::vector<int64_t>& shape, int64_t index) {
  std::vector<int64_t> position(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    position[d] = index % shape[d];
    index /= shape[d];
  }
  return absl::StrCat("[", absl::StrJoin(position, ", "), "]");
}

std::optional<std::string> CompareOutput(const BufferSpec& output, const void* got,
                                         const BufferSpec& reference, const void* expected,
                                         const double* bounds, const OutputRule& rule,
                                         double tolerance_factor) {
  const int64_t elements = output.Elements();
  const bool integers = !IsFloat(output.type) && !IsFloat(reference.type);
  const double scale = tolerance_factor * rule.unit_roundoff;
  if (PlainlyGood(output.type, got, reference.type, expected, rule.exact ? nullptr : bounds, scale,
                  elements)) {
    return std::nullopt;
  }
  int64_t mismatches = 0;
  std::string first;
  for (int64_t i = 0; i < elements; ++i) {
    if (integers) {
      int64_t g = ElementAsInteger(output.type, got, i);
      int64_t e = ElementAsInteger(reference.type, expected, i);
      if (g == e || mismatches++ > 0) continue;
      first = absl::StrCat(FormatIndex(output.shape, i), " is ", g, ", expected ", e);
      continue;
    }
    double g = ElementAsDouble(output.type, got, i);
    double e = ElementAsDouble(reference.type, expected, i);
    double allowed = rule.exact ? 0 : scale * bounds[i];
    bool good = std::isnan(e)                          ? std::isnan(g)
                : std::isinf(e) || std::isinf(g)       ? g == e
                : std::isnan(g) || std::isnan(allowed) ? false
                                                       : std::abs(g - e) <= allowed;
    if (good || mismatches++ > 0) continue;
    first = absl::StrCat(FormatIndex(output.shape, i), " is ", Format(g), ", expected ", Format(e));
    if (!rule.exact) absl::StrAppend(&first, " within ", Format(allowed));
  }
  if (mismatches == 0) return std::nullopt;
  return absl::StrCat(output.name, first, " (", mismatches, " of ", elements, " elements differ)");
}

}  // namespace lathe
