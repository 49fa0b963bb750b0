// The simplifier's dispatch, and the rules of all nodes but sums of i64.
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "compiler/loop/bounds.h"
#include "compiler/loop/simplifier.h"

namespace lathe {
namespace {

std::optional<double> AsConstFloat(const Expr& e) {
  if (const auto* imm = e.As<FloatImm>()) return imm->value;
  if (const auto* broadcast = e.As<Broadcast>()) return AsConstFloat(broadcast->value);
  return std::nullopt;
}

bool IsPositiveZero(double x) { return x == 0 && !std::signbit(x); }
bool IsNegativeZero(double x) { return x == 0 && std::signbit(x); }

// `a op b` folded where the result of the type's own arithmetic is exact or
// correctly rounded once more. (f64 arithmetic, then rounding to a narrower
// type, is correctly rounded for + - * /: Figueroa, "When is double rounding
// innocuous?", 1995.)
std::optional<double> FoldFloat(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kMin:
      return a < b ? a : b;
    case BinaryOp::kMax:
      return a > b ? a : b;
    default:
      return std::nullopt;
  }
}

Expr SimplifyFloatBinary(BinaryOp op, const Expr& a, const Expr& b) {
  auto x = AsConstFloat(a), y = AsConstFloat(b);
  if (x && y && !IsComparison(op)) {
    auto folded = FoldFloat(op, *x, *y);
    if (folded && !std::isnan(*folded)) return MakeConst(*folded, a.type());
  }
  if (op == BinaryOp::kMul && y == 1.0) return a;
  if (op == BinaryOp::kMul && x == 1.0) return b;
  if (op == BinaryOp::kDiv && y == 1.0) return a;
  if (op == BinaryOp::kSub && y && IsPositiveZero(*y)) return a;
  if (op == BinaryOp::kAdd && y && IsNegativeZero(*y)) return a;
  if (op == BinaryOp::kAdd && x && IsNegativeZero(*x)) return b;
  if ((op == BinaryOp::kMin || op == BinaryOp::kMax) && StructurallyEqual(a, b)) return a;
  return Expr();
}

// Identities of wrapping arithmetic in any integer type.
Expr SimplifyIntegerBinary(BinaryOp op, const Expr& a, const Expr& b) {
  auto x = AsConstInt(a), y = AsConstInt(b);
  switch (op) {
    case BinaryOp::kAdd:
      if (y == 0) return a;
      if (x == 0) return b;
      break;
    case BinaryOp::kSub:
      if (y == 0) return a;
      break;
    case BinaryOp::kMul:
      if (y == 1 || x == 0) return a;
      if (x == 1 || y == 0) return b;
      break;
    case BinaryOp::kFloorDiv:
      if (y == 1) return a;
      break;
    case BinaryOp::kMod:
      if (y == 1) return MakeConst(0, a.type());
      break;
    case BinaryOp::kMin:
    case BinaryOp::kMax:
      if (StructurallyEqual(a, b)) return a;
      break;
    default:
      break;
  }
  return Expr();
}

// The comparison that holds where `op` does not.
BinaryOp Negation(BinaryOp op) {
  switch (op) {
    case BinaryOp::kLt:
      return BinaryOp::kGe;
    case BinaryOp::kLe:
      return BinaryOp::kGt;
    case BinaryOp::kGt:
      return BinaryOp::kLe;
    case BinaryOp::kGe:
      return BinaryOp::kLt;
    case BinaryOp::kEq:
      return BinaryOp::kNe;
    default:
      return BinaryOp::kEq;
  }
}

// Appends the operands of a chain of `op`.
void Flatten(BinaryOp op, const Expr& e, std::vector<Expr>& operands) {
  const auto* node = e.As<Binary>();
  if (node != nullptr && node->op == op) {
    Flatten(op, node->a, operands);
    Flatten(op, node->b, operands);
  } else {
    operands.push_back(e);
  }
}

}  // namespace

