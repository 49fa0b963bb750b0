#include "compiler/loop/bounds.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

std::optional<int64_t> CheckedAdd(std::optional<int64_t> a, std::optional<int64_t> b) {
  int64_t sum;
  if (!a || !b || __builtin_add_overflow(*a, *b, &sum)) return std::nullopt;
  return sum;
}

std::optional<int64_t> CheckedMul(std::optional<int64_t> a, int64_t b) {
  int64_t product;
  if (!a || __builtin_mul_overflow(*a, b, &product)) return std::nullopt;
  return product;
}

// The values a type can hold; unbounded for i64.
Interval RangeOf(ScalarType type) {
  if (type == ScalarType::kI64) return {};
  if (type == ScalarType::kBool) return Interval::Of(0, 1);
  return Interval::Of(LowestInteger(type), HighestInteger(type));
}

// `value` if it cannot have wrapped in `type`, else all that the type holds.
Interval FitTo(ScalarType type, const Interval& value) {
  Interval range = RangeOf(type);
  if (!range.bounded()) return value;
  bool fits = value.bounded() && *value.min >= *range.min && *value.max <= *range.max;
  return fits ? value : range;
}

Interval Negate(const Interval& a) { return a * -1; }

Interval Multiply(const Interval& a, const Interval& b) {
  if (!a.bounded() || !b.bounded()) return {};
  std::optional<int64_t> corners[] = {CheckedMul(a.min, *b.min), CheckedMul(a.min, *b.max),
                                      CheckedMul(a.max, *b.min), CheckedMul(a.max, *b.max)};
  Interval result =
      Interval::Of(std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min());
  for (const auto& corner : corners) {
    if (!corner) return {};
    result = Interval::Of(std::min(*result.min, *corner), std::max(*result.max, *corner));
  }
  return result;
}

Interval MinOf(const Interval& a, const Interval& b) {
  Interval result;
  if (a.min && b.min) result.min = std::min(*a.min, *b.min);
  if (a.max && b.max) {
    result.max = std::min(*a.max, *b.max);
  } else {
    result.max = a.max ? a.max : b.max;
  }
  return result;
}

Interval MaxOf(const Interval& a, const Interval& b) { return Negate(MinOf(Negate(a), Negate(b))); }

// Whether a < 0 for every value of the difference, or for none.
std::optional<bool> DecideNegative(const Interval& difference) {
  if (difference.max && *difference.max < 0) return true;
  if (difference.min && *difference.min >= 0) return false;
  return std::nullopt;
}

std::optional<bool> Decide(BinaryOp op, const Interval& difference) {
  auto negate = [](std::optional<bool> b) { return b ? std::optional(!*b) : b; };
  switch (op) {
    case BinaryOp::kLt:
      return DecideNegative(difference);
    case BinaryOp::kGe:
      return negate(DecideNegative(difference));
    case BinaryOp::kGt:
      return DecideNegative(Negate(difference));
    case BinaryOp::kLe:
      return negate(DecideNegative(Negate(difference)));
    case BinaryOp::kEq:
    case BinaryOp::kNe: {
      bool zero = difference.min == 0 && difference.max == 0;
      bool apart =
          (difference.min && *difference.min > 0) || (difference.max && *difference.max < 0);
      if (!zero && !apart) return std::nullopt;
      return zero == (op == BinaryOp::kEq);
    }
    default:
      return std::nullopt;
  }
}

Interval OfBool(std::optional<bool> value) {
  return value ? Interval::Exactly(*value) : Interval::Of(0, 1);
}

