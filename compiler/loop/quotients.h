// Sums taken apart by a divisor: what quotients, remainders and comparisons share.
#ifndef LATHE_COMPILER_LOOP_QUOTIENTS_H_
#define LATHE_COMPILER_LOOP_QUOTIENTS_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "compiler/loop/affine.h"
#include "compiler/loop/simplify.h"

namespace lathe {

// The terms of `x` that `divisor` divides, and the rest with the constant.
std::pair<Linear, Linear> PartByDivisor(const Linear& x, int64_t divisor);
// `x` with everything divided, where the divisor divides everything.
Linear DividedExactly(Linear x, int64_t divisor);

// x op c as its numerator and divisor, if `e` is one with a positive constant.
struct Quotient {
  Linear numerator;
  int64_t divisor;
};
std::optional<Quotient> AsQuotient(BinaryOp op, const Expr& e);

// The block of `divisor` values that all of `bounds` lies in, if it is one.
std::optional<int64_t> OneBlock(const Interval& bounds, int64_t divisor);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_QUOTIENTS_H_
