// Integer expressions as sums: the normal form behind bounds and Simplify.
#ifndef LATHE_COMPILER_LOOP_AFFINE_H_
#define LATHE_COMPILER_LOOP_AFFINE_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "compiler/tensor/expr.h"

namespace lathe {

// A total order over expressions that is the same on every platform: variables
// first, by name; then the other kinds, by their parts.
int CompareExpr(const Expr& a, const Expr& b);

// constant + sum of coefficient * atom, plus lane * lane_stride in vector
// form. An atom is an i64 expression that is not itself a sum. Arithmetic
// wraps, like that of i64.
struct Linear {
  struct Term {
    Expr atom;
    int64_t coefficient;
  };
  int64_t constant = 0;
  int64_t lane_stride = 0;
  absl::InlinedVector<Term, 4> terms;  // sorted by CompareExpr(atom), none zero

  static Linear Of(int64_t constant) {
    Linear result;
    result.constant = constant;
    return result;
  }
  bool IsConstant() const { return terms.empty() && lane_stride == 0; }
  void Add(const Expr& atom, int64_t coefficient);
  void Add(const Linear& other, int64_t scale);
  int64_t CoefficientOf(const Expr& atom) const;  // zero if it is no term
  // Terms in order, positive coefficients first, the constant last:
  // i*12 + j - k + 3. With more lanes a ramp or a broadcast.
  Expr ToExpr(int lanes = 1) const;
};

// Adds scale * e to `sum`. Sums, differences, negations, products with
// constants, ramps and broadcasts are taken apart; all else becomes an atom.
void AddLinear(const Expr& e, int64_t scale, Linear& sum);

// 64-bit arithmetic that wraps.
inline int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
inline int64_t WrapMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_AFFINE_H_
