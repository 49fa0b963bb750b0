// The operator library: builders of tensor functions, named on the command
// line as op:NAME(PARAMETER=VALUE,...).
#ifndef LATHE_COMPILER_TENSOR_OPERATORS_H_
#define LATHE_COMPILER_TENSOR_OPERATORS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "compiler/tensor/function.h"

namespace lathe {

struct OperatorParameter {
  std::string_view name;
  std::string_view help;
  int64_t default_value = 0;
  bool required = false;
};
struct Operator {
  std::string_view name;
  std::string_view summary;
  std::vector<OperatorParameter> parameters;
};

// All operators, in alphabetical order.
absl::Span<const Operator> Operators();
// Builds e.g. "matmul(m=512,n=512,k=512)" (without "op:"). Unknown operator or
// parameter: NotFound or InvalidArgument that lists what exists.
absl::StatusOr<Function> BuildOperator(std::string_view spec);

// C[m, n] = sum(k) A[m, k] * B[k, n], f32; `const_b` marks B const.
Function Matmul(int64_t m, int64_t n, int64_t k, bool const_b = false);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATORS_H_