Interval BoundsOfBinary(const Binary& node, const Bounds& bounds) {
  if (IsComparison(node.op)) {
    if (IsFloat(node.a.type().scalar)) return Interval::Of(0, 1);
    Interval difference;
    if (node.a.type().scalar == ScalarType::kI64) {
      Linear sum;
      AddLinear(node.a, 1, sum);
      AddLinear(node.b, -1, sum);
      difference = BoundsOf(sum, node.type.lanes, bounds);
    } else {
      difference = BoundsOf(node.a, bounds) + Negate(BoundsOf(node.b, bounds));
    }
    return OfBool(Decide(node.op, difference));
  }
  Interval a = BoundsOf(node.a, bounds), b = BoundsOf(node.b, bounds);
  switch (node.op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a + Negate(b);
    case BinaryOp::kMul:
      return Multiply(a, b);
    case BinaryOp::kMin:
    case BinaryOp::kAnd:
      return MinOf(a, b);
    case BinaryOp::kMax:
    case BinaryOp::kOr:
      return MaxOf(a, b);
    case BinaryOp::kFloorDiv:
      if (b.bounded() && *b.min == *b.max && *b.min > 0) return FloorDivide(a, *b.min);
      return {};
    case BinaryOp::kMod:
      if (b.bounded() && *b.min == *b.max && *b.min > 0) return FloorModulo(a, *b.min);
      return {};
    default:
      return {};
  }
}

Interval BoundsOfUnary(const Unary& node, const Bounds& bounds) {
  Interval a = BoundsOf(node.a, bounds);
  switch (node.op) {
    case UnaryOp::kNeg:
      return Negate(a);
    case UnaryOp::kNot:
      return Interval::Exactly(1) + Negate(a);
    case UnaryOp::kAbs: {
      Interval result = MaxOf(a, Negate(a));
      // |least i64| wraps to itself; only a bounded operand excludes it.
      if (!a.bounded()) return {};
      result.min = std::max<int64_t>(result.min.value_or(0), 0);
      return result;
    }
    default:
      return {};
  }
}

// Bounds of one node that is not a sum, or of a sum in a type other than i64.
Interval BoundsOfNode(const Expr& e, const Bounds& bounds) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
      return Interval::Exactly(e.As<IntImm>()->value);
    case ExprKind::kVar: {
      auto it = bounds.find(e.As<Var>()->name);
      return it == bounds.end() ? Interval() : it->second;
    }
    case ExprKind::kUnary:
      return BoundsOfUnary(*e.As<Unary>(), bounds);
    case ExprKind::kBinary:
      return BoundsOfBinary(*e.As<Binary>(), bounds);
    case ExprKind::kSelect:
      return Hull(BoundsOf(e.As<Select>()->a, bounds), BoundsOf(e.As<Select>()->b, bounds));
    case ExprKind::kCast: {
      const Expr& value = e.As<Cast>()->value;
      return IsFloat(value.type().scalar) ? Interval() : BoundsOf(value, bounds);
    }
    case ExprKind::kReduce: {
      const auto& node = *e.As<Reduce>();
      if (node.op != ReduceOp::kMax && node.op != ReduceOp::kMin) return {};
      Bounds inner = bounds;
      for (const Axis& axis : node.axes) inner[axis.name] = Interval::Of(0, axis.extent - 1);
      return BoundsOf(node.body, inner);
    }
    case ExprKind::kRamp: {
      const auto& node = *e.As<Ramp>();
      return BoundsOf(node.base, bounds) +
             Hull(Interval::Exactly(0), Interval::Exactly(node.type.lanes - 1) * node.stride);
    }
    case ExprKind::kBroadcast:
      return BoundsOf(e.As<Broadcast>()->value, bounds);
    case ExprKind::kLaneReduce:
    case ExprKind::kRead:
    case ExprKind::kFloatImm:
      return {};
  }
  return {};
}

}  // namespace

Interval operator+(const Interval& a, const Interval& b) {
  return {CheckedAdd(a.min, b.min), CheckedAdd(a.max, b.max)};
}

Interval operator*(const Interval& a, int64_t factor) {
  if (factor == 0) return Interval::Exactly(0);
  Interval result{CheckedMul(a.min, factor), CheckedMul(a.max, factor)};
  if (factor < 0) std::swap(result.min, result.max);
  return result;
}

Interval Hull(const Interval& a, const Interval& b) {
  Interval result;
  if (a.min && b.min) result.min = std::min(*a.min, *b.min);
  if (a.max && b.max) result.max = std::max(*a.max, *b.max);
  return result;
}

