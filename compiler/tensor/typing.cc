#include "compiler/tensor/typing.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

using Kind = SyntaxExpr::Kind;

bool IsLogical(BinaryOp op) { return op == BinaryOp::kAnd || op == BinaryOp::kOr; }

class Typer {
 public:
  Typer(const SourceText& source, ExprEnvironment& environment)
      : source_(source), environment_(environment) {}

  absl::StatusOr<Expr> Visit(const SyntaxExpr& e, std::optional<Type> expected) {
    switch (e.kind) {
      case Kind::kNumber:
        return Number(e, expected);
      case Kind::kBool:
        return MakeBool(e.value);
      case Kind::kVariable:
        RETURN_IF_ERROR(At(e.offset, environment_.CheckVariable(e.text)));
        return MakeVar(std::string(e.text));
      case Kind::kRead:
        return VisitRead(e);
      case Kind::kUnary:
        return VisitUnary(e, expected);
      case Kind::kBinary:
        return VisitBinary(e, expected);
      case Kind::kSelect:
        return VisitSelect(e, expected);
      case Kind::kCast:
        return VisitCast(e);
      case Kind::kReduce:
        return VisitReduce(e, expected);
      case Kind::kRamp:
      case Kind::kBroadcast:
        return VisitVector(e, expected);
      case Kind::kLaneReduce: {
        if (!environment_.IsLoopProgram()) return NoSuchFunction(e);
        ASSIGN_OR_RETURN(Expr value, Visit(*e.children[0], std::nullopt));
        if (value.type().lanes == 1) return Error(*e.children[0], "this must be a vector");
        return MakeLaneReduce(e.reduce, std::move(value));
      }
    }
    return source_.ErrorAt(e.offset, "unknown expression");
  }

 private:
  absl::Status Error(const SyntaxExpr& e, const std::string& message) const {
    return source_.ErrorAt(e.offset, message);
  }
  absl::Status At(size_t offset, const absl::Status& status) const {
    return status.ok() ? status : source_.ErrorAt(offset, FromAbsl(status.message()));
  }

  // The type that the parts of `e` give it; none if it is made of numbers only.
  absl::StatusOr<std::optional<Type>> Infer(const SyntaxExpr& e) {
    auto known = inferred_.find(&e);
    if (known != inferred_.end()) return known->second;
    ASSIGN_OR_RETURN(std::optional<Type> type, InferAnew(e));
    inferred_[&e] = type;
    return type;
  }

  absl::StatusOr<std::optional<Type>> InferAnew(const SyntaxExpr& e) {
    std::optional<Type> none;
    switch (e.kind) {
      case Kind::kNumber:
        return none;
      case Kind::kBool:
        return std::optional(kBoolType);
      case Kind::kVariable:
        return std::optional(kIndexType);
      case Kind::kCast:
        return std::optional(e.type);
      case Kind::kRead:
        return InferRead(e);
      case Kind::kUnary:
      case Kind::kReduce:
        return Infer(*e.children[0]);
      case Kind::kSelect:
        return InferEither(*e.children[1], *e.children[2]);
      case Kind::kBinary: {
        ASSIGN_OR_RETURN(std::optional<Type> operand, InferEither(*e.children[0], *e.children[1]));
        if (!IsComparison(e.binary) && !IsLogical(e.binary)) return operand;
        return std::optional(kBoolType.WithLanes(operand ? operand->lanes : 1));
      }
      case Kind::kRamp:
      case Kind::kBroadcast: {
        ASSIGN_OR_RETURN(std::optional<Type> type, Infer(*e.children[0]));
        ASSIGN_OR_RETURN(Expr lanes, Visit(*e.children.back(), kIndexType));
        std::optional<int64_t> n = AsConstInt(lanes);
        return type && n ? std::optional(type->WithLanes(static_cast<int>(*n))) : none;
      }
      case Kind::kLaneReduce: {
        ASSIGN_OR_RETURN(std::optional<Type> type, Infer(*e.children[0]));
        return type ? std::optional(type->WithLanes(1)) : none;
      }
    }
    return none;
  }

