// Sums and what happens to them before they are stored: bias, activation, cast.
#ifndef LATHE_COMPILER_TENSOR_OPERATORS_EPILOGUE_H_
#define LATHE_COMPILER_TENSOR_OPERATORS_EPILOGUE_H_

#include <string>
#include <string_view>

#include "compiler/tensor/operators/definition.h"

namespace lathe {

// act=none|relu|gelu.
OperatorParameter Activation();

// gelu(v) = v (1 + erf(v / sqrt(2))) / 2 as text (Hendrycks and Gimpel, Gaussian
// Error Linear Units, 2016, arXiv:1606.08415).
std::string GeluText(std::string_view v);

struct Accumulation {
  std::string_view partial = "t";  // the stage that sums, where it is not the result
  std::string_view result = "y";
  std::string_view indices;    // "i, j"
  std::string_view left = {};  // indices with stated extents, where they need them
  std::string_view sum;        // "sum(k) $acc(x[i, k]) * $acc(w[k, j])"
  std::string_view bias = {};  // "b[j]", added if the flag `bias` is set; may be empty
};
// Sets $equations: the sum, then an equation that adds a bias, applies an
// activation (word `act`, or flag `relu`) and casts to $result, as the words
// ask; one equation if nothing is asked.
absl::Status SetEquations(Words& words, const Accumulation& accumulation);
// As above with an equation of the caller's: `finish` of $t, the sum.
void SetEquations(Words& words, const Accumulation& accumulation, std::string_view finish);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATORS_EPILOGUE_H_
