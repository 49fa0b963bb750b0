#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "compiler/base/check.h"
#include "compiler/loop/interpreter.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

template <typename T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void Save(T value, std::byte* at) {
  std::memcpy(at, &value, sizeof value);
}

// A 16-bit float with `mantissa` explicit bits and exponents from `min_exponent`.
double Decode16(uint16_t bits, int mantissa, int min_exponent) {
  int field = (bits & 0x7fff) >> mantissa;
  int fraction = bits & ((1 << mantissa) - 1);
  double magnitude;
  if (field == (0x7fff >> mantissa)) {
    magnitude = fraction == 0 ? INFINITY : NAN;
  } else if (field == 0) {
    magnitude = std::ldexp(fraction, min_exponent - mantissa);
  } else {
    magnitude = std::ldexp(fraction + (1 << mantissa), field - 1 + min_exponent - mantissa);
  }
  return (bits & 0x8000) ? -magnitude : magnitude;
}

// `value` must be representable.
uint16_t Encode16(double value, int mantissa, int min_exponent) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  int special = (0x7fff >> mantissa) << mantissa;
  if (std::isnan(value)) return static_cast<uint16_t>(sign | special | (1 << (mantissa - 1)));
  if (std::isinf(value)) return static_cast<uint16_t>(sign | special);
  double magnitude = std::abs(value);
  if (magnitude < std::ldexp(1, min_exponent)) {
    return static_cast<uint16_t>(sign |
                                 static_cast<int>(std::ldexp(magnitude, mantissa - min_exponent)));
  }
  int exponent = std::ilogb(magnitude);
  int fraction = static_cast<int>(std::ldexp(magnitude, mantissa - exponent)) - (1 << mantissa);
  return static_cast<uint16_t>(sign | ((exponent - min_exponent + 1) << mantissa) | fraction);
}

}  // namespace

TensorValue TensorValue::Zeros(ScalarType type, std::vector<int64_t> shape) {
  TensorValue value{type, std::move(shape), {}};
  value.bytes.resize(static_cast<size_t>(value.NumElements()) * ByteSize(type));
  return value;
}

int64_t TensorValue::NumElements() const {
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  return n;
}

double TensorValue::Get(int64_t index) const {
  DCHECK(index >= 0 && index < NumElements());
  const std::byte* at = bytes.data() + index * ByteSize(type);
  switch (type) {
    case ScalarType::kBool:
    case ScalarType::kU8:
      return Load<uint8_t>(at);
    case ScalarType::kI8:
      return Load<int8_t>(at);
    case ScalarType::kI32:
      return Load<int32_t>(at);
    case ScalarType::kI64:
      return static_cast<double>(Load<int64_t>(at));
    case ScalarType::kBF16:
      return Decode16(Load<uint16_t>(at), 7, -126);
    case ScalarType::kF16:
      return Decode16(Load<uint16_t>(at), 10, -14);
    case ScalarType::kF32:
      return Load<float>(at);
    case ScalarType::kF64:
      return Load<double>(at);
  }
  return 0;
}

void TensorValue::Set(int64_t index, double value) {
  DCHECK(index >= 0 && index < NumElements());
  std::byte* at = bytes.data() + index * ByteSize(type);
  switch (type) {
    case ScalarType::kBool:
    case ScalarType::kU8:
    case ScalarType::kI8:
      return Save(static_cast<uint8_t>(SaturateToInteger(type, value)), at);
    case ScalarType::kI32:
      return Save(static_cast<int32_t>(SaturateToInteger(type, value)), at);
    case ScalarType::kI64:
      return Save(SaturateToInteger(type, value), at);
    case ScalarType::kBF16:
      return Save(Encode16(RoundFloat(type, value), 7, -126), at);
    case ScalarType::kF16:
      return Save(Encode16(RoundFloat(type, value), 10, -14), at);
    case ScalarType::kF32:
      return Save(static_cast<float>(RoundFloat(type, value)), at);
    case ScalarType::kF64:
      return Save(value, at);
  }
}

}  // namespace lathe
