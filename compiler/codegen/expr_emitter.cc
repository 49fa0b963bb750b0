#include "compiler/codegen/expr_emitter.h"

#include "compiler/base/check.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {

using llvm::Value;

llvm::Type* ValueType(llvm::LLVMContext& context, Type type) {
  llvm::Type* scalar = nullptr;
  switch (type.scalar) {
    case ScalarType::kBool:
      scalar = llvm::Type::getInt1Ty(context);
      break;
    case ScalarType::kU8:
    case ScalarType::kI8:
      scalar = llvm::Type::getInt8Ty(context);
      break;
    case ScalarType::kI32:
      scalar = llvm::Type::getInt32Ty(context);
      break;
    case ScalarType::kI64:
      scalar = llvm::Type::getInt64Ty(context);
      break;
    case ScalarType::kBF16:
    case ScalarType::kF16:
    case ScalarType::kF32:
      scalar = llvm::Type::getFloatTy(context);
      break;
    case ScalarType::kF64:
      scalar = llvm::Type::getDoubleTy(context);
      break;
  }
  return type.lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, type.lanes);
}

llvm::Type* MemoryType(llvm::LLVMContext& context, Type type) {
  if (type.scalar == ScalarType::kBool) type.scalar = ScalarType::kU8;
  llvm::Type* value = ValueType(context, type);
  return IsHalf(type.scalar) ? value->getWithNewType(llvm::Type::getInt16Ty(context)) : value;
}

llvm::Type* ElementType(llvm::LLVMContext& context, const Buffer& buffer) {
  const Type type{buffer.type, 1};
  return buffer.scope == Scope::kRegister && IsHalf(buffer.type) ? ValueType(context, type)
                                                                 : MemoryType(context, type);
}

ExprEmitter::ExprEmitter(llvm::IRBuilder<>& builder, const Target& target, const Program& program,
                         const EmitScope& scope)
    : b_(builder),
      target_(target),
      program_(program),
      scope_(scope),
      math_(builder, target.Has("fma"), target.Has("sse4.1"), target.Has("avx512f")),
      half_(builder, target.Has("f16c")) {}

Value* ExprEmitter::Splat(Value* scalar, int lanes) {
  return lanes == 1 ? scalar : b_.CreateVectorSplat(lanes, scalar);
}

Value* ExprEmitter::Rounded(ScalarType type, Value* value) {
  return IsHalf(type) ? half_.Round(type, value) : value;
}

Value* ExprEmitter::Emit(const Expr& e) {
  auto [it, inserted] = emitted_.try_emplace(e.get(), nullptr);
  if (!inserted && it->second != nullptr) return it->second;
  Value* value = EmitNode(e);
  emitted_[e.get()] = value;
  return value;
}

Value* ExprEmitter::EmitNode(const Expr& e) {
  switch (e.kind()) {
    case ExprKind::kIntImm:
      return llvm::ConstantInt::get(ValueType(b_.getContext(), e.type()),
                                    static_cast<uint64_t>(e.As<IntImm>()->value), true);
    case ExprKind::kFloatImm:
      return llvm::ConstantFP::get(ValueType(b_.getContext(), e.type()),
                                   RoundFloat(e.type().scalar, e.As<FloatImm>()->value));
    case ExprKind::kVar: {
      auto it = scope_.variables.find(e.As<Var>()->name);
      CHECK(it != scope_.variables.end()) << "variable " << e.As<Var>()->name << " has no loop";
      return it->second;
    }
    case ExprKind::kUnary:
      return EmitUnary(*e.As<Unary>());
    case ExprKind::kBinary:
      return EmitBinary(*e.As<Binary>());
    case ExprKind::kSelect: {
      const Select& select = *e.As<Select>();
      Value* condition = Emit(select.condition);
      Value* a = Emit(select.a);
      return b_.CreateSelect(condition, a, Emit(select.b));
    }
    case ExprKind::kCast:
      return EmitCast(*e.As<Cast>());
    case ExprKind::kRead:
      return EmitRead(*e.As<Read>());
    case ExprKind::kRamp:
      return EmitRamp(*e.As<Ramp>());
    case ExprKind::kBroadcast:
      return Splat(Emit(e.As<Broadcast>()->value), e.type().lanes);
    case ExprKind::kLaneReduce:
      return EmitLaneReduce(*e.As<LaneReduce>());
    case ExprKind::kReduce:
      break;
  }
  CHECK(false) << "a lowered program holds no reductions";
  return nullptr;
}

