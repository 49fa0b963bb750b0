#include "compiler/tensor/print_expr.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/function.h"

namespace lathe {
namespace {

// The levels of the grammar, loosest first.
enum Precedence { kAny, kOr, kAnd, kNot, kComparison, kSum, kProduct, kPrefix, kPrimary };

Precedence PrecedenceOf(BinaryOp op) {
  switch (op) {
    case BinaryOp::kOr:
      return kOr;
    case BinaryOp::kAnd:
      return kAnd;
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return kSum;
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kFloorDiv:
    case BinaryOp::kMod:
      return kProduct;
    case BinaryOp::kMin:
    case BinaryOp::kMax:
    case BinaryOp::kPow:
      return kPrimary;
    default:
      return kComparison;
  }
}

// Whether the text of `e` with bare numbers has no type of its own: the
// mirror image of inference in typing.cc.
bool IsUntyped(const Expr& e) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
      return e.type().scalar != ScalarType::kBool;
    case ExprKind::kFloatImm:
      return true;
    case ExprKind::kUnary:
      return e.As<Unary>()->op != UnaryOp::kNot && IsUntyped(e.As<Unary>()->a);
    case ExprKind::kBinary:
      return e.type().scalar != ScalarType::kBool && IsUntyped(e.As<Binary>()->a) &&
             IsUntyped(e.As<Binary>()->b);
    case ExprKind::kSelect:
      return IsUntyped(e.As<Select>()->a) && IsUntyped(e.As<Select>()->b);
    case ExprKind::kReduce:
      return IsUntyped(e.As<Reduce>()->body);
    case ExprKind::kRamp:
      return IsUntyped(e.As<Ramp>()->base);
    case ExprKind::kBroadcast:
      return IsUntyped(e.As<Broadcast>()->value);
    default:
      return false;
  }
}

class ExprPrinter {
 public:
  explicit ExprPrinter(AxisTextFn axis_text) : axis_text_(axis_text) {}

  // typed: the place gives bare numbers their type. last: what follows closes
  // the expression, so that a reduction may reach that far.
  std::string Print(const Expr& e, Precedence level, bool typed, bool last) {
    switch (e.kind()) {
      case ExprKind::kIntImm:
        return PrintInt(*e.As<IntImm>(), typed);
      case ExprKind::kFloatImm:
        return PrintNumber(ConstantToText(e.As<FloatImm>()->value, e.type().scalar), e.type(),
                           typed);
      case ExprKind::kVar:
        return e.As<Var>()->name;
      case ExprKind::kUnary:
        return PrintUnary(*e.As<Unary>(), level, typed, last);
      case ExprKind::kBinary:
        return PrintBinary(*e.As<Binary>(), level, typed, last);
      case ExprKind::kSelect: {
        const auto& node = *e.As<Select>();
        bool a_typed = typed || !IsUntyped(node.b);
        return absl::StrCat("select(", Whole(node.condition, false), ", ", Whole(node.a, a_typed),
                            ", ", Whole(node.b, true), ")");
      }
      case ExprKind::kCast:
        return absl::StrCat(Name(e.type()), "(", Whole(e.As<Cast>()->value, false), ")");
      case ExprKind::kRead:
        return PrintRead(*e.As<Read>());
      case ExprKind::kReduce: {
        if (!last) return absl::StrCat("(", Whole(e, typed), ")");
        const auto& node = *e.As<Reduce>();
        std::string axes = absl::StrJoin(node.axes, ", ", [&](std::string* out, const Axis& axis) {
          absl::StrAppend(out, axis_text_(axis));
        });
        return absl::StrCat(ToAbsl(Name(node.op)), "(", axes, ") ",
                            Print(node.body, kAny, typed, true));
      }
      case ExprKind::kRamp: {
        const auto& node = *e.As<Ramp>();
        return absl::StrCat("ramp(", Whole(node.base, typed), ", ", node.stride, ", ",
                            e.type().lanes, ")");
      }
      case ExprKind::kBroadcast:
        return absl::StrCat("broadcast(", Whole(e.As<Broadcast>()->value, typed), ", ",
                            e.type().lanes, ")");
      case ExprKind::kLaneReduce: {
        const auto& node = *e.As<LaneReduce>();
        return absl::StrCat(ToAbsl(Name(node.op)), "_lanes(", Whole(node.value, false), ")");
      }
    }
    return "";
  }

