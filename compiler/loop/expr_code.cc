#include "compiler/loop/expr_code.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {

Cell IntCell(int64_t value) {
  Cell cell;
  cell.i = value;
  return cell;
}

Cell FloatCell(double value) {
  Cell cell;
  cell.f = value;
  return cell;
}

Cell CellOf(ScalarType type, double value) {
  return IsFloat(type) ? FloatCell(RoundFloat(type, value))
                       : IntCell(SaturateToInteger(type, value));
}

double ToDouble(ScalarType type, Cell cell) {
  return IsFloat(type) ? cell.f : static_cast<double>(cell.i);
}

int ExprCompiler::AddBuffer(CodeBuffer buffer) {
  int index = static_cast<int>(code_.buffers.size());
  buffers_[buffer.name] = index;
  code_.buffers.push_back(std::move(buffer));
  return index;
}

absl::StatusOr<int> ExprCompiler::FindBuffer(const std::string& name) const {
  auto it = buffers_.find(name);
  if (it == buffers_.end()) {
    return absl::FailedPreconditionError(absl::StrCat("there is no buffer ", name));
  }
  return it->second;
}

int ExprCompiler::Bind(const std::string& name) {
  slots_[name].push_back(code_.slots);
  return code_.slots++;
}

void ExprCompiler::Unbind(const std::string& name) { slots_[name].pop_back(); }

