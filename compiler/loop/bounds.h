// Interval arithmetic over i64 with absent (unbounded) ends.
#ifndef LATHE_COMPILER_LOOP_BOUNDS_H_
#define LATHE_COMPILER_LOOP_BOUNDS_H_

#include <string>
#include <utility>
#include <vector>

#include "compiler/loop/affine.h"
#include "compiler/loop/simplify.h"

namespace lathe {

// Ends that would overflow become absent.
Interval operator+(const Interval& a, const Interval& b);
Interval operator*(const Interval& a, int64_t factor);
Interval Hull(const Interval& a, const Interval& b);
Interval FloorDivide(const Interval& a, int64_t divisor);  // divisor > 0
Interval FloorModulo(const Interval& a, int64_t divisor);  // divisor > 0

// What a simplified condition says of single variables: for each variable of a
// conjunct a < b, its bounds in `bounds`, narrowed by those of the others.
std::vector<std::pair<std::string, Interval>> NarrowedBy(const Expr& condition,
                                                         const Bounds& bounds);

// Bounds of a sum over all of its lanes.
Interval BoundsOf(const Linear& sum, int lanes, const Bounds& bounds);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_BOUNDS_H_
