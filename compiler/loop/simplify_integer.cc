// Sums of i64: quotients and remainders in normal form.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "compiler/loop/bounds.h"
#include "compiler/loop/quotients.h"
#include "compiler/loop/simplifier.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

// Built from variables only: subscripts, which never overflow in a checked
// program (elements of tensors may).
bool IsIndexOnly(const Expr& e) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
    case ExprKind::kVar:
      return true;
    case ExprKind::kUnary:
      return IsIndexOnly(e.As<Unary>()->a);
    case ExprKind::kBinary:
      return IsIndexOnly(e.As<Binary>()->a) && IsIndexOnly(e.As<Binary>()->b);
    default:
      return false;
  }
}

// The only term, if `x` is one atom times one (plus its constant).
const Expr* SingleAtom(const Linear& x) {
  bool single = x.terms.size() == 1 && x.terms[0].coefficient == 1 && x.lane_stride == 0;
  return single ? &x.terms[0].atom : nullptr;
}

// s where `sum` holds s times every term of `part`; zero if there is none.
int64_t CommonScale(const Linear& sum, const Linear& part) {
  int64_t scale = 0;
  for (const Linear::Term& term : part.terms) {
    int64_t held = sum.CoefficientOf(term.atom);
    if (held == 0 || held % term.coefficient != 0) return 0;
    int64_t own = held / term.coefficient;
    if (scale != 0 && own != scale) return 0;
    scale = own;
  }
  return scale;
}

}  // namespace

// With f < 0 and s > 0, a sum is at most (sum - s*f) - s. Tries each fact with
// s = 1, then all facts together that cancel terms of the sum.
std::optional<int64_t> Simplifier::UpperBound(const Linear& sum, int lanes) const {
  std::optional<int64_t> best = BoundsOf(sum, lanes, bounds_).max;
  auto consider = [&](const Linear& rest, int64_t slack) {
    Interval bound = BoundsOf(rest, lanes, bounds_) + Interval::Exactly(-slack);
    if (bound.max && (!best || *bound.max < *best)) best = bound.max;
  };
  Linear rest = sum;
  int64_t slack = 0;
  for (const Fact& fact : facts_) {
    if (!fact.negative) continue;
    Linear one = sum;
    one.Add(*fact.negative, -1);
    consider(one, 1);
    int64_t scale = CommonScale(rest, *fact.negative);
    if (scale <= 0 || __builtin_add_overflow(slack, scale, &slack)) continue;
    rest.Add(*fact.negative, WrapMul(scale, -1));
  }
  if (slack > 0) consider(rest, slack);
  return best;
}

Interval Simplifier::BoundsOfSum(const Linear& sum, int lanes) const {
  if (facts_.empty()) return BoundsOf(sum, lanes, bounds_);
  Linear negated;
  negated.Add(sum, -1);
  Interval result{UpperBound(negated, lanes), UpperBound(sum, lanes)};
  if (result.min) result.min = WrapMul(*result.min, -1);
  return result;
}

bool Simplifier::CannotWrap(const Linear& sum, int lanes) const {
  // The least i64 has no magnitude: such a sum is left alone.
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  if (sum.lane_stride == kLeast) return false;
  for (const Linear::Term& term : sum.terms) {
    if (term.coefficient == kLeast) return false;
  }
  bool index_only = std::all_of(sum.terms.begin(), sum.terms.end(),
                                [](const Linear::Term& term) { return IsIndexOnly(term.atom); });
  return index_only || BoundsOfSum(sum, lanes).bounded();
}