 private:
  std::string Whole(const Expr& e, bool typed) { return Print(e, kAny, typed, true); }

  static std::string PrintNumber(const std::string& text, Type type, bool typed) {
    return typed ? text : absl::StrCat(Name(type), "(", text, ")");
  }

  static std::string PrintInt(const IntImm& node, bool typed) {
    if (node.type.scalar == ScalarType::kBool) return node.value ? "true" : "false";
    return PrintNumber(absl::StrCat(node.value), node.type, typed);
  }

  std::string PrintUnary(const Unary& node, Precedence level, bool typed, bool last) {
    Precedence own = node.op == UnaryOp::kNeg   ? kPrefix
                     : node.op == UnaryOp::kNot ? kNot
                                                : kPrimary;
    if (own == kPrimary) {
      return absl::StrCat(ToAbsl(Name(node.op)), "(", Whole(node.a, typed), ")");
    }
    bool parenthesize = own < level;
    bool a_last = last || parenthesize;
    // A minus right before a number would belong to the number.
    bool number = node.a.As<IntImm>() || node.a.As<FloatImm>();
    std::string text;
    if (own == kNot) {
      text = absl::StrCat("not ", Print(node.a, kNot, false, a_last));
    } else if (number && typed) {
      text = absl::StrCat("-(", Whole(node.a, typed), ")");
    } else {
      text = absl::StrCat("-", Print(node.a, kPrefix, typed, a_last));
    }
    return parenthesize ? absl::StrCat("(", text, ")") : text;
  }

  std::string PrintBinary(const Binary& node, Precedence level, bool typed, bool last) {
    Precedence own = PrecedenceOf(node.op);
    bool makes_bool = node.type.scalar == ScalarType::kBool;
    bool a_typed = (typed && !makes_bool) || !IsUntyped(node.b);
    absl::string_view name = ToAbsl(Name(node.op));
    if (own == kPrimary) {
      return absl::StrCat(name, "(", Whole(node.a, a_typed), ", ", Whole(node.b, true), ")");
    }
    bool parenthesize = own < level;
    bool b_last = last || parenthesize;
    // Comparisons do not chain; the others group to the left.
    Precedence tighter = static_cast<Precedence>(own + 1);
    Precedence left = own == kComparison ? tighter : own;
    std::string text = absl::StrCat(Print(node.a, left, a_typed, false), " ", name, " ",
                                    Print(node.b, tighter, true, b_last));
    return parenthesize ? absl::StrCat("(", text, ")") : text;
  }

  std::string PrintRead(const Read& node) {
    std::string text = absl::StrCat(node.buffer, "[",
                                    absl::StrJoin(node.indices, ", ",
                                                  [&](std::string* out, const Expr& e) {
                                                    absl::StrAppend(out, Whole(e, true));
                                                  }),
                                    "]");
    if (!node.otherwise) return text;
    std::string guard =
        node.predicate ? absl::StrCat(" if ", Whole(node.predicate, false)) : std::string();
    return absl::StrCat("(", text, guard, " else ", Whole(node.otherwise, true), ")");
  }

  AxisTextFn axis_text_;
};

}  // namespace

std::string ConstantToText(double value, ScalarType type) {
  if (!IsFloat(type)) return absl::StrCat(static_cast<int64_t>(value));
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0";
  constexpr double kPlain = 1e9;
  if (std::abs(value) < kPlain && value == std::trunc(value)) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  char buffer[64];
  char* end = type == ScalarType::kF32
                  ? std::to_chars(buffer, buffer + sizeof(buffer), static_cast<float>(value)).ptr
                  : std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

std::string ExprToText(const Expr& e, bool typed, AxisTextFn axis_text) {
  return ExprPrinter(axis_text).Print(e, kAny, typed, true);
}

std::string ToText(const Expr& expr) {
  bool is_index = expr.type().scalar == ScalarType::kI64;
  return ExprToText(expr, is_index,
                    [](const Axis& axis) { return absl::StrCat(axis.name, ": ", axis.extent); });
}

}  // namespace lathe
