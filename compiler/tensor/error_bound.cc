// Running error analysis after Higham, Accuracy and Stability of Numerical
// Algorithms, 2nd ed., chapters 2 and 3. An operation in type T computes
// fl(a op b) = (a op b)(1 + d) with |d| <= u(T); operands carry errors of their
// own, which propagate by the operation's derivative. Everything is in units
// of the stage's roundoff u, so that an operation in the stage's own type adds
// |a op b|. A null Expr is an error of zero.
#include "compiler/tensor/error_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

constexpr Type kF64{ScalarType::kF64, 1};

// exp, tanh, ... are computed to 4 ULP, which is 8 units of roundoff.
constexpr double kFunctionUnits = 8;
// An inexact operand decides a comparison, or where floor steps, only outside
// this many times its bound.
constexpr double kUncertainty = 4;

Expr Number(double value) { return MakeFloat(value, kF64); }
Expr Abs(Expr a) { return MakeUnary(UnaryOp::kAbs, std::move(a)); }
Expr Div(Expr a, Expr b) { return MakeBinary(BinaryOp::kDiv, std::move(a), std::move(b)); }
Expr Max(Expr a, Expr b) { return MakeBinary(BinaryOp::kMax, std::move(a), std::move(b)); }
Expr Sqrt(Expr a) { return MakeUnary(UnaryOp::kSqrt, std::move(a)); }

// Sums and products in which null is zero.
Expr Plus(Expr a, Expr b) {
  if (!a) return b;
  return b ? std::move(a) + std::move(b) : a;
}
Expr Times(Expr factor, Expr error) {
  return error ? std::move(factor) * std::move(error) : Expr();
}
Expr Scale(double factor, Expr error) {
  return factor == 1 ? error : Times(Number(factor), std::move(error));
}
Expr Larger(Expr a, Expr b) {
  if (!a || (b && StructurallyEqual(a, b))) return b;
  return b ? Max(std::move(a), std::move(b)) : a;
}

class ErrorAnalysis {
 public:
  ErrorAnalysis(const Function& function, const Stage& stage, const ErrorTensors& errors,
                Expr value)
      : function_(function), stage_(stage), errors_(errors), value_(std::move(value)) {}

  Expr Of(const Expr& e) {
    if (!IsFloat(e.type().scalar)) return Expr();
    switch (e.kind()) {
      case ExprKind::kUnary:
        return OfUnary(*e.As<Unary>(), e);
      case ExprKind::kBinary:
        return OfBinary(*e.As<Binary>(), e);
      case ExprKind::kSelect:
        return OfSelect(*e.As<Select>());
      case ExprKind::kCast:
        return OfCast(*e.As<Cast>(), e);
      case ExprKind::kRead:
        return OfRead(*e.As<Read>());
      case ExprKind::kReduce:
        return OfReduce(*e.As<Reduce>(), e);
      default:
        return Expr();  // constants: the kernel uses the same
    }
  }

 private:
  double Unit() const { return UnitRoundoff(stage_.type); }

  // The root's value stands in a tensor already: no need to compute it again.
  Expr Value(const Expr& e) const {
    return e.SameAs(stage_.body) ? value_ : ValueInF64(function_, e);
  }
  Expr Size(const Expr& e) const { return Abs(Value(e)); }

  // The rounding of one operation with result `e`.
  Expr Rounding(const Expr& e, double units = 1) const {
    return Scale(units * UnitRoundoff(e.type().scalar) / Unit(), Size(e));
  }
  // As above, where the result may underflow and kernels may flush it to zero:
  // an absolute error of the least normal number (Higham 2.1).
  Expr RoundingOrUnderflow(const Expr& e, double units = 1) const {
    bool narrow = e.type().scalar == ScalarType::kF16;
    bool wide = e.type().scalar == ScalarType::kF64;
    double least_normal = std::ldexp(1.0, narrow ? -14 : wide ? -1022 : -126);
    return Plus(Rounding(e, units), Number(least_normal / Unit()));
  }