Value* ExprEmitter::EmitUnary(const Unary& e) {
  Value* a = Emit(e.a);
  const bool is_float = IsFloat(e.type.scalar);
  switch (e.op) {
    case UnaryOp::kNeg:
      return is_float ? b_.CreateFNeg(a) : b_.CreateNeg(a);
    case UnaryOp::kNot:
      return b_.CreateNot(a);
    case UnaryOp::kAbs:
      if (is_float) return math_.Abs(a);
      if (e.type.scalar == ScalarType::kU8) return a;
      return b_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a, b_.getFalse());
    case UnaryOp::kFloor:
      return math_.Floor(a);
    default:
      return Rounded(e.type.scalar, EmitFunction(e.op, a));
  }
}

Value* ExprEmitter::EmitFunction(UnaryOp op, Value* a) {
  switch (op) {
    case UnaryOp::kExp:
      return math_.Exp(a);
    case UnaryOp::kLog:
      return math_.Log(a);
    case UnaryOp::kSqrt:
      return math_.Sqrt(a);
    case UnaryOp::kRsqrt:
      return math_.Rsqrt(a);
    case UnaryOp::kTanh:
      return math_.Tanh(a);
    case UnaryOp::kErf:
      return math_.Erf(a);
    case UnaryOp::kSigmoid:
      return math_.Sigmoid(a);
    default:
      CHECK(false) << Name(op) << " is no function";
      return nullptr;
  }
}

Value* ExprEmitter::EmitContracted(const Binary& e) {
  // f16 and bf16 round their products.
  if (!target_.Has("fma") || !IsFloat(e.type.scalar) || IsHalf(e.type.scalar)) return nullptr;
  auto product = [](const Expr& side) -> const Binary* {
    const auto* binary = side.As<Binary>();
    return binary != nullptr && binary->op == BinaryOp::kMul ? binary : nullptr;
  };
  const bool minus = e.op == BinaryOp::kSub;
  if (const Binary* right = product(e.b)) {  // a +- b * c
    Value* factor = Emit(right->a);
    Value* other = Emit(right->b);
    return math_.MulAdd(minus ? b_.CreateFNeg(factor) : factor, other, Emit(e.a));
  }
  if (const Binary* left = product(e.a)) {  // a * b +- c
    Value* factor = Emit(left->a);
    Value* other = Emit(left->b);
    Value* addend = Emit(e.b);
    return math_.MulAdd(factor, other, minus ? b_.CreateFNeg(addend) : addend);
  }
  return nullptr;
}

Value* ExprEmitter::EmitBinary(const Binary& e) {
  if (IsComparison(e.op)) return EmitComparison(e);
  if (e.op == BinaryOp::kFloorDiv || e.op == BinaryOp::kMod) return EmitFloorDivMod(e);
  if (e.op == BinaryOp::kAdd || e.op == BinaryOp::kSub) {
    if (Value* contracted = EmitContracted(e)) return contracted;
  }
  Value* a = Emit(e.a);
  return EmitArithmetic(e.op, e.type.scalar, a, Emit(e.b));
}

Value* ExprEmitter::EmitArithmetic(BinaryOp op, ScalarType type, Value* a, Value* b) {
  const bool is_float = IsFloat(type);
  const bool is_unsigned = type == ScalarType::kU8;
  switch (op) {
    case BinaryOp::kAdd:
      return is_float ? Rounded(type, b_.CreateFAdd(a, b)) : b_.CreateAdd(a, b);
    case BinaryOp::kSub:
      return is_float ? Rounded(type, b_.CreateFSub(a, b)) : b_.CreateSub(a, b);
    case BinaryOp::kMul:
      return is_float ? Rounded(type, b_.CreateFMul(a, b)) : b_.CreateMul(a, b);
    case BinaryOp::kDiv:
      return Rounded(type, b_.CreateFDiv(a, b));
    case BinaryOp::kMin:  // a < b ? a : b, one instruction for floats too
      return b_.CreateSelect(is_float      ? b_.CreateFCmpOLT(a, b)
                             : is_unsigned ? b_.CreateICmpULT(a, b)
                                           : b_.CreateICmpSLT(a, b),
                             a, b);
    case BinaryOp::kMax:
      return b_.CreateSelect(is_float      ? b_.CreateFCmpOGT(a, b)
                             : is_unsigned ? b_.CreateICmpUGT(a, b)
                                           : b_.CreateICmpSGT(a, b),
                             a, b);
    case BinaryOp::kPow:
      return Rounded(type, math_.Pow(a, b));
    case BinaryOp::kAnd:
      return b_.CreateAnd(a, b);
    case BinaryOp::kOr:
      return b_.CreateOr(a, b);
    default:
      CHECK(false) << "unexpected operation " << Name(op);
      return nullptr;
  }
}

