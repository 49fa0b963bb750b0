#include "compiler/codegen/half_types.h"

#include "llvm/ADT/APFloat.h"

namespace lathe {
namespace {

using llvm::Value;

constexpr uint32_t kSign = 0x80000000;
constexpr uint32_t kInfinity = 0x7f800000;
constexpr uint32_t kQuiet = 0x00400000;  // makes a NaN quiet

// f16 seen through the bits of float.
constexpr uint32_t kRebias = (127 - 15) << 23;          // between the two exponents
constexpr uint32_t kSmallestNormal = (127 - 14) << 23;  // 2^-14
constexpr uint32_t kBeyondLargest = (127 + 16) << 23;   // 2^16
constexpr uint32_t kHalfInfinity = 0x7c00;
constexpr uint32_t kHalfFraction = 0x03ff;
constexpr int kDropped = 23 - 10;  // mantissa bits that float has and f16 has not

}  // namespace

uint16_t HalfBits(ScalarType type, double value) {
  llvm::APFloat number(value);
  bool loses_information;
  number.convert(type == ScalarType::kF16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat(),
                 llvm::APFloat::rmNearestTiesToEven, &loses_information);
  return static_cast<uint16_t>(number.bitcastToAPInt().getZExtValue());
}

llvm::Type* HalfTypes::With(Value* like, llvm::Type* scalar) {
  return like->getType()->getWithNewType(scalar);
}

Value* HalfTypes::Int(Value* like, uint32_t value) {
  return llvm::ConstantInt::get(With(like, b_.getInt32Ty()), value);
}

Value* HalfTypes::Bits(Value* value) {
  return b_.CreateBitCast(value, With(value, b_.getInt32Ty()));
}

Value* HalfTypes::Float(Value* bits) { return b_.CreateBitCast(bits, With(bits, b_.getFloatTy())); }

Value* HalfTypes::Decode(ScalarType type, Value* bits) {
  if (type == ScalarType::kBF16) {
    Value* wide = b_.CreateZExt(bits, With(bits, b_.getInt32Ty()));
    return Float(b_.CreateShl(wide, 16));
  }
  if (!has_f16c_) return DecodeByIntegers(bits);
  Value* half = b_.CreateBitCast(bits, With(bits, b_.getHalfTy()));
  return b_.CreateFPExt(half, With(bits, b_.getFloatTy()));
}

Value* HalfTypes::Encode(ScalarType type, Value* value) {
  if (type == ScalarType::kBF16) {
    return b_.CreateTrunc(b_.CreateLShr(Bits(value), 16), With(value, b_.getInt16Ty()));
  }
  if (!has_f16c_) return EncodeByIntegers(value);
  // What Round has just widened is narrow already.
  auto* widened = llvm::dyn_cast<llvm::FPExtInst>(value);
  Value* half = widened != nullptr ? widened->getOperand(0)
                                   : b_.CreateFPTrunc(value, With(value, b_.getHalfTy()));
  return b_.CreateBitCast(half, With(value, b_.getInt16Ty()));
}

Value* HalfTypes::Round(ScalarType type, Value* value) {
  if (type == ScalarType::kF16 && has_f16c_) {
    return b_.CreateFPExt(b_.CreateFPTrunc(value, With(value, b_.getHalfTy())), value->getType());
  }
  if (type == ScalarType::kF16) return RoundByIntegers(value);
  // Infinity drops nothing, and a carry out of the largest mantissa is infinity.
  Value* bits = Bits(value);
  Value* nan = b_.CreateAnd(b_.CreateOr(bits, kQuiet), 0xffff0000);
  return Float(b_.CreateSelect(b_.CreateFCmpUNO(value, value), nan, DropMantissa(bits, 16)));
}

Value* HalfTypes::NarrowToOdd(Value* value) {
  Value* narrow = b_.CreateFPTrunc(value, With(value, b_.getFloatTy()));
  Value* back = b_.CreateFPExt(narrow, value->getType());
  auto magnitude = [&](Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); };
  // Of the two floats around an inexact value, one has an odd mantissa. Bit
  // patterns of one sign are ordered as their magnitudes are.
  Value* bits = Bits(narrow);
  Value* inexact = b_.CreateFCmpONE(back, value);
  Value* even = b_.CreateICmpEQ(b_.CreateAnd(bits, 1), Int(value, 0));
  Value* above = b_.CreateFCmpOGT(magnitude(back), magnitude(value));
  Value* step = b_.CreateSelect(above, Int(value, ~uint32_t{0}), Int(value, 1));
  Value* moved = b_.CreateSelect(b_.CreateAnd(inexact, even), b_.CreateAdd(bits, step), bits);
  return Float(moved);
}