  absl::StatusOr<std::optional<Type>> InferEither(const SyntaxExpr& a, const SyntaxExpr& b) {
    ASSIGN_OR_RETURN(std::optional<Type> type, Infer(a));
    if (type) return type;
    return Infer(b);
  }

  absl::StatusOr<std::optional<Type>> InferRead(const SyntaxExpr& e) {
    absl::StatusOr<ScalarType> type = environment_.TypeOf(e.text);
    RETURN_IF_ERROR(At(e.offset, type.status()));
    int lanes = 1;
    if (environment_.IsLoopProgram()) {
      for (const SyntaxExprPtr& index : e.children) {
        ASSIGN_OR_RETURN(std::optional<Type> index_type, Infer(*index));
        if (!index_type) {  // numbers only, as in ramp(0, 1, 8)
          ASSIGN_OR_RETURN(Expr value, Visit(*index, kIndexType));
          index_type = value.type();
        }
        lanes = std::max(lanes, index_type->lanes);
      }
    }
    return std::optional(Type{*type, lanes});
  }

  absl::StatusOr<Expr> Number(const SyntaxExpr& e, std::optional<Type> expected) {
    if (!expected) {
      return Error(e, absl::StrCat("the type of this number is not clear: write it, as in f32(",
                                   ToAbsl(e.text), ")"));
    }
    absl::StatusOr<Expr> constant = ConstantFromText(e.text, e.negative, expected->scalar);
    RETURN_IF_ERROR(At(e.offset, constant.status()));
    if (expected->lanes > 1) {
      return Error(e, absl::StrCat("a number among vectors: write broadcast(", ToAbsl(e.text), ", ",
                                   expected->lanes, ")"));
    }
    return *constant;
  }

  absl::StatusOr<Expr> VisitRead(const SyntaxExpr& e) {
    ASSIGN_OR_RETURN(std::optional<Type> type, Infer(e));
    std::vector<Expr> indices;
    for (const SyntaxExprPtr& child : e.children) {
      ASSIGN_OR_RETURN(Expr index, Visit(*child, kIndexType));
      if (index.type().scalar != ScalarType::kI64) {
        return source_.ErrorAt(BeginOf(*child),
                               absl::StrCat("a subscript is an i64, not ", Name(index.type())));
      }
      indices.push_back(std::move(index));
    }
    Expr predicate, otherwise;
    if (e.predicate) {
      if (!environment_.IsLoopProgram()) {
        return source_.ErrorAt(BeginOf(*e.predicate),
                               "a guard has no condition here: write (x[i - 1] else 0)");
      }
      ASSIGN_OR_RETURN(predicate, Visit(*e.predicate, std::nullopt));
      RETURN_IF_ERROR(RequireBool(predicate, *e.predicate));
    }
    if (e.otherwise) {
      ASSIGN_OR_RETURN(otherwise, Visit(*e.otherwise, type));
      if (otherwise.type() != *type) {
        return source_.ErrorAt(BeginOf(*e.otherwise),
                               absl::StrCat("this value is ", Name(otherwise.type()), ", but ",
                                            ToAbsl(e.text), " holds ", Name(*type)));
      }
    }
    Expr read = MakeRead(*type, std::string(e.text), std::move(indices), std::move(predicate),
                         std::move(otherwise));
    RETURN_IF_ERROR(At(e.offset, environment_.CheckRead(*read.As<Read>())));
    for (size_t d = 0; d < e.children.size(); ++d) {
      RETURN_IF_ERROR(
          At(BeginOf(*e.children[d]), environment_.CheckSubscript(*read.As<Read>(), d)));
    }
    return read;
  }