// x // divisor: what the divisor divides leaves the quotient; the rest
// vanishes if it stays within one block.
std::optional<Linear> Simplifier::Divide(const Linear& x, int64_t divisor, int lanes) {
  if (divisor == 1) return x;
  if (!CannotWrap(x, lanes)) {
    if (lanes > 1) return std::nullopt;
    Linear atom;
    atom.Add(MakeBinary(BinaryOp::kFloorDiv, x.ToExpr(), MakeInt(divisor)), 1);
    return atom;
  }
  auto [whole, rest] = PartByDivisor(x, divisor);
  Linear quotient = DividedExactly(whole, divisor);
  if (auto block = OneBlock(BoundsOfSum(rest, lanes), divisor)) {
    quotient.constant = WrapAdd(quotient.constant, *block);
    return quotient;
  }
  quotient.constant = WrapAdd(quotient.constant, FloorDiv(rest.constant, divisor));
  rest.constant = FloorMod(rest.constant, divisor);
  // (g*a + b) // (g*d) = a // d where 0 <= b < g.
  for (const Linear::Term& term : rest.terms) {
    int64_t g = std::gcd(term.coefficient, divisor);
    if (g == 1) continue;
    auto [multiple, remainder] = PartByDivisor(rest, g);
    auto block = OneBlock(BoundsOfSum(remainder, lanes), g);
    if (!block) continue;
    Linear inner = DividedExactly(multiple, g);
    inner.constant = WrapAdd(inner.constant, *block);
    std::optional<Linear> reduced = Divide(inner, divisor / g, lanes);
    if (!reduced) return std::nullopt;
    quotient.Add(*reduced, 1);
    return quotient;
  }
  if (lanes > 1 && rest.lane_stride != 0) return std::nullopt;
  if (const Expr* atom = SingleAtom(rest)) {
    // (y // d + k) // c = (y + k*d) // (d*c).
    int64_t product;
    auto inner = AsQuotient(BinaryOp::kFloorDiv, *atom);
    if (inner && !__builtin_mul_overflow(inner->divisor, divisor, &product)) {
      inner->numerator.constant =
          WrapAdd(inner->numerator.constant, WrapMul(rest.constant, inner->divisor));
      std::optional<Linear> reduced = Divide(inner->numerator, product, 1);
      quotient.Add(*reduced, 1);
      return quotient;
    }
    // (y % (c*d)) // c = (y // c) % d.
    auto remainder = AsQuotient(BinaryOp::kMod, *atom);
    if (remainder && rest.constant == 0 && remainder->divisor % divisor == 0) {
      std::optional<Linear> inner_quotient = Divide(remainder->numerator, divisor, 1);
      std::optional<Linear> reduced = Modulo(*inner_quotient, remainder->divisor / divisor, 1);
      quotient.Add(*reduced, 1);
      return quotient;
    }
  }
  quotient.Add(MakeBinary(BinaryOp::kFloorDiv, rest.ToExpr(), MakeInt(divisor)), 1);
  return quotient;
}

std::optional<Linear> Simplifier::Modulo(const Linear& x, int64_t divisor, int lanes) {
  if (divisor == 1) return Linear();
  if (!CannotWrap(x, lanes)) {
    if (lanes > 1) return std::nullopt;
    Linear atom;
    atom.Add(MakeBinary(BinaryOp::kMod, x.ToExpr(), MakeInt(divisor)), 1);
    return atom;
  }
  Linear rest = PartByDivisor(x, divisor).second;
  // k*(y % d) = k*y modulo c where c divides k*d.
  for (size_t i = 0; i < rest.terms.size();) {
    auto inner = AsQuotient(BinaryOp::kMod, rest.terms[i].atom);
    int64_t product;
    if (inner && !__builtin_mul_overflow(rest.terms[i].coefficient, inner->divisor, &product) &&
        product % divisor == 0) {
      int64_t coefficient = rest.terms[i].coefficient;
      rest.terms.erase(rest.terms.begin() + i);
      rest.Add(inner->numerator, coefficient);
      rest = PartByDivisor(rest, divisor).second;
      i = 0;
    } else {
      ++i;
    }
  }
  if (auto block = OneBlock(BoundsOfSum(rest, lanes), divisor)) {
    rest.constant = WrapAdd(rest.constant, WrapMul(*block, -divisor));
    return rest;
  }
  rest.constant = FloorMod(rest.constant, divisor);
  // (g*a + b) % (g*d) = g*(a % d) + b where 0 <= b < g.
  for (const Linear::Term& term : rest.terms) {
    int64_t g = std::gcd(term.coefficient, divisor);
    if (g == 1) continue;
    auto [multiple, remainder] = PartByDivisor(rest, g);
    auto block = OneBlock(BoundsOfSum(remainder, lanes), g);
    if (!block) continue;
    Linear inner = DividedExactly(multiple, g);
    inner.constant = WrapAdd(inner.constant, *block);
    remainder.constant = WrapAdd(remainder.constant, WrapMul(*block, -g));
    std::optional<Linear> reduced = Modulo(inner, divisor / g, lanes);
    if (!reduced) return std::nullopt;
    remainder.Add(*reduced, g);
    return remainder;
  }
  if (lanes > 1 && rest.lane_stride != 0) return std::nullopt;
  Linear atom;
  atom.Add(MakeBinary(BinaryOp::kMod, rest.ToExpr(), MakeInt(divisor)), 1);
  return atom;
}