  Expr OfUnary(const Unary& node, const Expr& e) {
    Expr a = Of(node.a);
    switch (node.op) {
      case UnaryOp::kNeg:
      case UnaryOp::kAbs:
        return a;
      case UnaryOp::kFloor: {
        // A step of one if an integer lies within reach of the operand.
        if (!a) return a;
        Expr reach = Scale(kUncertainty * Unit(), a);
        Expr high = MakeUnary(UnaryOp::kFloor, Value(node.a) + reach);
        Expr low = MakeUnary(UnaryOp::kFloor, Value(node.a) - reach);
        return Scale(1 / Unit(), std::move(high) - std::move(low));
      }
      case UnaryOp::kExp:  // exp' = exp
        return Plus(Times(Size(e), a), RoundingOrUnderflow(e, kFunctionUnits));
      case UnaryOp::kLog:  // log' = 1 / a
        return Plus(a ? Div(a, Size(node.a)) : a, Rounding(e, kFunctionUnits));
      case UnaryOp::kSqrt:
        return Plus(OfRoot(node.a, a), Rounding(e));
      case UnaryOp::kRsqrt: {  // (a^-1/2)' = -1/2 a^-3/2, rounded twice
        Expr slope = a ? Scale(0.5, Times(Div(Size(e), Size(node.a)), a)) : a;
        return Plus(std::move(slope), Rounding(e, 2));
      }
      case UnaryOp::kTanh:  // tanh' = 1 - tanh^2
        return Plus(Times(Number(1) - Value(e) * Value(e), a),
                    RoundingOrUnderflow(e, kFunctionUnits));
      case UnaryOp::kErf:  // erf' = 2/sqrt(pi) exp(-a^2) <= 1.1283792
        return Plus(Scale(1.1283792, a), RoundingOrUnderflow(e, kFunctionUnits));
      case UnaryOp::kSigmoid:  // s' = s (1 - s)
        return Plus(Times(Value(e) * (Number(1) - Value(e)), a),
                    RoundingOrUnderflow(e, kFunctionUnits));
      case UnaryOp::kNot:
        break;
    }
    return Expr();
  }

  // |sqrt(a + d) - sqrt(a)| <= min(|d| / sqrt(a), sqrt(|d|)); min takes its
  // second operand where the first is NaN, at a = d = 0.
  Expr OfRoot(const Expr& operand, const Expr& error) {
    if (!error) return error;
    Expr smooth = Div(error, Sqrt(Size(operand)));
    return MakeBinary(BinaryOp::kMin, std::move(smooth), Sqrt(Scale(1 / Unit(), error)));
  }

  Expr OfBinary(const Binary& node, const Expr& e) {
    Expr a = Of(node.a), b = Of(node.b);
    switch (node.op) {
      case BinaryOp::kAdd:
      case BinaryOp::kSub:
        return Plus(Plus(a, b), Rounding(e));
      case BinaryOp::kMul:
        return Plus(Plus(Times(Size(node.b), a), Times(Size(node.a), b)), Rounding(e));
      case BinaryOp::kDiv: {  // |d(a/b)| <= (|da| + |a/b| |db|) / |b|
        Expr slope = Plus(a, Times(Size(e), b));
        return Plus(slope ? Div(slope, Size(node.b)) : slope, RoundingOrUnderflow(e));
      }
      case BinaryOp::kMin:
      case BinaryOp::kMax:  // 1-Lipschitz in the larger error; picks, never rounds
        return Larger(a, b);
      case BinaryOp::kPow:
        return OfPow(node, e, a, b);
      default:
        return Expr();
    }
  }

  // d(a^b) = a^b (b/a da + log|a| db). Computed as exp(b log a), the logarithm's
  // rounding grows by |b log a| = |log a^b|.
  Expr OfPow(const Binary& node, const Expr& e, const Expr& a, const Expr& b) {
    Expr slope_a = a ? Times(Abs(Div(Value(e) * Value(node.b), Value(node.a))), a) : a;
    Expr log_a = MakeUnary(UnaryOp::kLog, Size(node.a));
    Expr slope_b = b ? Times(Abs(Value(e) * log_a), b) : b;
    Expr log_value = MakeUnary(UnaryOp::kLog, Size(e));
    Expr is_zero = MakeBinary(BinaryOp::kEq, Value(e), Number(0));
    Expr growth = MakeSelect(std::move(is_zero), Number(0), Abs(Value(e) * std::move(log_value)));
    double units = kFunctionUnits * UnitRoundoff(e.type().scalar) / Unit();
    return Plus(Plus(std::move(slope_a), std::move(slope_b)),
                Plus(Scale(units, std::move(growth)), RoundingOrUnderflow(e, kFunctionUnits)));
  }

