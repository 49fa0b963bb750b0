#include "compiler/loop/affine.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "compiler/loop/simplify.h"

namespace lathe {
namespace {

template <typename T>
int Compare(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int CompareAll(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    if (int order = CompareExpr(a[i], b[i])) return order;
  }
  return 0;
}

// Compares in turn; the first difference decides.
int FirstOf(std::initializer_list<int> orders) {
  for (int order : orders) {
    if (order != 0) return order;
  }
  return 0;
}

int CompareAxes(const std::vector<Axis>& a, const std::vector<Axis>& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    int order = FirstOf({a[i].name.compare(b[i].name), Compare(a[i].extent, b[i].extent)});
    if (order != 0) return order;
  }
  return 0;
}

}  // namespace

int CompareExpr(const Expr& a, const Expr& b) {
  if (a.SameAs(b)) return 0;
  if (!a || !b) return a ? 1 : -1;
  if (a.kind() != b.kind()) {
    if (a.kind() == ExprKind::kVar) return -1;
    if (b.kind() == ExprKind::kVar) return 1;
    return Compare(a.kind(), b.kind());
  }
  if (const auto* x = a.As<Var>()) return x->name.compare(b.As<Var>()->name);
  if (a.type() != b.type()) {
    return FirstOf(
        {Compare(a.type().scalar, b.type().scalar), Compare(a.type().lanes, b.type().lanes)});
  }
  switch (a.kind()) {
    case ExprKind::kIntImm:
      return Compare(a.As<IntImm>()->value, b.As<IntImm>()->value);
    case ExprKind::kFloatImm:
      return Compare(std::bit_cast<uint64_t>(a.As<FloatImm>()->value),
                     std::bit_cast<uint64_t>(b.As<FloatImm>()->value));
    case ExprKind::kVar:
      return 0;
    case ExprKind::kUnary: {
      const auto &x = *a.As<Unary>(), &y = *b.As<Unary>();
      return FirstOf({Compare(x.op, y.op), CompareExpr(x.a, y.a)});
    }
    case ExprKind::kBinary: {
      const auto &x = *a.As<Binary>(), &y = *b.As<Binary>();
      if (int order = FirstOf({Compare(x.op, y.op), CompareExpr(x.a, y.a)})) return order;
      return CompareExpr(x.b, y.b);
    }
    case ExprKind::kSelect: {
      const auto &x = *a.As<Select>(), &y = *b.As<Select>();
      return FirstOf(
          {CompareExpr(x.condition, y.condition), CompareExpr(x.a, y.a), CompareExpr(x.b, y.b)});
    }
    case ExprKind::kCast:
      return CompareExpr(a.As<Cast>()->value, b.As<Cast>()->value);
    case ExprKind::kRead: {
      const auto &x = *a.As<Read>(), &y = *b.As<Read>();
      return FirstOf({x.buffer.compare(y.buffer), CompareAll(x.indices, y.indices),
                      CompareExpr(x.predicate, y.predicate),
                      CompareExpr(x.otherwise, y.otherwise)});
    }
    case ExprKind::kReduce: {
      const auto &x = *a.As<Reduce>(), &y = *b.As<Reduce>();
      return FirstOf(
          {Compare(x.op, y.op), CompareAxes(x.axes, y.axes), CompareExpr(x.body, y.body)});
    }
    case ExprKind::kRamp: {
      const auto &x = *a.As<Ramp>(), &y = *b.As<Ramp>();
      return FirstOf({Compare(x.stride, y.stride), CompareExpr(x.base, y.base)});
    }
    case ExprKind::kBroadcast:
      return CompareExpr(a.As<Broadcast>()->value, b.As<Broadcast>()->value);
    case ExprKind::kLaneReduce: {
      const auto &x = *a.As<LaneReduce>(), &y = *b.As<LaneReduce>();
      return FirstOf({Compare(x.op, y.op), CompareExpr(x.value, y.value)});
    }
  }
  return 0;
}

void Linear::Add(const Expr& atom, int64_t coefficient) {
  if (coefficient == 0) return;
  auto it = terms.begin();
  for (; it != terms.end(); ++it) {
    int order = CompareExpr(it->atom, atom);
    if (order > 0) break;
    if (order < 0) continue;
    it->coefficient = WrapAdd(it->coefficient, coefficient);
    if (it->coefficient == 0) terms.erase(it);
    return;
  }
  terms.insert(it, Term{atom, coefficient});
}