// Recognises x = (x // c)*c + x % c inside a sum, in both directions.
void Simplifier::PairQuotientsWithRemainders(Linear& sum) {
  // Subtracts x from the sum if the sum holds `scale` times every term of x.
  auto take = [&sum](const Linear& x, int64_t scale) {
    for (const Linear::Term& term : x.terms) {
      if (sum.CoefficientOf(term.atom) != WrapMul(term.coefficient, scale)) return false;
    }
    sum.Add(x, WrapMul(scale, -1));
    return true;
  };
  // One rule applied to one term; false when none applies.
  auto join_remainder = [&](const Linear::Term& term) {
    auto remainder = AsQuotient(BinaryOp::kMod, term.atom);
    if (!remainder) return false;
    int64_t step = WrapMul(term.coefficient, remainder->divisor);
    std::optional<Linear> quotient = Divide(remainder->numerator, remainder->divisor, 1);
    if (quotient->terms.empty() || !take(*quotient, step)) return false;
    sum.Add(term.atom, WrapMul(term.coefficient, -1));
    sum.Add(remainder->numerator, term.coefficient);
    return true;
  };
  auto make_remainder = [&](const Linear::Term& term) {
    auto quotient = AsQuotient(BinaryOp::kFloorDiv, term.atom);
    if (!quotient || term.coefficient % quotient->divisor != 0) return false;
    int64_t scale = WrapMul(term.coefficient / quotient->divisor, -1);
    if (quotient->numerator.terms.empty() || !take(quotient->numerator, scale)) return false;
    sum.Add(term.atom, WrapMul(term.coefficient, -1));
    sum.Add(*Modulo(quotient->numerator, quotient->divisor, 1), scale);
    return true;
  };
  auto apply_anywhere = [&](auto&& rule) {
    for (size_t i = 0; i < sum.terms.size(); ++i) {
      if (sum.terms[i].atom.kind() != ExprKind::kBinary) continue;
      Linear::Term term = sum.terms[i];
      if (rule(term)) return true;
    }
    return false;
  };
  // Joining goes first: x - (x // 16)*16 must not hide a quotient that
  // remainders of x still need.
  while (apply_anywhere(join_remainder) || apply_anywhere(make_remainder)) {
  }
}

