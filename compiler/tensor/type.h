// Scalar and vector types of tensor functions and loop programs.
#ifndef LATHE_COMPILER_TENSOR_TYPE_H_
#define LATHE_COMPILER_TENSOR_TYPE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lathe {

enum class ScalarType : uint8_t { kBool, kU8, kI8, kI32, kI64, kBF16, kF16, kF32, kF64 };

// A scalar (lanes == 1) or, in lowered programs only, a vector of `lanes`.
struct Type {
  ScalarType scalar = ScalarType::kF32;
  int lanes = 1;

  Type WithLanes(int n) const { return Type{scalar, n}; }
  bool operator==(const Type&) const = default;
};

inline constexpr Type kIndexType{ScalarType::kI64, 1};  // loop variables, subscripts
inline constexpr Type kBoolType{ScalarType::kBool, 1};

bool IsFloat(ScalarType type);
bool IsInteger(ScalarType type);  // u8, i8, i32, i64; not bool
int ByteSize(ScalarType type);    // bool is one byte

// "f32"; with lanes "f32x16".
std::string_view Name(ScalarType type);
std::string Name(Type type);
std::optional<ScalarType> ScalarTypeFromName(std::string_view name);

// Unit roundoff of a floating type (2^-24 for f32); zero for integers.
double UnitRoundoff(ScalarType type);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_TYPE_H_
