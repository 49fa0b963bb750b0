// Expressions as text.
#ifndef LATHE_COMPILER_TENSOR_PRINT_EXPR_H_
#define LATHE_COMPILER_TENSOR_PRINT_EXPR_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "compiler/tensor/expr.h"

namespace lathe {

// How to write the axis of a reduction: `k`, or `k: 8`.
using AxisTextFn = absl::FunctionRef<std::string(const Axis&)>;

// With as few parentheses as the grammar allows. A number is written bare
// where its neighbours give it its type, or the place does (`typed`), else as
// in f32(0.5).
std::string ExprToText(const Expr& e, bool typed, AxisTextFn axis_text);

// The shortest text of a constant that reads back to the same bits.
std::string ConstantToText(double value, ScalarType type);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_PRINT_EXPR_H_