  absl::Status RequireBool(const Expr& value, const SyntaxExpr& e) {
    if (value.type().scalar == ScalarType::kBool) return absl::OkStatus();
    return source_.ErrorAt(BeginOf(e),
                           absl::StrCat("this must be a bool, but is ", Name(value.type())));
  }

  absl::StatusOr<Expr> VisitUnary(const SyntaxExpr& e, std::optional<Type> expected) {
    ASSIGN_OR_RETURN(Expr a, Visit(*e.children[0], expected));
    ScalarType type = a.type().scalar;
    bool fits = true;
    if (e.unary == UnaryOp::kNot) {
      RETURN_IF_ERROR(RequireBool(a, *e.children[0]));
    } else if (e.unary == UnaryOp::kNeg || e.unary == UnaryOp::kAbs) {
      fits = type != ScalarType::kBool;
    } else {
      fits = IsFloat(type);
    }
    if (!fits)
      return Error(e, absl::StrCat("'", ToAbsl(Name(e.unary)), "' does not take ", Name(a.type())));
    return MakeUnary(e.unary, std::move(a));
  }

  // Both operands with the type one of them has, or that the place gives.
  absl::Status Operands(const SyntaxExpr& e, const SyntaxExpr& x, const SyntaxExpr& y,
                        std::optional<Type> expected, Expr& a, Expr& b) {
    ASSIGN_OR_RETURN(std::optional<Type> type, InferEither(x, y));
    if (!type) type = expected;
    ASSIGN_OR_RETURN(a, Visit(x, type));
    ASSIGN_OR_RETURN(b, Visit(y, type ? type : std::optional(a.type())));
    if (a.type() == b.type()) return absl::OkStatus();
    return Error(e, absl::StrCat(Name(a.type()), " and ", Name(b.type()),
                                 " do not mix: cast one of them, as in ", Name(a.type()), "(...)"));
  }

  absl::StatusOr<Expr> VisitBinary(const SyntaxExpr& e, std::optional<Type> expected) {
    if (IsComparison(e.binary)) expected.reset();
    Expr a, b;
    RETURN_IF_ERROR(Operands(e, *e.children[0], *e.children[1], expected, a, b));
    ScalarType type = a.type().scalar;
    std::string refusal =
        absl::StrCat("'", ToAbsl(Name(e.binary)), "' does not take ", Name(a.type()));
    switch (e.binary) {
      case BinaryOp::kAnd:
      case BinaryOp::kOr:
        RETURN_IF_ERROR(RequireBool(a, *e.children[0]));
        break;
      case BinaryOp::kEq:
      case BinaryOp::kNe:
        break;
      case BinaryOp::kDiv:
        if (!IsFloat(type)) return Error(e, refusal + ": write // for integers");
        break;
      case BinaryOp::kPow:
        if (!IsFloat(type)) return Error(e, refusal);
        break;
      case BinaryOp::kFloorDiv:
      case BinaryOp::kMod:
        if (!IsInteger(type)) {
          return Error(e,
                       refusal + (e.binary == BinaryOp::kFloorDiv ? ": write floor(a / b)" : ""));
        }
        if (AsConstInt(b).value_or(0) <= 0) {
          return source_.ErrorAt(BeginOf(*e.children[1]),
                                 "the divisor of '//' and '%' must be a positive constant");
        }
        break;
      default:
        if (type == ScalarType::kBool) return Error(e, refusal);
    }
    return MakeBinary(e.binary, std::move(a), std::move(b));
  }

  absl::StatusOr<Expr> VisitSelect(const SyntaxExpr& e, std::optional<Type> expected) {
    ASSIGN_OR_RETURN(Expr condition, Visit(*e.children[0], std::nullopt));
    RETURN_IF_ERROR(RequireBool(condition, *e.children[0]));
    Expr a, b;
    RETURN_IF_ERROR(Operands(e, *e.children[1], *e.children[2], expected, a, b));
    if (condition.type().lanes != 1 && condition.type().lanes != a.type().lanes) {
      return Error(e, "the condition has another number of lanes");
    }
    return MakeSelect(std::move(condition), std::move(a), std::move(b));
  }

