// Comparisons of i64 sums in normal form.
#include <cstdlib>
#include <numeric>
#include <optional>
#include <utility>

#include "compiler/loop/bounds.h"
#include "compiler/loop/quotients.h"
#include "compiler/loop/simplifier.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {

// x // c < k as x < c*k, and x // c > k as x > c*k + c - 1.
bool Simplifier::UnwrapQuotient(Linear& difference) const {
  if (difference.terms.size() != 1 || std::abs(difference.terms[0].coefficient) != 1) return false;
  auto quotient = AsQuotient(BinaryOp::kFloorDiv, difference.terms[0].atom);
  int64_t limit;
  int64_t sign = difference.terms[0].coefficient;
  int64_t steps = sign > 0 ? difference.constant : WrapAdd(difference.constant, 1);
  if (!quotient || __builtin_mul_overflow(steps, quotient->divisor, &limit)) return false;
  Linear unwrapped;
  unwrapped.Add(quotient->numerator, sign);
  unwrapped.constant = WrapAdd(unwrapped.constant, sign > 0 ? limit : WrapAdd(limit, -1));
  if (!CannotWrap(unwrapped, 1)) return false;
  difference = std::move(unwrapped);
  return true;
}

// `difference` < 0 in smallest form: a common factor divided out, and terms
// that stay within one multiple of the others' factor dropped.
void Simplifier::TightenLess(Linear& difference) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Linear::Term& term : difference.terms) {
      int64_t factor = term.coefficient < 0 ? WrapMul(term.coefficient, -1) : term.coefficient;
      if (factor <= 1) continue;
      auto [multiple, rest] = PartByDivisor(difference, factor);
      auto block = OneBlock(BoundsOfSum(rest, 1), factor);
      if (!block) continue;
      difference = DividedExactly(multiple, factor);
      difference.constant = *block;
      changed = true;
      break;
    }
    int64_t common = 0;
    for (const Linear::Term& term : difference.terms) common = std::gcd(common, term.coefficient);
    if (common > 1) {
      int64_t constant = FloorDiv(difference.constant, common);
      difference.constant = 0;
      difference = DividedExactly(difference, common);
      difference.constant = constant;
      changed = true;
    }
    changed = UnwrapQuotient(difference) || changed;
  }
}

Expr Simplifier::CompareIntegers(BinaryOp op, const Expr& a, const Expr& b, const Expr& e) {
  int lanes = e.type().lanes;
  if (lanes > 1 && !(IsSumOfRamps(a) && IsSumOfRamps(b))) return Expr();
  Linear difference, right;
  if (!ToLinear(a, 1, difference) || !ToLinear(b, 1, right)) return Expr();
  Linear both = difference;
  both.Add(right, -1);
  if (!CannotWrap(difference, lanes) || !CannotWrap(right, lanes) || !CannotWrap(both, lanes)) {
    Expr x = difference.ToExpr(lanes), y = right.ToExpr(lanes);
    if (difference.IsConstant() && right.IsConstant()) {
      int64_t folded =
          *AsConstInt(MakeBinary(op, MakeInt(difference.constant), MakeInt(right.constant)));
      return MakeBroadcast(MakeBool(folded != 0), lanes);
    }
    return MakeBinary(op, std::move(x), std::move(y));
  }
  difference = std::move(both);
  PairQuotientsWithRemainders(difference);
  bool equality = op == BinaryOp::kEq || op == BinaryOp::kNe;
  bool decided_true = false, decided_false = false;
  if (equality) {
    int64_t common = difference.lane_stride;
    for (const Linear::Term& term : difference.terms) common = std::gcd(common, term.coefficient);
    Interval bounds = BoundsOfSum(difference, lanes);
    bool equal = bounds.min == 0 && bounds.max == 0;
    bool apart = (bounds.min && *bounds.min > 0) || (bounds.max && *bounds.max < 0) ||
                 (lanes == 1 && common > 1 && difference.constant % common != 0);
    decided_true = op == BinaryOp::kEq ? equal : apart;
    decided_false = op == BinaryOp::kEq ? apart : equal;
  } else {
    // Every order becomes `difference < 0`: a <= b is a - b - 1 < 0.
    if (op == BinaryOp::kGt || op == BinaryOp::kGe) {
      Linear negated;
      negated.Add(difference, -1);
      difference = std::move(negated);
    }
    if (op == BinaryOp::kLe || op == BinaryOp::kGe) {
      difference.constant = WrapAdd(difference.constant, -1);
    }
    auto decide = [&] {
      Interval bounds = BoundsOfSum(difference, lanes);
      decided_true = bounds.max && *bounds.max < 0;
      decided_false = bounds.min && *bounds.min >= 0;
    };
    decide();
    if (lanes == 1 && !decided_true && !decided_false) {
      TightenLess(difference);
      decide();
    }
  }
  if (decided_true || decided_false) return MakeBroadcast(MakeBool(decided_true), lanes);
  bool uniform = difference.lane_stride == 0;
  // Positive terms to the left, negative ones and the constant to the right.
  Linear left, other;
  bool flip = equality && !difference.terms.empty() && difference.terms[0].coefficient < 0;
  for (const Linear::Term& term : difference.terms) {
    bool positive = (term.coefficient > 0) != flip;
    (positive ? left : other).Add(term.atom, std::abs(term.coefficient));
  }
  if (difference.lane_stride != 0) {
    bool positive = (difference.lane_stride > 0) != flip;
    (positive ? left : other).lane_stride = std::abs(difference.lane_stride);
  }
  int64_t constant = flip ? difference.constant : WrapMul(difference.constant, -1);
  bool left_is_empty = left.terms.empty() && left.lane_stride == 0;
  (left_is_empty ? left : other).constant = left_is_empty ? WrapMul(constant, -1) : constant;
  BinaryOp result = equality ? op : BinaryOp::kLt;
  if (uniform && lanes > 1) {
    return MakeBroadcast(UseFacts(MakeBinary(result, left.ToExpr(), other.ToExpr())), lanes);
  }
  return UseFacts(MakeBinary(result, left.ToExpr(lanes), other.ToExpr(lanes)));
}

}  // namespace lathe
