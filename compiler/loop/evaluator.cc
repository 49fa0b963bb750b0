#include "compiler/loop/evaluator.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {
namespace {

double FloatOf(BinaryOp op, double a, double b) {
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
    case BinaryOp::kPow:
      return std::pow(a, b);
    default:
      CHECK(false) << Name(op) << " is not arithmetic of floats";
  }
  return 0;
}

int64_t IntegerOf(BinaryOp op, int64_t a, int64_t b) {
  auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
  switch (op) {
    case BinaryOp::kAdd:
      return static_cast<int64_t>(x + y);
    case BinaryOp::kSub:
      return static_cast<int64_t>(x - y);
    case BinaryOp::kMul:
      return static_cast<int64_t>(x * y);
    case BinaryOp::kFloorDiv:
      return FloorDiv(a, b);
    case BinaryOp::kMod:
      return FloorMod(a, b);
    case BinaryOp::kMin:
      return a < b ? a : b;
    case BinaryOp::kMax:
      return a > b ? a : b;
    default:
      CHECK(false) << Name(op) << " is not arithmetic of integers";
  }
  return 0;
}

template <typename T>
bool Compare(BinaryOp op, T a, T b) {
  switch (op) {
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
    default:
      CHECK(false) << Name(op) << " is not a comparison";
  }
  return false;
}

double FloatOf(UnaryOp op, double a) {
  switch (op) {
    case UnaryOp::kNeg:
      return -a;
    case UnaryOp::kAbs:
      return std::abs(a);
    case UnaryOp::kFloor:
      return std::floor(a);
    case UnaryOp::kExp:
      return std::exp(a);
    case UnaryOp::kLog:
      return std::log(a);
    case UnaryOp::kSqrt:
      return std::sqrt(a);
    case UnaryOp::kRsqrt:
      return 1 / std::sqrt(a);
    case UnaryOp::kTanh:
      return std::tanh(a);
    case UnaryOp::kErf:
      return std::erf(a);
    case UnaryOp::kSigmoid:
      return 1 / (1 + std::exp(-a));
    case UnaryOp::kNot:
      break;
  }
  CHECK(false) << Name(op) << " of a float";
  return 0;
}

bool NeedsPositiveDivisor(BinaryOp op) { return op == BinaryOp::kFloorDiv || op == BinaryOp::kMod; }

}  // namespace

Cell Combine(BinaryOp op, ScalarType type, Cell a, Cell b) {
  if (IsFloat(type)) return FloatCell(RoundFloat(type, FloatOf(op, a.f, b.f)));
  return IntCell(WrapInteger(type, IntegerOf(op, a.i, b.i)));
}

void Evaluator::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

std::string Evaluator::Describe(int buffer, int64_t offset) const {
  const CodeBuffer& b = code_.buffers[buffer];
  std::vector<int64_t> subscripts(b.shape.size());
  for (size_t d = b.shape.size(); d-- > 0;) {
    subscripts[d] = offset % b.shape[d];
    offset /= b.shape[d];
  }
  return absl::StrCat(b.name, "[", absl::StrJoin(subscripts, ", "), "]");
}

bool Evaluator::Locate(const CodePlace& place, int lane, std::string_view verb, int64_t* offset) {
  int64_t sum = 0;
  for (const CodePlace::Dimension& d : place.dimensions) {
    int64_t index = Eval(d.index, lane).i;
    if (index < 0 || index >= d.extent) {
      if (!ok()) return false;
      std::vector<int64_t> subscripts, extents;
      for (const CodePlace::Dimension& each : place.dimensions) {
        subscripts.push_back(Eval(each.index, lane).i);
        extents.push_back(each.extent);
      }
      Fail(absl::OutOfRangeError(absl::StrCat(
          std::string(verb), " ", code_.buffers[place.buffer].name, "[",
          absl::StrJoin(subscripts, ", "), "], outside of [", absl::StrJoin(extents, ", "), "]")));
      return false;
    }
    sum += index * d.stride;
  }
  *offset = sum;
  return ok();
}

bool Evaluator::Inside(const CodePlace& place, int lane) {
  for (const CodePlace::Dimension& d : place.dimensions) {
    int64_t index = Eval(d.index, lane).i;
    if (index < 0 || index >= d.extent) return false;
  }
  return true;
}

void Evaluator::Speculate(int expression, int lane) {
  ++speculating_;
  Eval(expression, lane);
  --speculating_;
}

