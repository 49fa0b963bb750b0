// The elementary functions of generated code, with what they should compute
// and how far they may be from it.
#ifndef LATHE_TESTS_COMPILER_CODEGEN_ELEMENTARY_FUNCTIONS_H_
#define LATHE_TESTS_COMPILER_CODEGEN_ELEMENTARY_FUNCTIONS_H_

#include <cmath>

#include "compiler/target/target.h"
#include "compiler/tensor/expr.h"

namespace lathe::testing {

struct Elementary {
  UnaryOp op;
  double (*of_double)(double);  // the reference of f32 and the halves
  long double (*of_long_double)(long double);
  double f32_bound, f64_bound;  // units in the last place, with fused multiply-add
};

template <typename T>
T RsqrtOf(T x) {
  return 1 / std::sqrt(x);
}
template <typename T>
T SigmoidOf(T x) {
  return 1 / (1 + std::exp(-x));
}

// The bounds that compiler/codegen/vector_math.h documents.
inline constexpr Elementary kElementary[] = {
    {UnaryOp::kExp, std::exp, std::exp, 1.1, 1.1},
    {UnaryOp::kLog, std::log, std::log, 1.0, 1.0},
    {UnaryOp::kTanh, std::tanh, std::tanh, 2.5, 2.5},
    {UnaryOp::kErf, std::erf, std::erf, 2.5, 2.0},
    {UnaryOp::kSigmoid, SigmoidOf<double>, SigmoidOf<long double>, 3.0, 3.0},
    {UnaryOp::kRsqrt, RsqrtOf<double>, RsqrtOf<long double>, 1.5, 1.5},
    {UnaryOp::kSqrt, std::sqrt, std::sqrt, 0.5001, 0.5001},
    {UnaryOp::kFloor, std::floor, std::floor, 0, 0},
};

// Without fused multiply-add, errors are up to one unit larger.
inline double BoundOn(const Target& target, double bound_with_fma) {
  return target.Has("fma") || bound_with_fma <= 0.51 ? bound_with_fma : bound_with_fma + 1;
}

}  // namespace lathe::testing

#endif  // LATHE_TESTS_COMPILER_CODEGEN_ELEMENTARY_FUNCTIONS_H_