Expr Simplifier::Simplify(const Expr& e) {
  if (e.kind() == ExprKind::kIntImm || e.kind() == ExprKind::kFloatImm) return e;
  if (const auto* ramp = e.As<Ramp>(); ramp && ramp->stride != 0 && AsConstInt(ramp->base)) {
    return e;  // most indices of unrolled code
  }
  Expr result;
  if (e.type().scalar == ScalarType::kI64) result = SimplifySum(e);
  if (!result) result = SimplifyNode(e);
  return !result.SameAs(e) && StructurallyEqual(result, e) ? e : result;
}

Expr Simplifier::SimplifyNode(const Expr& e) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
    case ExprKind::kFloatImm:
    case ExprKind::kVar:
      return e;
    case ExprKind::kUnary:
      return SimplifyUnary(*e.As<Unary>(), e);
    case ExprKind::kBinary:
      return SimplifyBinary(*e.As<Binary>(), e);
    case ExprKind::kSelect:
      return SimplifySelect(*e.As<Select>(), e);
    case ExprKind::kCast:
      return SimplifyCast(*e.As<Cast>(), e);
    case ExprKind::kRead:
      return SimplifyRead(*e.As<Read>(), e);
    case ExprKind::kReduce:
      return SimplifyReduce(*e.As<Reduce>(), e);
    case ExprKind::kRamp: {
      const auto& node = *e.As<Ramp>();
      Expr base = Simplify(node.base);
      if (node.stride == 0) return MakeBroadcast(std::move(base), node.type.lanes);
      return base.SameAs(node.base) ? e : MakeRamp(std::move(base), node.stride, node.type.lanes);
    }
    case ExprKind::kBroadcast: {
      const auto& node = *e.As<Broadcast>();
      Expr value = Simplify(node.value);
      return value.SameAs(node.value) ? e : MakeBroadcast(std::move(value), node.type.lanes);
    }
    case ExprKind::kLaneReduce: {
      const auto& node = *e.As<LaneReduce>();
      Expr value = Simplify(node.value);
      return value.SameAs(node.value) ? e : MakeLaneReduce(node.op, std::move(value));
    }
  }
  return e;
}

Expr Simplifier::SimplifyUnary(const Unary& node, const Expr& e) {
  Expr a = Simplify(node.a);
  if (const auto* broadcast = a.As<Broadcast>()) {
    return MakeBroadcast(Simplify(MakeUnary(node.op, broadcast->value)), node.type.lanes);
  }
  const auto* inner = a.As<Unary>();
  if (inner && inner->op == node.op && (node.op == UnaryOp::kNeg || node.op == UnaryOp::kNot)) {
    return inner->a;
  }
  if (node.op == UnaryOp::kNeg) {
    if (auto value = AsConstFloat(a)) return MakeConst(-*value, node.type);
  }
  const auto* comparison = a.As<Binary>();
  if (node.op == UnaryOp::kNot && comparison && IsComparison(comparison->op) &&
      !IsFloat(comparison->a.type().scalar)) {
    return Simplify(MakeBinary(Negation(comparison->op), comparison->a, comparison->b));
  }
  if (a.SameAs(node.a)) return e;
  return MakeUnary(node.op, std::move(a));
}