// ramp < bound, the mask of a tail: one comparison of narrow lanes instead of
// L comparisons of 64 bits.
Value* ExprEmitter::EmitLaneBound(const Binary& e) {
  if (e.op != BinaryOp::kLt || e.a.type().scalar != ScalarType::kI64) return nullptr;
  const int lanes = e.type.lanes;
  const auto* bound = e.b.As<Broadcast>();
  auto subscript = AnalyzeSubscript(e.a);
  if (lanes == 1 || bound == nullptr || !subscript || subscript->stride != 1) return nullptr;
  Value* room = b_.CreateSub(Emit(bound->value), EmitOffset(*subscript));
  room = b_.CreateSub(room, b_.getInt64(subscript->constant));
  Value* zero = b_.getInt64(0);
  Value* all = b_.getInt64(lanes);
  room = b_.CreateSelect(b_.CreateICmpSLT(room, zero), zero, room);
  room = b_.CreateSelect(b_.CreateICmpSGT(room, all), all, room);
  Value* lane = llvm::ConstantInt::get(llvm::FixedVectorType::get(b_.getInt32Ty(), lanes), 0);
  std::vector<uint32_t> iota(lanes);
  for (int l = 0; l < lanes; ++l) iota[l] = l;
  lane = llvm::ConstantDataVector::get(b_.getContext(), iota);
  return b_.CreateICmpULT(lane, Splat(b_.CreateTrunc(room, b_.getInt32Ty()), lanes));
}

Value* ExprEmitter::EmitComparison(const Binary& e) {
  if (Value* mask = EmitLaneBound(e)) return mask;
  Value* a = Emit(e.a);
  Value* b = Emit(e.b);
  const ScalarType operand = e.a.type().scalar;
  const bool is_float = IsFloat(operand);
  const bool is_unsigned = operand == ScalarType::kU8 || operand == ScalarType::kBool;
  using P = llvm::CmpInst::Predicate;
  auto compare = [&](P of_float, P of_signed, P of_unsigned) {
    return is_float ? b_.CreateFCmp(of_float, a, b)
                    : b_.CreateICmp(is_unsigned ? of_unsigned : of_signed, a, b);
  };
  switch (e.op) {
    case BinaryOp::kLt:
      return compare(P::FCMP_OLT, P::ICMP_SLT, P::ICMP_ULT);
    case BinaryOp::kLe:
      return compare(P::FCMP_OLE, P::ICMP_SLE, P::ICMP_ULE);
    case BinaryOp::kGt:
      return compare(P::FCMP_OGT, P::ICMP_SGT, P::ICMP_UGT);
    case BinaryOp::kGe:
      return compare(P::FCMP_OGE, P::ICMP_SGE, P::ICMP_UGE);
    case BinaryOp::kEq:
      return compare(P::FCMP_OEQ, P::ICMP_EQ, P::ICMP_EQ);
    default:
      return compare(P::FCMP_UNE, P::ICMP_NE, P::ICMP_NE);
  }
}

// Rounds towards minus infinity. Divisors that are not positive are undefined
// by contract; they must not trap, so they divide as 1.
Value* ExprEmitter::EmitFloorDivMod(const Binary& e) {
  Value* a = Emit(e.a);
  Value* b = Emit(e.b);
  Value* zero = llvm::Constant::getNullValue(a->getType());
  Value* one = llvm::ConstantInt::get(a->getType(), 1);
  const bool divides = e.op == BinaryOp::kFloorDiv;
  const bool is_unsigned = e.type.scalar == ScalarType::kU8;
  auto constant = AsConstInt(e.b);
  if (!constant || *constant <= 0) {
    b = b_.CreateSelect(is_unsigned ? b_.CreateICmpUGT(b, zero) : b_.CreateICmpSGT(b, zero), b,
                        one);
  }
  if (is_unsigned) return divides ? b_.CreateUDiv(a, b) : b_.CreateURem(a, b);
  if (constant && *constant > 0 && (*constant & (*constant - 1)) == 0) {
    const int shift = __builtin_ctzll(static_cast<uint64_t>(*constant));
    return divides ? b_.CreateAShr(a, shift) : b_.CreateAnd(a, b_.CreateSub(b, one));
  }
  Value* remainder = b_.CreateSRem(a, b);
  Value* negative = b_.CreateICmpSLT(remainder, zero);
  if (!divides) return b_.CreateSelect(negative, b_.CreateAdd(remainder, b), remainder);
  Value* quotient = b_.CreateSDiv(a, b);
  return b_.CreateSelect(negative, b_.CreateSub(quotient, one), quotient);
}

