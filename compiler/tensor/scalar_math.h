// What one scalar operation means: shared by constant folding and the interpreter.
#ifndef LATHE_COMPILER_TENSOR_SCALAR_MATH_H_
#define LATHE_COMPILER_TENSOR_SCALAR_MATH_H_

#include <cstdint>

#include "compiler/tensor/type.h"

namespace lathe {

// `value` in the width and signedness of an integer type (two's complement); bool: 0 or 1.
int64_t WrapInteger(ScalarType type, int64_t value);

// `value` to the nearest of a floating type, ties to even, with subnormals and
// overflow to infinity. For one of + - * / sqrt on operands of f32 or smaller,
// computing in double and rounding so is exact: double has more than 2p + 2 bits.
double RoundFloat(ScalarType type, double value);

// The nearest value of any type: floats as above. Integers truncate towards
// zero and saturate, NaN is 0; bool is `value != 0`.
double RoundToType(ScalarType type, double value);
int64_t SaturateToInteger(ScalarType type, double value);

// Lowest and highest value of an integer type.
int64_t LowestInteger(ScalarType type);
int64_t HighestInteger(ScalarType type);

// Division towards minus infinity and its remainder, by a positive divisor.
int64_t FloorDiv(int64_t a, int64_t b);
int64_t FloorMod(int64_t a, int64_t b);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_SCALAR_MATH_H_