Expr Simplifier::SimplifyBinary(const Binary& node, const Expr& e) {
  if (node.op == BinaryOp::kAnd || node.op == BinaryOp::kOr) return SimplifyLogical(node, e);
  ScalarType operand = node.a.type().scalar;
  if (IsComparison(node.op) && operand == ScalarType::kI64) {
    if (Expr result = CompareIntegers(node.op, node.a, node.b, e)) return result;
  }
  Expr a = Simplify(node.a), b = Simplify(node.b);
  const auto *x = a.As<Broadcast>(), *y = b.As<Broadcast>();
  if (x != nullptr && y != nullptr) {
    return MakeBroadcast(Simplify(MakeBinary(node.op, x->value, y->value)), node.type.lanes);
  }
  Expr simpler =
      IsFloat(operand) ? SimplifyFloatBinary(node.op, a, b) : SimplifyIntegerBinary(node.op, a, b);
  if (simpler) return simpler;
  Expr result =
      a.SameAs(node.a) && b.SameAs(node.b) ? e : MakeBinary(node.op, std::move(a), std::move(b));
  if (!IsComparison(node.op)) return result;
  if (!IsFloat(operand)) {
    Interval value = BoundsOf(result, bounds_);
    if (value.bounded() && *value.min == *value.max) return MakeConst(*value.min, result.type());
  }
  return UseFacts(std::move(result));
}

Expr Simplifier::SimplifyLogical(const Binary& node, const Expr& e) {
  bool is_and = node.op == BinaryOp::kAnd;
  std::vector<Expr> operands, kept;
  Flatten(node.op, e, operands);
  bool same = true;
  for (const Expr& operand : operands) {
    Expr simple = Simplify(operand);
    same = same && simple.SameAs(operand);
    if (auto known = AsConstInt(simple)) {
      if ((*known != 0) != is_and) return MakeConst(!is_and, node.type);
      same = false;
      continue;
    }
    bool duplicate = false;
    for (const Expr& other : kept) duplicate = duplicate || StructurallyEqual(other, simple);
    if (duplicate) {
      same = false;
    } else {
      kept.push_back(std::move(simple));
    }
  }
  if (kept.empty()) return MakeConst(is_and, node.type);
  if (same) return e;
  Expr result = kept[0];
  for (size_t i = 1; i < kept.size(); ++i) result = MakeBinary(node.op, result, kept[i]);
  return result;
}

Expr Simplifier::SimplifySelect(const Select& node, const Expr& e) {
  Expr condition = Simplify(node.condition);
  if (auto known = AsConstInt(condition)) return Simplify(*known ? node.a : node.b);
  Expr a = Simplify(node.a), b = Simplify(node.b);
  if (StructurallyEqual(a, b)) return a;
  if (const auto* uniform = condition.As<Broadcast>()) {
    const auto *x = a.As<Broadcast>(), *y = b.As<Broadcast>();
    if (x != nullptr && y != nullptr) {
      return MakeBroadcast(MakeSelect(uniform->value, x->value, y->value), node.type.lanes);
    }
  }
  if (condition.SameAs(node.condition) && a.SameAs(node.a) && b.SameAs(node.b)) return e;
  return MakeSelect(std::move(condition), std::move(a), std::move(b));
}

Expr Simplifier::SimplifyCast(const Cast& node, const Expr& e) {
  Expr value = Simplify(node.value);
  if (const auto* broadcast = value.As<Broadcast>()) {
    Expr scalar = MakeCast(node.type.WithLanes(1), broadcast->value);
    return MakeBroadcast(Simplify(scalar), node.type.lanes);
  }
  if (const auto* imm = value.As<IntImm>()) {
    if (!IsFloat(node.type.scalar)) return MakeInt(imm->value, node.type);
    constexpr int64_t kExact = int64_t{1} << 53;
    if (std::abs(imm->value) <= kExact) return MakeFloat(imm->value, node.type);
  }
  if (const auto* imm = value.As<FloatImm>()) {
    if (IsFloat(node.type.scalar)) return MakeFloat(imm->value, node.type);
  }
  return value.SameAs(node.value) ? e : MakeCast(node.type, std::move(value));
}