Cell Evaluator::Eval(int expression, int lane) {
  const CodeOperation& o = code_.operations[expression];
  switch (o.code) {
    case Opcode::kConstant:
      return o.value;
    case Opcode::kAffine: {
      auto sum = static_cast<uint64_t>(o.value.i);
      for (int t = o.a; t < o.b; ++t) {
        const CodeTerm& term = code_.terms[t];
        sum += static_cast<uint64_t>(slots_[term.slot]) * static_cast<uint64_t>(term.coefficient);
      }
      return IntCell(static_cast<int64_t>(sum));
    }
    case Opcode::kUnary:
      return EvalUnary(o, lane);
    case Opcode::kArithmetic:
      return EvalArithmetic(o, lane);
    case Opcode::kFloatArithmetic: {
      double a = Eval(o.a, lane).f, b = Eval(o.b, lane).f;
      return FloatCell(RoundFloat(o.type, FloatOf(static_cast<BinaryOp>(o.op), a, b)));
    }
    case Opcode::kCompare: {
      int64_t a = Eval(o.a, lane).i, b = Eval(o.b, lane).i;
      return IntCell(Compare(static_cast<BinaryOp>(o.op), a, b));
    }
    case Opcode::kFloatCompare: {
      double a = Eval(o.a, lane).f, b = Eval(o.b, lane).f;
      return IntCell(Compare(static_cast<BinaryOp>(o.op), a, b));
    }
    case Opcode::kLogical:
      return EvalLogical(o, lane);
    case Opcode::kSelect:
      return EvalSelect(o, lane);
    case Opcode::kCast: {
      Cell a = Eval(o.a, lane);
      if (IsFloat(o.from) || IsFloat(o.type)) return CellOf(o.type, ToDouble(o.from, a));
      return IntCell(WrapInteger(o.type, a.i));
    }
    case Opcode::kRead:
      return EvalRead(code_.reads[o.a], lane);
    case Opcode::kReduce:
      return EvalReduce(code_.reduces[o.a], o.type);
    case Opcode::kLanes: {
      Cell total = Eval(o.a, 0);
      for (int l = 1; l < static_cast<int>(o.value.i); ++l) {
        total = Combine(static_cast<BinaryOp>(o.op), o.type, total, Eval(o.a, l));
      }
      return total;
    }
    case Opcode::kRamp: {
      int64_t base = Eval(o.a).i;
      return IntCell(WrapInteger(
          o.type,
          static_cast<int64_t>(static_cast<uint64_t>(base) +
                               static_cast<uint64_t>(lane) * static_cast<uint64_t>(o.value.i))));
    }
  }
  return IntCell(0);
}

Cell Evaluator::EvalUnary(const CodeOperation& o, int lane) {
  Cell a = Eval(o.a, lane);
  auto op = static_cast<UnaryOp>(o.op);
  if (IsFloat(o.type)) return FloatCell(RoundFloat(o.type, FloatOf(op, a.f)));
  if (op == UnaryOp::kNot) return IntCell(a.i == 0);
  if (op == UnaryOp::kAbs && a.i >= 0) return a;
  return IntCell(WrapInteger(o.type, static_cast<int64_t>(-static_cast<uint64_t>(a.i))));
}

Cell Evaluator::EvalArithmetic(const CodeOperation& o, int lane) {
  Cell a = Eval(o.a, lane), b = Eval(o.b, lane);
  auto op = static_cast<BinaryOp>(o.op);
  if (NeedsPositiveDivisor(op) && b.i <= 0) {
    Fail(absl::FailedPreconditionError(absl::StrCat("divides by ", b.i)));
    return IntCell(0);
  }
  return Combine(op, o.type, a, b);
}

Cell Evaluator::EvalLogical(const CodeOperation& o, int lane) {
  bool a = EvalBool(o.a, lane);
  bool decided = a == (static_cast<BinaryOp>(o.op) == BinaryOp::kOr);
  if (!decided) return Eval(o.b, lane);
  if (arms_ == Arms::kBoth) Speculate(o.b, lane);
  return IntCell(a);
}

Cell Evaluator::EvalSelect(const CodeOperation& o, int lane) {
  bool condition = EvalBool(o.a, lane);
  if (arms_ == Arms::kBoth) Speculate(condition ? o.c : o.b, lane);
  return Eval(condition ? o.b : o.c, lane);
}

Cell Evaluator::EvalRead(const CodeRead& read, int lane) {
  bool taken = read.predicate >= 0 ? EvalBool(read.predicate, lane)
                                   : !read.guarded || Inside(read.place, lane);
  if (!taken) return Eval(read.otherwise, lane);
  int64_t offset;
  Cell value{0};
  if (!Locate(read.place, lane, "reads", &offset)) return value;
  if (!source_.Load(read.place.buffer, offset, &value)) {
    // What the arm not taken of a select would read does not matter.
    if (speculating_ == 0 && ok()) {
      Fail(absl::FailedPreconditionError(absl::StrCat("reads ", Describe(read.place.buffer, offset),
                                                      ", which was never written")));
    }
    return IntCell(0);
  }
  return value;
}

Cell Evaluator::EvalReduce(const CodeReduce& reduce, ScalarType type) {
  Cell total = reduce.identity;
  for (const CodeLoop& loop : reduce.loops) slots_[loop.slot] = 0;
  while (ok()) {
    total = Combine(reduce.combiner, type, total, Eval(reduce.body));
    size_t d = reduce.loops.size();
    while (d-- > 0) {
      const CodeLoop& loop = reduce.loops[d];
      if (++slots_[loop.slot] < loop.extent) break;
      slots_[loop.slot] = 0;
    }
    if (d == static_cast<size_t>(-1)) break;
  }
  return total;
}

}  // namespace lathe