Value* HalfTypes::DropMantissa(Value* bits, int drop) {
  Value* last_kept = b_.CreateAnd(b_.CreateLShr(bits, drop), 1);
  Value* rounded = b_.CreateAdd(b_.CreateAdd(bits, Int(bits, (1u << (drop - 1)) - 1)), last_kept);
  return b_.CreateAnd(rounded, Int(bits, ~((1u << drop) - 1)));
}

Value* HalfTypes::DecodeByIntegers(Value* bits) {
  Value* wide = b_.CreateZExt(bits, With(bits, b_.getInt32Ty()));
  Value* sign = b_.CreateShl(b_.CreateAnd(wide, 0x8000), 16);
  Value* exponent = b_.CreateAnd(wide, kHalfInfinity);
  Value* magnitude = b_.CreateShl(b_.CreateAnd(wide, 0x7fff), kDropped);
  Value* normal = b_.CreateAdd(magnitude, Int(wide, kRebias));
  Value* fraction = b_.CreateSIToFP(b_.CreateAnd(wide, kHalfFraction), With(wide, b_.getFloatTy()));
  Value* subnormal =
      Bits(b_.CreateFMul(fraction, llvm::ConstantFP::get(fraction->getType(), 0x1p-24)));
  Value* special = b_.CreateOr(magnitude, kInfinity);
  Value* result = b_.CreateSelect(b_.CreateICmpEQ(exponent, Int(wide, 0)), subnormal, normal);
  result = b_.CreateSelect(b_.CreateICmpEQ(exponent, Int(wide, kHalfInfinity)), special, result);
  return Float(b_.CreateOr(result, sign));
}

Value* HalfTypes::EncodeByIntegers(Value* value) {
  Value* bits = Bits(value);
  Value* sign = b_.CreateAnd(b_.CreateLShr(bits, 16), 0x8000);
  Value* magnitude = b_.CreateAnd(bits, ~kSign);
  Value* normal = b_.CreateLShr(b_.CreateSub(magnitude, Int(bits, kRebias)), kDropped);
  // Added to 1/2, whose unit is 2^-24, a subnormal counts such units.
  Value* half = llvm::ConstantFP::get(value->getType(), 0.5);
  Value* subnormal = b_.CreateSub(Bits(b_.CreateFAdd(Float(magnitude), half)), Bits(half));
  Value* special = b_.CreateAnd(b_.CreateLShr(magnitude, kDropped), kHalfFraction);
  special = b_.CreateOr(special, kHalfInfinity);
  Value* result =
      b_.CreateSelect(b_.CreateICmpULT(magnitude, Int(bits, kSmallestNormal)), subnormal, normal);
  result = b_.CreateSelect(b_.CreateICmpUGE(magnitude, Int(bits, kInfinity)), special, result);
  return b_.CreateTrunc(b_.CreateOr(result, sign), With(value, b_.getInt16Ty()));
}

Value* HalfTypes::RoundByIntegers(Value* value) {
  Value* bits = Bits(value);
  Value* sign = b_.CreateAnd(bits, kSign);
  Value* magnitude = b_.CreateAnd(bits, ~kSign);
  Value* normal = DropMantissa(magnitude, kDropped);
  normal = b_.CreateSelect(b_.CreateICmpUGE(normal, Int(bits, kBeyondLargest)),
                           Int(bits, kInfinity), normal);
  // Next to 1/2 the unit of float is that of subnormal f16.
  Value* half = llvm::ConstantFP::get(value->getType(), 0.5);
  Value* subnormal = Bits(b_.CreateFSub(b_.CreateFAdd(Float(magnitude), half), half));
  Value* nan = b_.CreateAnd(b_.CreateOr(magnitude, kQuiet), Int(bits, ~((1u << kDropped) - 1)));
  Value* result =
      b_.CreateSelect(b_.CreateICmpULT(magnitude, Int(bits, kSmallestNormal)), subnormal, normal);
  result = b_.CreateSelect(b_.CreateICmpUGT(magnitude, Int(bits, kInfinity)), nan, result);
  return Float(b_.CreateOr(result, sign));
}

}  // namespace lathe
