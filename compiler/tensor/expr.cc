#include "compiler/tensor/expr.h"

#include <bit>
#include <cmath>
#include <optional>

#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

std::optional<int64_t> FoldInt(BinaryOp op, int64_t a, int64_t b) {
  auto wrap = [](auto f, int64_t x, int64_t y) {
    return static_cast<int64_t>(f(static_cast<uint64_t>(x), static_cast<uint64_t>(y)));
  };
  switch (op) {
    case BinaryOp::kAdd:
      return wrap([](uint64_t x, uint64_t y) { return x + y; }, a, b);
    case BinaryOp::kSub:
      return wrap([](uint64_t x, uint64_t y) { return x - y; }, a, b);
    case BinaryOp::kMul:
      return wrap([](uint64_t x, uint64_t y) { return x * y; }, a, b);
    case BinaryOp::kFloorDiv:
      return b > 0 ? std::optional(FloorDiv(a, b)) : std::nullopt;
    case BinaryOp::kMod:
      return b > 0 ? std::optional(FloorMod(a, b)) : std::nullopt;
    case BinaryOp::kMin:
      return a < b ? a : b;
    case BinaryOp::kMax:
      return a > b ? a : b;
    case BinaryOp::kLt:
      return a < b;
    case BinaryOp::kLe:
      return a <= b;
    case BinaryOp::kGt:
      return a > b;
    case BinaryOp::kGe:
      return a >= b;
    case BinaryOp::kEq:
      return a == b;
    case BinaryOp::kNe:
      return a != b;
    case BinaryOp::kAnd:
      return a && b;
    case BinaryOp::kOr:
      return a || b;
    case BinaryOp::kDiv:
    case BinaryOp::kPow:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Expr MakeInt(int64_t value, Type type) {
  CHECK(!IsFloat(type.scalar) && type.lanes == 1);
  return Expr(std::make_shared<IntImm>(type, WrapInteger(type.scalar, value)));
}

Expr MakeFloat(double value, Type type) {
  CHECK(IsFloat(type.scalar) && type.lanes == 1);
  // One NaN only, so that text and keys say all there is.
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  return Expr(std::make_shared<FloatImm>(type, RoundFloat(type.scalar, value)));
}

Expr MakeBool(bool value) { return MakeInt(value, kBoolType); }

Expr MakeVar(std::string name) { return Expr(std::make_shared<Var>(std::move(name))); }

Expr MakeUnary(UnaryOp op, Expr a) {
  Type type = a.type();
  if (op == UnaryOp::kNot) {
    CHECK(type.scalar == ScalarType::kBool);
  } else if (op == UnaryOp::kNeg || op == UnaryOp::kAbs) {
    CHECK(type.scalar != ScalarType::kBool);
  } else {
    CHECK(IsFloat(type.scalar)) << Name(op) << " of " << Name(type);
  }
  if (const auto* imm = a.As<IntImm>()) {
    if (op == UnaryOp::kNot) return MakeBool(!imm->value);
    if (op == UnaryOp::kNeg) {
      return MakeInt(static_cast<int64_t>(-static_cast<uint64_t>(imm->value)), type);
    }
  }
  return Expr(std::make_shared<Unary>(type, op, std::move(a)));
}

Expr MakeBinary(BinaryOp op, Expr a, Expr b) {
  CHECK(a.type() == b.type()) << Name(a.type()) << " " << Name(op) << " " << Name(b.type());
  Type operand = a.type();
  bool logical = op == BinaryOp::kAnd || op == BinaryOp::kOr;
  bool equality = op == BinaryOp::kEq || op == BinaryOp::kNe;
  if (logical) {
    CHECK(operand.scalar == ScalarType::kBool);
  } else if (op == BinaryOp::kDiv || op == BinaryOp::kPow) {
    CHECK(IsFloat(operand.scalar)) << Name(op) << " of " << Name(operand);
  } else if (op == BinaryOp::kFloorDiv || op == BinaryOp::kMod) {
    CHECK(IsInteger(operand.scalar)) << Name(op) << " of " << Name(operand);
  } else if (!equality) {
    CHECK(operand.scalar != ScalarType::kBool) << Name(op) << " of bool";
  }
  Type type = IsComparison(op) ? Type{ScalarType::kBool, operand.lanes} : operand;
  const auto* ia = a.As<IntImm>();
  const auto* ib = b.As<IntImm>();
  if (ia && ib) {
    if (auto folded = FoldInt(op, ia->value, ib->value)) return MakeInt(*folded, type);
  }
  return Expr(std::make_shared<Binary>(type, op, std::move(a), std::move(b)));
}

Expr MakeSelect(Expr condition, Expr a, Expr b) {
  CHECK(condition.type().scalar == ScalarType::kBool);
  CHECK(a.type() == b.type());
  CHECK(condition.type().lanes == 1 || condition.type().lanes == a.type().lanes);
  return Expr(std::make_shared<Select>(std::move(condition), std::move(a), std::move(b)));
}

Expr MakeCast(Type type, Expr value) {
  CHECK_EQ(type.lanes, value.type().lanes);
  if (value.type() == type) return value;
  return Expr(std::make_shared<Cast>(type, std::move(value)));
}

Expr MakeRead(Type type, std::string buffer, std::vector<Expr> indices, Expr predicate,
              Expr otherwise) {
  CHECK(!predicate || otherwise) << "a predicated read of " << buffer << " needs a value otherwise";
  CHECK(!otherwise || otherwise.type() == type);
  return Expr(std::make_shared<Read>(type, std::move(buffer), std::move(indices),
                                     std::move(predicate), std::move(otherwise)));
}

Expr MakeReduce(ReduceOp op, std::vector<Axis> axes, Expr body) {
  CHECK(!axes.empty());
  return Expr(std::make_shared<Reduce>(op, std::move(axes), std::move(body)));
}

Expr MakeRamp(Expr base, int64_t stride, int lanes) {
  CHECK(IsInteger(base.type().scalar) && base.type().lanes == 1 && lanes > 1);
  return Expr(std::make_shared<Ramp>(std::move(base), stride, lanes));
}

Expr MakeBroadcast(Expr value, int lanes) {
  if (lanes == 1) return value;
  CHECK_EQ(value.type().lanes, 1);
  return Expr(std::make_shared<Broadcast>(std::move(value), lanes));
}

Expr MakeLaneReduce(ReduceOp op, Expr value) {
  CHECK(value.type().lanes > 1);
  return Expr(std::make_shared<LaneReduce>(op, std::move(value)));
}

Expr MakeConst(double value, Type type) {
  Type scalar = type.WithLanes(1);
  Expr imm = IsFloat(type.scalar) ? MakeFloat(value, scalar)
                                  : MakeInt(static_cast<int64_t>(value), scalar);
  return MakeBroadcast(std::move(imm), type.lanes);
}

std::optional<int64_t> AsConstInt(const Expr& e) {
  if (const auto* imm = e.As<IntImm>()) return imm->value;
  if (const auto* broadcast = e.As<Broadcast>()) return AsConstInt(broadcast->value);
  return std::nullopt;
}

std::string_view Name(UnaryOp op) {
  constexpr std::string_view kNames[] = {"-",    "not",   "abs",  "floor", "exp",    "log",
                                         "sqrt", "rsqrt", "tanh", "erf",   "sigmoid"};
  return kNames[static_cast<int>(op)];
}

std::string_view Name(BinaryOp op) {
  constexpr std::string_view kNames[] = {"+", "-",  "*", "/",  "//", "%",  "min", "max", "pow",
                                         "<", "<=", ">", ">=", "==", "!=", "and", "or"};
  return kNames[static_cast<int>(op)];
}

std::string_view Name(ReduceOp op) {
  constexpr std::string_view kNames[] = {"sum", "prod", "max", "min"};
  return kNames[static_cast<int>(op)];
}

bool IsComparison(BinaryOp op) { return op >= BinaryOp::kLt && op <= BinaryOp::kNe; }

BinaryOp Combiner(ReduceOp op) {
  constexpr BinaryOp kCombiners[] = {BinaryOp::kAdd, BinaryOp::kMul, BinaryOp::kMax,
                                     BinaryOp::kMin};
  return kCombiners[static_cast<int>(op)];
}

Expr Identity(ReduceOp op, Type type) {
  if (op == ReduceOp::kSum) return MakeConst(0, type);
  if (op == ReduceOp::kProd) return MakeConst(1, type);
  bool lowest = op == ReduceOp::kMax;
  Type scalar = type.WithLanes(1);
  if (IsFloat(type.scalar)) {
    return MakeBroadcast(MakeFloat(lowest ? -INFINITY : INFINITY, scalar), type.lanes);
  }
  int64_t end = lowest ? LowestInteger(type.scalar) : HighestInteger(type.scalar);
  return MakeBroadcast(MakeInt(end, scalar), type.lanes);
}

namespace {

bool Equal(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!StructurallyEqual(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace

bool StructurallyEqual(const Expr& a, const Expr& b) {
  if (a.SameAs(b)) return true;
  if (!a || !b || a.kind() != b.kind() || a.type() != b.type()) return false;
  switch (a.kind()) {
    case ExprKind::kIntImm:
      return a.As<IntImm>()->value == b.As<IntImm>()->value;
    case ExprKind::kFloatImm:
      return std::bit_cast<uint64_t>(a.As<FloatImm>()->value) ==
             std::bit_cast<uint64_t>(b.As<FloatImm>()->value);
    case ExprKind::kVar:
      return a.As<Var>()->name == b.As<Var>()->name;
    case ExprKind::kUnary: {
      const auto &x = *a.As<Unary>(), &y = *b.As<Unary>();
      return x.op == y.op && StructurallyEqual(x.a, y.a);
    }
    case ExprKind::kBinary: {
      const auto &x = *a.As<Binary>(), &y = *b.As<Binary>();
      return x.op == y.op && StructurallyEqual(x.a, y.a) && StructurallyEqual(x.b, y.b);
    }
    case ExprKind::kSelect: {
      const auto &x = *a.As<Select>(), &y = *b.As<Select>();
      return StructurallyEqual(x.condition, y.condition) && StructurallyEqual(x.a, y.a) &&
             StructurallyEqual(x.b, y.b);
    }
    case ExprKind::kCast:
      return StructurallyEqual(a.As<Cast>()->value, b.As<Cast>()->value);
    case ExprKind::kRead: {
      const auto &x = *a.As<Read>(), &y = *b.As<Read>();
      return x.buffer == y.buffer && Equal(x.indices, y.indices) &&
             StructurallyEqual(x.predicate, y.predicate) &&
             StructurallyEqual(x.otherwise, y.otherwise);
    }
    case ExprKind::kReduce: {
      const auto &x = *a.As<Reduce>(), &y = *b.As<Reduce>();
      return x.op == y.op && x.axes == y.axes && StructurallyEqual(x.body, y.body);
    }
    case ExprKind::kRamp: {
      const auto &x = *a.As<Ramp>(), &y = *b.As<Ramp>();
      return x.stride == y.stride && StructurallyEqual(x.base, y.base);
    }
    case ExprKind::kBroadcast:
      return StructurallyEqual(a.As<Broadcast>()->value, b.As<Broadcast>()->value);
    case ExprKind::kLaneReduce: {
      const auto &x = *a.As<LaneReduce>(), &y = *b.As<LaneReduce>();
      return x.op == y.op && StructurallyEqual(x.value, y.value);
    }
  }
  return false;
}

}  // namespace lathe