bool Simplifier::BinaryToLinear(const Binary& node, const Expr& e, int64_t scale, Linear& sum) {
  int lanes = e.type().lanes;
  if (node.op == BinaryOp::kAdd || node.op == BinaryOp::kSub) {
    return ToLinear(node.a, scale, sum) &&
           ToLinear(node.b, node.op == BinaryOp::kAdd ? scale : WrapMul(scale, -1), sum);
  }
  Linear a, b;
  if (!ToLinear(node.a, 1, a) || !ToLinear(node.b, 1, b)) return false;
  std::optional<Linear> result;
  switch (node.op) {
    case BinaryOp::kMul:
      if (b.IsConstant()) {
        sum.Add(a, WrapMul(scale, b.constant));
        return true;
      }
      if (a.IsConstant()) {
        sum.Add(b, WrapMul(scale, a.constant));
        return true;
      }
      break;
    case BinaryOp::kFloorDiv:
    case BinaryOp::kMod:
      if (!b.IsConstant() || b.constant <= 0) break;
      PairQuotientsWithRemainders(a);
      result = node.op == BinaryOp::kFloorDiv ? Divide(a, b.constant, lanes)
                                              : Modulo(a, b.constant, lanes);
      if (!result) return false;
      sum.Add(*result, scale);
      return true;
    case BinaryOp::kMin:
    case BinaryOp::kMax: {
      Linear difference = a;
      difference.Add(b, -1);
      if (!CannotWrap(difference, lanes)) break;
      Interval bounds = BoundsOfSum(difference, lanes);
      bool a_first = bounds.max && *bounds.max <= 0;
      bool b_first = bounds.min && *bounds.min >= 0;
      if (!a_first && !b_first) break;
      sum.Add(a_first == (node.op == BinaryOp::kMin) ? a : b, scale);
      return true;
    }
    default:
      break;
  }
  // The node stays an atom, of simplified parts.
  if (lanes > 1 && (a.lane_stride != 0 || b.lane_stride != 0)) return false;
  Expr x = a.ToExpr(), y = b.ToExpr();
  bool commutes = node.op != BinaryOp::kFloorDiv && node.op != BinaryOp::kMod;
  if (commutes && (a.IsConstant() || (!b.IsConstant() && CompareExpr(x, y) > 0))) std::swap(x, y);
  sum.Add(MakeBinary(node.op, std::move(x), std::move(y)), scale);
  return true;
}

bool Simplifier::IsSumOfRamps(const Expr& e) {
  switch (e.kind()) {
    case ExprKind::kRamp:
    case ExprKind::kBroadcast:
      return true;
    case ExprKind::kBinary:
      return IsSumOfRamps(e.As<Binary>()->a) && IsSumOfRamps(e.As<Binary>()->b);
    case ExprKind::kUnary:
      return e.As<Unary>()->op == UnaryOp::kNeg && IsSumOfRamps(e.As<Unary>()->a);
    default:
      return false;
  }
}

bool Simplifier::ToLinear(const Expr& e, int64_t scale, Linear& sum) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
      sum.constant = WrapAdd(sum.constant, WrapMul(e.As<IntImm>()->value, scale));
      return true;
    case ExprKind::kVar: {
      auto it = bounds_.find(e.As<Var>()->name);
      if (it != bounds_.end() && it->second.bounded() && *it->second.min == *it->second.max) {
        sum.constant = WrapAdd(sum.constant, WrapMul(*it->second.min, scale));
      } else {
        sum.Add(e, scale);
      }
      return true;
    }
    case ExprKind::kBinary:
      return BinaryToLinear(*e.As<Binary>(), e, scale, sum);
    case ExprKind::kUnary:
      if (e.As<Unary>()->op == UnaryOp::kNeg) {
        return ToLinear(e.As<Unary>()->a, WrapMul(scale, -1), sum);
      }
      break;
    case ExprKind::kRamp:
      sum.lane_stride = WrapAdd(sum.lane_stride, WrapMul(e.As<Ramp>()->stride, scale));
      return ToLinear(e.As<Ramp>()->base, scale, sum);
    case ExprKind::kBroadcast:
      return ToLinear(e.As<Broadcast>()->value, scale, sum);
    default:
      break;
  }
  Expr atom = SimplifyNode(e);
  if (atom.type().lanes > 1) {
    const auto* broadcast = atom.As<Broadcast>();
    if (broadcast == nullptr) return false;
    atom = broadcast->value;
  }
  AddLinear(atom, scale, sum);
  return true;
}

Expr Simplifier::SimplifySum(const Expr& e) {
  Linear sum;
  if (e.type().lanes > 1 && !IsSumOfRamps(e)) return Expr();
  if (!ToLinear(e, 1, sum)) return Expr();
  if (sum.terms.size() > 1) PairQuotientsWithRemainders(sum);
  return sum.ToExpr(e.type().lanes);
}

}  // namespace lathe