// Float to integer truncates towards zero and saturates (NaN gives 0).
Value* ExprEmitter::EmitCast(const Cast& e) {
  Value* value = Emit(e.value);
  const ScalarType from = e.value.type().scalar;
  const ScalarType to = e.type.scalar;
  llvm::Type* type = ValueType(b_.getContext(), e.type);
  const bool from_unsigned = from == ScalarType::kBool || from == ScalarType::kU8;
  if (to == ScalarType::kBool) {
    Value* zero = llvm::Constant::getNullValue(value->getType());
    return IsFloat(from) ? b_.CreateFCmpUNE(value, zero) : b_.CreateICmpNE(value, zero);
  }
  if (IsHalf(to) && from != to) {
    if (from_unsigned || from == ScalarType::kI8) {  // exact
      return from_unsigned ? b_.CreateUIToFP(value, type) : b_.CreateSIToFP(value, type);
    }
    llvm::Type* wide = type->getWithNewType(b_.getDoubleTy());
    if (!IsFloat(from)) value = b_.CreateSIToFP(value, wide);
    return half_.Round(to, value->getType() == type ? value : half_.NarrowToOdd(value));
  }
  if (IsFloat(to)) {
    if (IsFloat(from)) return b_.CreateFPCast(value, type);
    return from_unsigned ? b_.CreateUIToFP(value, type) : b_.CreateSIToFP(value, type);
  }
  if (IsFloat(from)) {
    auto convert =
        to == ScalarType::kU8 ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat;
    return b_.CreateIntrinsic(convert, {type, value->getType()}, {value});
  }
  return b_.CreateIntCast(value, type, !from_unsigned);
}

// A tree of halves: sums may be reassociated, and the depth is logarithmic. Of
// integers LLVM makes it itself: it recognises dot products of bytes in halves
// that we make, but LLVM 19 then adds up half of them (with AVX-512 VNNI).
Value* ExprEmitter::EmitLaneReduce(const LaneReduce& e) {
  Value* value = Emit(e.value);
  if (!IsFloat(e.type.scalar)) {
    const bool is_signed = e.type.scalar != ScalarType::kU8;
    switch (e.op) {
      case ReduceOp::kSum:
        return b_.CreateAddReduce(value);
      case ReduceOp::kProd:
        return b_.CreateMulReduce(value);
      case ReduceOp::kMax:
        return b_.CreateIntMaxReduce(value, is_signed);
      case ReduceOp::kMin:
        return b_.CreateIntMinReduce(value, is_signed);
    }
  }
  auto combine = [&](Value* a, Value* b) {
    return EmitArithmetic(Combiner(e.op), e.type.scalar, a, b);
  };
  int lanes = e.value.type().lanes;
  Value* odd = nullptr;  // lanes that halving left over
  while (lanes > 1) {
    if (lanes % 2 != 0) {
      Value* last = b_.CreateExtractElement(value, lanes - 1);
      odd = odd == nullptr ? last : combine(odd, last);
    }
    const int half = lanes / 2;
    std::vector<int> low(half), high(half);
    for (int l = 0; l < half; ++l) {
      low[l] = l;
      high[l] = l + half;
    }
    value = combine(b_.CreateShuffleVector(value, low), b_.CreateShuffleVector(value, high));
    lanes = half;
  }
  Value* result = b_.CreateExtractElement(value, uint64_t{0});
  return odd == nullptr ? result : combine(result, odd);
}

Value* ExprEmitter::EmitRamp(const Ramp& e) {
  const int lanes = e.type.lanes;
  Value* base = Emit(e.base);
  std::vector<llvm::Constant*> steps(lanes);
  for (int l = 0; l < lanes; ++l) {
    steps[l] = llvm::ConstantInt::get(base->getType(), static_cast<uint64_t>(l * e.stride), true);
  }
  return b_.CreateAdd(Splat(base, lanes), llvm::ConstantVector::get(steps));
}

}  // namespace lathe
