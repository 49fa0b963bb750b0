// The correctness reference of a tensor function, itself a tensor function.
#ifndef LATHE_COMPILER_TENSOR_REFERENCE_H_
#define LATHE_COMPILER_TENSOR_REFERENCE_H_

#include "compiler/tensor/function.h"

namespace lathe {

// `function` with every floating stage computed in f64 and every integer stage
// in its own type. Same arguments. For each output y in order: y, and for a
// floating y then y_err (f64), the running first-order error bound in units of
// the output type's roundoff (Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., 3.3): err(a*b) = |a|err(b)+|b|err(a)+|ab|,
// err(sum_K t) = sum err(t) + (K+4) sum|t|, and so on through stages.
// A kernel's y passes when |y - y_ref| <= c * roundoff * y_err.
Function ReferenceOf(const Function& function);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_REFERENCE_H_