Interval FloorDivide(const Interval& a, int64_t divisor) {
  Interval result;
  if (a.min) result.min = FloorDiv(*a.min, divisor);
  if (a.max) result.max = FloorDiv(*a.max, divisor);
  return result;
}

Interval FloorModulo(const Interval& a, int64_t divisor) {
  if (a.bounded() && FloorDiv(*a.min, divisor) == FloorDiv(*a.max, divisor)) {
    return Interval::Of(FloorMod(*a.min, divisor), FloorMod(*a.max, divisor));
  }
  return Interval::Of(0, divisor - 1);
}

std::vector<std::pair<std::string, Interval>> NarrowedBy(const Expr& condition,
                                                         const Bounds& bounds) {
  const auto* node = condition.As<Binary>();
  if (node == nullptr) return {};
  if (node->op == BinaryOp::kAnd) {
    auto narrowed = NarrowedBy(node->a, bounds);
    Bounds inner = bounds;
    for (const auto& [name, bound] : narrowed) inner[name] = bound;
    auto others = NarrowedBy(node->b, inner);
    narrowed.insert(narrowed.end(), others.begin(), others.end());
    return narrowed;
  }
  if (node->op != BinaryOp::kLt || node->a.type() != kIndexType) return {};
  Linear difference;
  AddLinear(node->a, 1, difference);
  AddLinear(node->b, -1, difference);
  std::vector<std::pair<std::string, Interval>> narrowed;
  for (const Linear::Term& term : difference.terms) {
    const auto* var = term.atom.As<Var>();
    if (var == nullptr || term.coefficient == std::numeric_limits<int64_t>::min()) continue;
    // c*v < -rest, so c*v is at most -1 less the least value of the rest.
    Linear rest = difference;
    rest.Add(term.atom, -term.coefficient);
    Interval most = BoundsOf(rest, 1, bounds) * -1 + Interval::Exactly(-1);
    if (!most.max) continue;
    auto known = bounds.find(var->name);
    Interval bound = known == bounds.end() ? Interval() : known->second;
    if (term.coefficient > 0) {
      int64_t limit = FloorDiv(*most.max, term.coefficient);
      if (!bound.max || limit < *bound.max) bound.max = limit;
    } else {
      int64_t limit = -FloorDiv(*most.max, -term.coefficient);
      if (!bound.min || limit > *bound.min) bound.min = limit;
    }
    narrowed.emplace_back(var->name, bound);
  }
  return narrowed;
}

Interval BoundsOf(const Linear& sum, int lanes, const Bounds& bounds) {
  Interval result = Interval::Exactly(sum.constant);
  if (sum.lane_stride != 0) {
    result = result + Hull(Interval::Exactly(0), Interval::Exactly(lanes - 1) * sum.lane_stride);
  }
  for (const Linear::Term& term : sum.terms) {
    result = result + BoundsOf(term.atom, bounds) * term.coefficient;
    if (!result.min && !result.max) break;
  }
  return result;
}

Interval BoundsOf(const Expr& e, const Bounds& bounds) {
  ScalarType type = e.type().scalar;
  if (IsFloat(type)) return {};
  if (type != ScalarType::kI64) return FitTo(type, BoundsOfNode(e, bounds));
  bool is_sum = e.kind() == ExprKind::kRamp;
  if (const auto* node = e.As<Binary>()) {
    is_sum = node->op == BinaryOp::kAdd || node->op == BinaryOp::kSub ||
             (node->op == BinaryOp::kMul && (AsConstInt(node->a) || AsConstInt(node->b)));
  }
  if (const auto* node = e.As<Unary>()) is_sum = node->op == UnaryOp::kNeg;
  if (!is_sum) return BoundsOfNode(e, bounds);
  Linear sum;
  AddLinear(e, 1, sum);
  return BoundsOf(sum, e.type().lanes, bounds);
}

}  // namespace lathe
