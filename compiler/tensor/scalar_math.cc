#include "compiler/tensor/scalar_math.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/base/check.h"

namespace lathe {
namespace {

// Rounds to nearest even at `mantissa` explicit bits, with subnormals below
// 2^min_exponent and overflow to infinity above `max`.
double RoundTo(double value, int mantissa, int min_exponent, double max) {
  if (!std::isfinite(value) || value == 0) return value;
  int exponent;
  std::frexp(value, &exponent);  // value = m * 2^exponent, 0.5 <= |m| < 1
  int quantum = std::max(exponent - 1, min_exponent) - mantissa;
  double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -quantum)), quantum);
  return std::abs(rounded) > max ? std::copysign(INFINITY, value) : rounded;
}

}  // namespace

int64_t WrapInteger(ScalarType type, int64_t value) {
  switch (type) {
    case ScalarType::kBool:
      return value != 0;
    case ScalarType::kU8:
      return static_cast<uint8_t>(value);
    case ScalarType::kI8:
      return static_cast<int8_t>(value);
    case ScalarType::kI32:
      return static_cast<int32_t>(value);
    default:
      return value;
  }
}

double RoundFloat(ScalarType type, double value) {
  switch (type) {
    case ScalarType::kF32:
      // A double beyond the range of float is undefined to convert in C++.
      if (std::abs(value) >= 0x1.ffffffp127) {
        return std::isnan(value) ? value : std::copysign(INFINITY, value);
      }
      return static_cast<float>(value);
    case ScalarType::kF16:
      return RoundTo(value, 10, -14, 65504);
    case ScalarType::kBF16:
      return RoundTo(value, 7, -126, 0x1.fep127);
    default:
      return value;
  }
}

int64_t LowestInteger(ScalarType type) {
  CHECK(!IsFloat(type));
  if (type == ScalarType::kBool || type == ScalarType::kU8) return 0;
  return std::numeric_limits<int64_t>::min() >> (64 - 8 * ByteSize(type));
}

int64_t HighestInteger(ScalarType type) {
  CHECK(!IsFloat(type));
  if (type == ScalarType::kBool) return 1;
  if (type == ScalarType::kU8) return 255;
  return std::numeric_limits<int64_t>::max() >> (64 - 8 * ByteSize(type));
}

int64_t SaturateToInteger(ScalarType type, double value) {
  if (type == ScalarType::kBool) return value != 0;
  if (std::isnan(value)) return 0;
  int64_t low = LowestInteger(type), high = HighestInteger(type);
  // `high` of i64 rounds up to 2^63 as a double, which is already too much.
  if (value >= static_cast<double>(high)) return high;
  if (value <= static_cast<double>(low)) return low;
  return static_cast<int64_t>(value);
}

double RoundToType(ScalarType type, double value) {
  return IsFloat(type) ? RoundFloat(type, value)
                       : static_cast<double>(SaturateToInteger(type, value));
}

int64_t FloorDiv(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

int64_t FloorMod(int64_t a, int64_t b) {
  int64_t r = a % b;
  return r < 0 ? r + b : r;
}

}  // namespace lathe