Expr Simplifier::SimplifyRead(const Read& node, const Expr& e) {
  Expr predicate;
  bool same = true;
  if (node.predicate) {
    predicate = Simplify(node.predicate);
    same = predicate.SameAs(node.predicate);
    if (auto known = AsConstInt(predicate)) {
      if (*known == 0) return Simplify(node.otherwise);
      predicate = Expr();
      same = false;
    }
  }
  // Without a predicate `otherwise` still means something in a tensor
  // function: the guard is implicit there.
  Expr otherwise = node.otherwise;
  if (node.predicate && !predicate) otherwise = Expr();
  if (otherwise) {
    otherwise = Simplify(otherwise);
    same = same && otherwise.SameAs(node.otherwise);
  }
  std::vector<Expr> indices;
  indices.reserve(node.indices.size());
  bool uniform = node.type.lanes > 1 && (!predicate || predicate.type().lanes == 1 ||
                                         predicate.As<Broadcast>() != nullptr);
  uniform = uniform && (!otherwise || otherwise.As<Broadcast>() != nullptr);
  for (const Expr& index : node.indices) {
    indices.push_back(Simplify(index));
    same = same && indices.back().SameAs(index);
    uniform = uniform && indices.back().As<Broadcast>() != nullptr;
  }
  if (uniform) {
    auto scalar = [](const Expr& x) {
      return x && x.As<Broadcast>() ? x.As<Broadcast>()->value : x;
    };
    for (Expr& index : indices) index = scalar(index);
    return MakeBroadcast(MakeRead(node.type.WithLanes(1), node.buffer, std::move(indices),
                                  scalar(predicate), scalar(otherwise)),
                         node.type.lanes);
  }
  if (same) return e;
  return MakeRead(node.type, node.buffer, std::move(indices), std::move(predicate),
                  std::move(otherwise));
}

Expr Simplifier::SimplifyReduce(const Reduce& node, const Expr& e) {
  Bounds inner = bounds_;
  for (const Axis& axis : node.axes) inner[axis.name] = Interval::Of(0, axis.extent - 1);
  Expr body = Simplifier(inner).Simplify(node.body);
  return body.SameAs(node.body) ? e : MakeReduce(node.op, node.axes, std::move(body));
}

size_t Simplifier::Assume(const Expr& condition) {
  size_t mark = facts_.size();
  if (!condition) return mark;
  std::vector<Expr> conjuncts;
  Flatten(BinaryOp::kAnd, Simplify(condition), conjuncts);
  for (Expr& conjunct : conjuncts) {
    Fact fact;
    const auto* less = conjunct.As<Binary>();
    if (less && less->op == BinaryOp::kLt && less->a.type() == kIndexType) {
      fact.negative.emplace();
      AddLinear(less->a, 1, *fact.negative);
      AddLinear(less->b, -1, *fact.negative);
      if (!CannotWrap(*fact.negative, 1)) fact.negative.reset();
    }
    fact.condition = std::move(conjunct);
    facts_.push_back(std::move(fact));
  }
  return mark;
}

bool Simplifier::IsImpossible() const {
  for (size_t i = 0; i < facts_.size(); ++i) {
    if (AsConstInt(facts_[i].condition) == 0) return true;
    if (!facts_[i].negative) continue;
    // Two sums of at most -1 each make one of at most -2.
    for (size_t j = 0; j < i; ++j) {
      if (!facts_[j].negative) continue;
      Linear both = *facts_[i].negative;
      both.Add(*facts_[j].negative, 1);
      if (both.IsConstant() && both.constant > -2) return true;
    }
  }
  return false;
}

Expr Simplifier::UseFacts(Expr condition) const {
  for (const Fact& fact : facts_) {
    if (StructurallyEqual(fact.condition, condition)) return MakeConst(1, condition.type());
  }
  return condition;
}

Expr Simplify(const Expr& e, const Bounds& bounds) { return Simplifier(bounds).Simplify(e); }

bool ProvablyTrue(const Expr& e, const Bounds& bounds) {
  auto known = AsConstInt(Simplify(e, bounds));
  return known && *known != 0;
}

bool ProvablyFalse(const Expr& e, const Bounds& bounds) {
  auto known = AsConstInt(Simplify(e, bounds));
  return known && *known == 0;
}

}  // namespace lathe
