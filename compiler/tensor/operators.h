// The operator library: tensor functions named on the command line as
// op:NAME(PARAMETER=VALUE,...).
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
  enum class Kind : uint8_t {
    kExtent,  // a positive integer
    kCount,   // an integer, zero or more
    kFlag,    // 0 or 1
    kReal,    // a number, zero or more: 1e-5
    kWord,    // one of `words`
  };
  std::string_view name;
  std::string_view help;
  Kind kind = Kind::kExtent;
  std::string_view default_value = {};  // as it would be written; empty: must be given
  absl::Span<const std::string_view> words = {};

  bool required() const { return default_value.empty(); }
};

struct Operator {
  std::string_view name;
  std::string_view summary;  // the formula, in index notation where it is short
  std::string shapes;        // "A[m, k], B[k, n] -> C[m, n]", with the default layout
  std::string_view source;   // the paper or operator specification it follows; may be empty
  std::vector<OperatorParameter> parameters;
};

// All operators, in alphabetical order.
absl::Span<const Operator> Operators();
// The operator of that name; NotFound lists what exists.
absl::StatusOr<const Operator*> FindOperator(std::string_view name);
// Builds e.g. "matmul(m=512,n=512,k=512,type=bf16)" (without "op:"). Unknown
// operator or parameter, or a combination without meaning: NotFound or
// InvalidArgument that says what exists or is allowed.
absl::StatusOr<Function> BuildOperator(std::string_view spec);
// "relu(rows=..., columns=..., type=f32|f64|f16|bf16)": required parameters with
// dots, others with their default, words with all there are, the default first.
std::string Signature(const Operator& op);

// C[m, n] = sum(k) A[m, k] * B[k, n], f32; `const_b` marks B const. Extents are
// positive, tensors of at most 2^40 elements.
Function Matmul(int64_t m, int64_t n, int64_t k, bool const_b = false);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATORS_H_
