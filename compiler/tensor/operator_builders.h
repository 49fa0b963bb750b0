// One builder per operator. All f32; extents positive (else CheckFunction fails).
#ifndef LATHE_COMPILER_TENSOR_OPERATOR_BUILDERS_H_
#define LATHE_COMPILER_TENSOR_OPERATOR_BUILDERS_H_

#include <cstdint>

#include "compiler/tensor/function.h"

namespace lathe {

// x is [rows, columns] in all of these.
Function Add(int64_t rows, int64_t columns);
Function Gelu(int64_t rows, int64_t columns);
Function Relu(int64_t rows, int64_t columns);
// Two outputs: mean[rows] and variance[rows], the variance in two passes.
Function RowMeanVariance(int64_t rows, int64_t columns);
Function RowSum(int64_t rows, int64_t columns);
Function Softmax(int64_t rows, int64_t columns);
Function Transpose(int64_t rows, int64_t columns);

// max(x[m, k] w[k, n] + b[n], 0), w const.
Function LinearRelu(int64_t m, int64_t k, int64_t n);
// Matmul (operators.h), then + bias[n], then max(..., 0), as asked.
Function MatmulWithEpilogue(int64_t m, int64_t n, int64_t k, bool const_b, bool bias, bool relu);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATOR_BUILDERS_H_