void Linear::Add(const Linear& other, int64_t scale) {
  constant = WrapAdd(constant, WrapMul(other.constant, scale));
  lane_stride = WrapAdd(lane_stride, WrapMul(other.lane_stride, scale));
  for (const Term& term : other.terms) Add(term.atom, WrapMul(term.coefficient, scale));
}

int64_t Linear::CoefficientOf(const Expr& atom) const {
  for (const Term& term : terms) {
    if (CompareExpr(term.atom, atom) == 0) return term.coefficient;
  }
  return 0;
}

Expr Linear::ToExpr(int lanes) const {
  if (lanes > 1) {
    Linear base = *this;
    base.lane_stride = 0;
    Expr scalar = base.ToExpr();
    return lane_stride == 0 ? MakeBroadcast(std::move(scalar), lanes)
                            : MakeRamp(std::move(scalar), lane_stride, lanes);
  }
  auto scaled = [](const Term& term, int64_t coefficient) {
    return coefficient == 1 ? term.atom : term.atom * MakeInt(coefficient);
  };
  Expr sum;
  for (const Term& term : terms) {
    if (term.coefficient < 0) continue;
    Expr product = scaled(term, term.coefficient);
    sum = sum ? std::move(sum) + std::move(product) : std::move(product);
  }
  int64_t rest = constant;
  if (!sum && rest > 0) {
    sum = MakeInt(rest);
    rest = 0;
  }
  for (const Term& term : terms) {
    if (term.coefficient > 0) continue;
    int64_t magnitude = WrapMul(term.coefficient, -1);  // the least i64 stays negative
    if (sum && magnitude > 0) {
      sum = std::move(sum) - scaled(term, magnitude);
    } else if (sum) {
      sum = std::move(sum) + scaled(term, term.coefficient);
    } else if (magnitude == 1) {
      sum = MakeUnary(UnaryOp::kNeg, term.atom);
    } else {
      sum = scaled(term, term.coefficient);
    }
  }
  if (!sum) return MakeInt(rest);
  if (rest > 0) return std::move(sum) + MakeInt(rest);
  if (rest < 0) {
    int64_t magnitude = WrapMul(rest, -1);
    return magnitude > 0 ? std::move(sum) - MakeInt(magnitude) : std::move(sum) + MakeInt(rest);
  }
  return sum;
}

void AddLinear(const Expr& e, int64_t scale, Linear& sum) {
  if (std::optional<int64_t> value = AsConstInt(e)) {
    sum.constant = WrapAdd(sum.constant, WrapMul(*value, scale));
    return;
  }
  if (const auto* node = e.As<Binary>()) {
    if (node->op == BinaryOp::kAdd || node->op == BinaryOp::kSub) {
      AddLinear(node->a, scale, sum);
      AddLinear(node->b, node->op == BinaryOp::kAdd ? scale : WrapMul(scale, -1), sum);
      return;
    }
    if (node->op == BinaryOp::kMul) {
      if (auto factor = AsConstInt(node->b)) {
        return AddLinear(node->a, WrapMul(scale, *factor), sum);
      }
      if (auto factor = AsConstInt(node->a)) {
        return AddLinear(node->b, WrapMul(scale, *factor), sum);
      }
    }
  } else if (const auto* node = e.As<Unary>(); node && node->op == UnaryOp::kNeg) {
    return AddLinear(node->a, WrapMul(scale, -1), sum);
  } else if (const auto* node = e.As<Broadcast>()) {
    return AddLinear(node->value, scale, sum);
  } else if (const auto* node = e.As<Ramp>()) {
    sum.lane_stride = WrapAdd(sum.lane_stride, WrapMul(node->stride, scale));
    return AddLinear(node->base, scale, sum);
  }
  sum.Add(e, scale);
}

std::optional<Affine> AsAffine(const Expr& e) {
  if (e.type() != kIndexType) return std::nullopt;
  Linear sum;
  AddLinear(e, 1, sum);
  Affine result;
  result.constant = sum.constant;
  for (const Linear::Term& term : sum.terms) {
    const auto* var = term.atom.As<Var>();
    if (var == nullptr) return std::nullopt;
    result.terms.emplace_back(var->name, term.coefficient);
  }
  return result;
}

}  // namespace lathe