  absl::StatusOr<Expr> VisitCast(const SyntaxExpr& e) {
    const SyntaxExpr& operand = *e.children[0];
    if (e.type.lanes > 1 && !environment_.IsLoopProgram()) {
      return Error(e, absl::StrCat("there is no function '", ToAbsl(e.text), "'"));
    }
    ASSIGN_OR_RETURN(std::optional<Type> type, Infer(operand));
    ASSIGN_OR_RETURN(Expr value, Visit(operand, type ? type : std::optional(e.type)));
    if (value.type().lanes != e.type.lanes) {
      return Error(e, absl::StrCat("a cast from ", Name(value.type()), " to ", Name(e.type),
                                   " changes the number of lanes"));
    }
    return MakeCast(e.type, std::move(value));
  }

  absl::StatusOr<Expr> VisitReduce(const SyntaxExpr& e, std::optional<Type> expected) {
    std::vector<Axis> axes;
    for (const SyntaxAxis& syntax : e.axes) {
      absl::StatusOr<Axis> axis = environment_.EnterAxis(syntax);
      RETURN_IF_ERROR(At(syntax.offset, axis.status()));
      axes.push_back(*std::move(axis));
    }
    ASSIGN_OR_RETURN(Expr body, Visit(*e.children[0], expected));
    for (const Axis& axis : axes) environment_.LeaveAxis(axis);
    if (body.type().scalar == ScalarType::kBool) {
      return Error(e, absl::StrCat("'", ToAbsl(Name(e.reduce)),
                                   "' does not take bool: cast it, as in i32(...)"));
    }
    return MakeReduce(e.reduce, std::move(axes), std::move(body));
  }

  absl::Status NoSuchFunction(const SyntaxExpr& e) const {
    return Error(e, absl::StrCat("there is no function '", ToAbsl(e.text), "'"));
  }

  absl::StatusOr<Expr> VisitVector(const SyntaxExpr& e, std::optional<Type> expected) {
    if (!environment_.IsLoopProgram()) return NoSuchFunction(e);
    if (expected) expected->lanes = 1;
    ASSIGN_OR_RETURN(Expr value, Visit(*e.children[0], expected));
    std::vector<int64_t> numbers;
    for (size_t i = 1; i < e.children.size(); ++i) {
      ASSIGN_OR_RETURN(Expr number, Visit(*e.children[i], kIndexType));
      if (!AsConstInt(number)) return Error(*e.children[i], "this must be a number");
      numbers.push_back(*AsConstInt(number));
    }
    constexpr int64_t kMaxLanes = 4096;
    if (numbers.back() < 2 || numbers.back() > kMaxLanes) {
      return Error(*e.children.back(), absl::StrCat("a vector has 2 to ", kMaxLanes, " lanes"));
    }
    int lanes = static_cast<int>(numbers.back());
    if (value.type().lanes != 1) return Error(*e.children[0], "this must be a scalar");
    if (e.kind == Kind::kBroadcast) return MakeBroadcast(std::move(value), lanes);
    if (!IsInteger(value.type().scalar)) return Error(*e.children[0], "a ramp counts integers");
    return MakeRamp(std::move(value), numbers[0], lanes);
  }

  const SourceText& source_;
  ExprEnvironment& environment_;
  absl::flat_hash_map<const SyntaxExpr*, std::optional<Type>> inferred_;
};

}  // namespace

absl::StatusOr<Expr> TypeExpr(const SyntaxExpr& syntax, const SourceText& source,
                              ExprEnvironment& environment, std::optional<Type> expected) {
  return Typer(source, environment).Visit(syntax, expected);
}

size_t BeginOf(const SyntaxExpr& syntax) {
  size_t begin = syntax.offset;
  if (!syntax.children.empty()) begin = std::min(begin, BeginOf(*syntax.children[0]));
  return begin;
}

}  // namespace lathe