std::vector<std::pair<std::string, int>> ExprCompiler::Bound() const {
  std::vector<std::pair<std::string, int>> bound;
  for (const auto& [name, slots] : slots_) {
    if (!slots.empty()) bound.emplace_back(name, slots.back());
  }
  std::sort(bound.begin(), bound.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return bound;
}

int ExprCompiler::Append(CodeOperation operation) {
  code_.operations.push_back(operation);
  return static_cast<int>(code_.operations.size()) - 1;
}

int ExprCompiler::Constant(ScalarType type, Cell value) {
  return Append({.code = Opcode::kConstant, .type = type, .from = type, .value = value});
}

bool ExprCompiler::Gather(const Expr& e, int64_t factor, std::vector<CodeTerm>* terms,
                          int64_t* constant) const {
  // Unsigned arithmetic, because i64 wraps.
  auto times = [](int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  };
  auto add = [](int64_t* to, int64_t value) {
    *to = static_cast<int64_t>(static_cast<uint64_t>(*to) + static_cast<uint64_t>(value));
  };
  if (const auto* imm = e.As<IntImm>()) {
    add(constant, times(factor, imm->value));
    return true;
  }
  if (const auto* var = e.As<Var>()) {
    auto it = slots_.find(var->name);
    if (it == slots_.end() || it->second.empty()) return false;
    for (CodeTerm& term : *terms) {
      if (term.slot == it->second.back()) {
        add(&term.coefficient, factor);
        return true;
      }
    }
    terms->push_back({it->second.back(), factor});
    return true;
  }
  if (const auto* unary = e.As<Unary>()) {
    return unary->op == UnaryOp::kNeg && Gather(unary->a, times(factor, -1), terms, constant);
  }
  const auto* binary = e.As<Binary>();
  if (!binary) return false;
  switch (binary->op) {
    case BinaryOp::kAdd:
      return Gather(binary->a, factor, terms, constant) &&
             Gather(binary->b, factor, terms, constant);
    case BinaryOp::kSub:
      return Gather(binary->a, factor, terms, constant) &&
             Gather(binary->b, times(factor, -1), terms, constant);
    case BinaryOp::kMul:
      if (const auto* imm = binary->b.As<IntImm>()) {
        return Gather(binary->a, times(factor, imm->value), terms, constant);
      }
      if (const auto* imm = binary->a.As<IntImm>()) {
        return Gather(binary->b, times(factor, imm->value), terms, constant);
      }
      return false;
    default:
      return false;
  }
}

absl::StatusOr<CodePlace> ExprCompiler::CompilePlace(const std::string& buffer,
                                                     const std::vector<Expr>& indices) {
  CodePlace place;
  ASSIGN_OR_RETURN(place.buffer, FindBuffer(buffer));
  std::vector<int64_t> shape = code_.buffers[place.buffer].shape;
  if (linear_ && indices.size() == 1) {
    int64_t elements = 1;
    for (int64_t extent : shape) elements *= extent;
    shape = {elements};
  }
  if (shape.size() != indices.size()) {
    return absl::FailedPreconditionError(absl::StrCat(buffer, " has ", shape.size(),
                                                      " dimensions and is accessed with ",
                                                      indices.size(), " subscripts"));
  }
  place.dimensions.resize(indices.size());
  int64_t stride = 1;
  for (size_t d = indices.size(); d-- > 0;) {
    if (indices[d].type().scalar != ScalarType::kI64) {
      return absl::FailedPreconditionError(absl::StrCat("a subscript of ", buffer, " is not i64"));
    }
    ASSIGN_OR_RETURN(int index, Compile(indices[d]));
    place.dimensions[d] = {index, shape[d], stride};
    stride *= shape[d];
  }
  return place;
}

absl::StatusOr<int> ExprCompiler::CompileRead(const Read& read) {
  CodeRead result;
  ASSIGN_OR_RETURN(result.place, CompilePlace(read.buffer, read.indices));
  ScalarType type = code_.buffers[result.place.buffer].type;
  if (type != read.type.scalar) {
    return absl::FailedPreconditionError(absl::StrCat(read.buffer, " is ", std::string(Name(type)),
                                                      " and is read as ", Name(read.type)));
  }
  if (read.predicate) {
    ASSIGN_OR_RETURN(result.predicate, Compile(read.predicate));
  }
  if (read.otherwise) {
    ASSIGN_OR_RETURN(result.otherwise, Compile(read.otherwise));
    result.guarded = !read.predicate;
  }
  code_.reads.push_back(std::move(result));
  return Append({.code = Opcode::kRead,
                 .type = type,
                 .from = type,
                 .a = static_cast<int>(code_.reads.size()) - 1});
}

absl::StatusOr<int> ExprCompiler::CompileReduce(const Reduce& reduce) {
  CodeReduce result;
  ScalarType type = reduce.type.scalar;
  result.combiner = Combiner(reduce.op);
  Expr identity = Identity(reduce.op, Type{type, 1});
  result.identity = IsFloat(type) ? FloatCell(identity.As<FloatImm>()->value)
                                  : IntCell(identity.As<IntImm>()->value);
  for (const Axis& axis : reduce.axes) result.loops.push_back({Bind(axis.name), axis.extent});
  absl::StatusOr<int> body = Compile(reduce.body);
  for (const Axis& axis : reduce.axes) Unbind(axis.name);
  ASSIGN_OR_RETURN(result.body, std::move(body));
  code_.reduces.push_back(std::move(result));
  return Append({.code = Opcode::kReduce,
                 .type = type,
                 .from = type,
                 .a = static_cast<int>(code_.reduces.size()) - 1});
}

absl::StatusOr<int> ExprCompiler::Compile(const Expr& e) {
  ScalarType type = e.type().scalar;
  if (e.type() == kIndexType) {
    std::vector<CodeTerm> terms;
    int64_t constant = 0;
    if (Gather(e, 1, &terms, &constant)) {
      int begin = static_cast<int>(code_.terms.size());
      code_.terms.insert(code_.terms.end(), terms.begin(), terms.end());
      return Append({.code = terms.empty() ? Opcode::kConstant : Opcode::kAffine,
                     .type = type,
                     .from = type,
                     .a = begin,
                     .b = begin + static_cast<int>(terms.size()),
                     .value = IntCell(constant)});
    }
  }
  switch (e.kind()) {
    case ExprKind::kIntImm:
      return Constant(type, IntCell(e.As<IntImm>()->value));
    case ExprKind::kFloatImm:
      return Constant(type, FloatCell(e.As<FloatImm>()->value));
    case ExprKind::kVar:
      return absl::FailedPreconditionError(
          absl::StrCat("there is no variable ", e.As<Var>()->name));
    case ExprKind::kUnary: {
      const auto& node = *e.As<Unary>();
      ASSIGN_OR_RETURN(int a, Compile(node.a));
      return Append({.code = Opcode::kUnary,
                     .type = type,
                     .from = type,
                     .op = static_cast<uint8_t>(node.op),
                     .a = a});
    }
    case ExprKind::kBinary: {
      const auto& node = *e.As<Binary>();
      ASSIGN_OR_RETURN(int a, Compile(node.a));
      ASSIGN_OR_RETURN(int b, Compile(node.b));
      ScalarType from = node.a.type().scalar;
      Opcode code = IsFloat(from) ? Opcode::kFloatArithmetic : Opcode::kArithmetic;
      if (IsComparison(node.op)) {
        code = IsFloat(from) ? Opcode::kFloatCompare : Opcode::kCompare;
      } else if (node.op == BinaryOp::kAnd || node.op == BinaryOp::kOr) {
        code = Opcode::kLogical;
      }
      return Append({.code = code,
                     .type = type,
                     .from = from,
                     .op = static_cast<uint8_t>(node.op),
                     .a = a,
                     .b = b});
    }
    case ExprKind::kSelect: {
      const auto& node = *e.As<Select>();
      ASSIGN_OR_RETURN(int condition, Compile(node.condition));
      ASSIGN_OR_RETURN(int a, Compile(node.a));
      ASSIGN_OR_RETURN(int b, Compile(node.b));
      return Append(
          {.code = Opcode::kSelect, .type = type, .from = type, .a = condition, .b = a, .c = b});
    }
    case ExprKind::kCast: {
      const auto& node = *e.As<Cast>();
      ASSIGN_OR_RETURN(int a, Compile(node.value));
      return Append(
          {.code = Opcode::kCast, .type = type, .from = node.value.type().scalar, .a = a});
    }
    case ExprKind::kRead:
      return CompileRead(*e.As<Read>());
    case ExprKind::kReduce:
      return CompileReduce(*e.As<Reduce>());
    case ExprKind::kRamp: {
      const auto& node = *e.As<Ramp>();
      ASSIGN_OR_RETURN(int a, Compile(node.base));
      return Append({.code = Opcode::kRamp,
                     .type = type,
                     .from = type,
                     .a = a,
                     .value = IntCell(node.stride)});
    }
    case ExprKind::kBroadcast: {
      // Lane by lane evaluation: a scalar is the same in every lane.
      return Compile(e.As<Broadcast>()->value);
    }
    case ExprKind::kLaneReduce: {
      const auto& node = *e.As<LaneReduce>();
      ASSIGN_OR_RETURN(int a, Compile(node.value));
      return Append({.code = Opcode::kLanes,
                     .type = type,
                     .from = type,
                     .op = static_cast<uint8_t>(Combiner(node.op)),
                     .a = a,
                     .value = IntCell(node.value.type().lanes)});
    }
  }
  return absl::InternalError("an expression of unknown kind");
}

}  // namespace lathe
