// Simplification of expressions, with bounds of variables known.
#ifndef LATHE_COMPILER_LOOP_SIMPLIFY_H_
#define LATHE_COMPILER_LOOP_SIMPLIFY_H_

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "compiler/loop/program.h"

namespace lathe {

// A closed interval of i64; an absent end is unbounded.
struct Interval {
  std::optional<int64_t> min, max;
  static Interval Exactly(int64_t value) { return {value, value}; }
  static Interval Of(int64_t min, int64_t max) { return {min, max}; }
  bool bounded() const { return min && max; }
};
using Bounds = absl::flat_hash_map<std::string, Interval>;

// Bounds of an integer expression, given those of its variables (others are
// unbounded). Sound, not always tight; tight for affine expressions.
Interval BoundsOf(const Expr& e, const Bounds& bounds);

// An equivalent expression, usually smaller. Integers: affine normal form,
// folding of // and % by bounds, comparisons decided by bounds. Floats: only
// exact identities (x*1, x+0 is NOT exact for -0 and stays).
Expr Simplify(const Expr& e, const Bounds& bounds = {});

// Simplifies every expression of `s` under the bounds of its loops, drops
// statements whose condition is false, unwraps those whose condition is true,
// replaces a loop of extent 1 by its body at zero. Null if nothing is left.
Stmt Simplify(const Stmt& s);

// Whether the boolean `e` is true (false) for all values within bounds.
bool ProvablyTrue(const Expr& e, const Bounds& bounds);
bool ProvablyFalse(const Expr& e, const Bounds& bounds);

// e as c0 + sum of coefficient * variable, if it is affine in its variables.
struct Affine {
  int64_t constant = 0;
  std::vector<std::pair<std::string, int64_t>> terms;  // sorted by name, none zero
};
std::optional<Affine> AsAffine(const Expr& e);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_SIMPLIFY_H_