  // Where rounding may turn the condition, the other arm counts too.
  Expr OfSelect(const Select& node) {
    Expr a = Of(node.a), b = Of(node.b);
    Expr picked;
    if (a || b) {
      picked =
          MakeSelect(ValueInF64(function_, node.condition), a ? a : Number(0), b ? b : Number(0));
    }
    Expr uncertain = Uncertain(node.condition);
    if (!uncertain) return picked;
    Expr step = Scale(1 / Unit(), Abs(Value(node.a) - Value(node.b)));
    Expr either = Plus(Larger(a, b), std::move(step));
    return MakeSelect(std::move(uncertain), std::move(either), picked ? picked : Number(0));
  }

  // Whether rounding may turn a condition; null if it cannot.
  Expr Uncertain(const Expr& condition) {
    if (const auto* unary = condition.As<Unary>()) return Uncertain(unary->a);
    const auto* node = condition.As<Binary>();
    if (!node) return Expr();
    if (!IsComparison(node->op) || node->a.type() == kBoolType) {
      Expr a = Uncertain(node->a), b = Uncertain(node->b);
      if (!a || !b) return a ? a : b;
      return MakeBinary(BinaryOp::kOr, std::move(a), std::move(b));
    }
    Expr reach = Plus(Of(node->a), Of(node->b));
    if (!reach) return reach;
    return MakeBinary(BinaryOp::kLe, Abs(Value(node->a) - Value(node->b)),
                      Scale(kUncertainty * Unit(), std::move(reach)));
  }

  Expr OfCast(const Cast& node, const Expr& e) {
    ScalarType from = node.value.type().scalar, to = node.type.scalar;
    Expr error = Of(node.value);
    bool exact = IsFloat(from) ? UnitRoundoff(to) <= UnitRoundoff(from)
                               : std::ldexp(1.0, 8 * ByteSize(from)) <= 1 / UnitRoundoff(to);
    bool narrows_range = from != to && to == ScalarType::kF16;
    if (exact && !narrows_range) return error;
    return Plus(std::move(error), narrows_range ? RoundingOrUnderflow(e) : Rounding(e));
  }

  // The element's error if the read falls inside, else that of the other value.
  Expr OfRead(const Read& node) {
    Expr otherwise = node.otherwise ? Of(node.otherwise) : Expr();
    auto it = errors_.find(node.buffer);
    if (it == errors_.end()) {
      if (!otherwise) return otherwise;
      return MakeSelect(IsInside(function_, node), Number(0), std::move(otherwise));
    }
    if (node.otherwise && !otherwise) otherwise = Number(0);
    double scale = UnitRoundoff(it->second.of) / Unit();
    if (otherwise) otherwise = Scale(1 / scale, std::move(otherwise));
    return Scale(scale, MakeRead(kF64, it->second.name, node.indices, Expr(), otherwise));
  }

  Expr OfReduce(const Reduce& node, const Expr& e) {
    Expr term = Of(node.body);
    auto reduce = [&](ReduceOp op, Expr body) {
      return MakeReduce(op, node.axes, std::move(body));
    };
    if (node.op == ReduceOp::kMax || node.op == ReduceOp::kMin) {
      return term ? reduce(ReduceOp::kMax, std::move(term)) : term;
    }
    double terms = 1;
    for (const Axis& axis : node.axes) terms *= static_cast<double>(axis.extent);
    double units = UnitRoundoff(e.type().scalar) / Unit();
    if (node.op == ReduceOp::kSum) {
      // K - 1 additions in any order (Higham 4.2), with some room.
      Expr size = Size(node.body);
      bool is_product = term && units == 1 && StructurallyEqual(term, size);
      if (!term || is_product) {
        double count = (terms + 4) * units + (is_product ? 1 : 0);
        return Scale(count, reduce(ReduceOp::kSum, std::move(size)));
      }
      return reduce(ReduceOp::kSum, Plus(std::move(term), Scale((terms + 4) * units, size)));
    }
    // (prod (|t| + s err) - prod |t|) / s, and K - 1 roundings. It grows with s: a
    // step s above the unit roundoff is a bound too, and does not cancel in f64.
    Expr rounding = Rounding(e, terms + 4);
    if (!term) return rounding;
    double step = std::max(Unit(), 1 / (8 * terms));
    Expr worst = reduce(ReduceOp::kProd, Size(node.body) + Scale(step, std::move(term)));
    return Plus(Scale(1 / step, std::move(worst) - Size(e)), std::move(rounding));
  }

  const Function& function_;
  const Stage& stage_;
  const ErrorTensors& errors_;
  Expr value_;
};

}  // namespace

Expr ErrorBound(const Function& function, const Stage& stage, const ErrorTensors& errors,
                const Expr& value) {
  return ErrorAnalysis(function, stage, errors, value).Of(stage.body);
}

}  // namespace lathe
