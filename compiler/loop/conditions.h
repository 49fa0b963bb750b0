// Predicates as lists of conditions, and conditions as linear inequalities:
// what primitives and passes reason with.
#ifndef LATHE_COMPILER_LOOP_CONDITIONS_H_
#define LATHE_COMPILER_LOOP_CONDITIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/loop/affine.h"
#include "compiler/loop/bounds.h"
#include "compiler/loop/program.h"

namespace lathe {

// The conditions that a (possibly null) predicate joins with `and`.
std::vector<Expr> Conjuncts(const Expr& predicate);
// Their conjunction, null for none; scalars are broadcast where vectors occur.
Expr Conjunction(const std::vector<Expr>& conditions);

Linear LinearOf(const Expr& e);

// `condition` as "result >= 0", if it is a scalar <, <=, > or >= of indices.
std::optional<Linear> AsNonNegative(const Expr& condition);

// The coefficient of variable `var` in `sum`; nullopt if an atom other than
// the variable itself uses it, so that the sum is not linear in it.
std::optional<int64_t> CoefficientOf(const Linear& sum, const std::string& var);

// The values of `var` within [0, extent) for which `condition` holds whatever
// values other variables take (kAlways), or for which it holds for some
// (kSometimes); an empty range is {0, 0}. The whole range, or none for kAlways,
// when the condition is not linear in `var`.
struct Range {
  int64_t begin = 0, end = 0;
  bool empty() const { return begin >= end; }
};
enum class Holds { kAlways, kSometimes };
Range RangeWhere(Holds holds, const Expr& condition, const std::string& var, int64_t extent,
                 const Bounds& bounds);

// Whether the iterations of a reduction's store are a product: loops that choose
// its element and others that choose the term, no binding or condition joins them.
bool TermsAreIndependent(const StageInfo& stage, const Store& store);

// `predicate` without the conditions that hold everywhere within `bounds`.
Expr DropProvable(const Expr& predicate, const Bounds& bounds);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_CONDITIONS_H_
