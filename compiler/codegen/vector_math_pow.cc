// pow. float goes through double, where exp(y log x) has bits to spare. double
// carries log x and y log x as pairs of doubles: at most 5 units in the last
// place, reached near the ends of the range.
#include <cmath>

#include "compiler/codegen/vector_math.h"

namespace lathe {

using llvm::Value;

VectorMath::Pair VectorMath::AddOrdered(Value* a, Value* b) {
  Value* sum = b_.CreateFAdd(a, b);
  return {sum, b_.CreateFSub(b, b_.CreateFSub(sum, a))};
}

VectorMath::Pair VectorMath::Multiply(Value* a, Value* b) {
  Value* product = b_.CreateFMul(a, b);
  if (has_fma_) return {product, MulAdd(a, b, b_.CreateFNeg(product))};
  // Halves with 26 bits each (Veltkamp, Dekker 1971).
  auto split = [&](Value* x) -> Pair {
    Value* scaled = b_.CreateFMul(x, Real(x, 0x1p27 + 1));
    Value* high = b_.CreateFSub(scaled, b_.CreateFSub(scaled, x));
    return {high, b_.CreateFSub(x, high)};
  };
  Pair x = split(a), y = split(b);
  Value* error = b_.CreateFSub(b_.CreateFMul(x.high, y.high), product);
  error = b_.CreateFAdd(error, b_.CreateFMul(x.high, y.low));
  error = b_.CreateFAdd(error, b_.CreateFMul(x.low, y.high));
  return {product, b_.CreateFAdd(error, b_.CreateFMul(x.low, y.low))};
}

// log x for positive finite double x.
VectorMath::Pair VectorMath::LogPair(Value* x) {
  constexpr double kLn2High = 6.93147180369123816490e-1;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  Split split = SplitExponent(x);
  Value* f = b_.CreateFSub(split.mantissa, Real(x, 1));
  Pair divisor = AddOrdered(Real(x, 2), f);
  Value* s = b_.CreateFDiv(f, divisor.high);
  Pair product = Multiply(s, divisor.high);
  Value* rest = b_.CreateFSub(b_.CreateFSub(f, product.high), product.low);
  rest = b_.CreateFSub(rest, b_.CreateFMul(s, divisor.low));
  Value* s_low = b_.CreateFDiv(rest, divisor.high);
  Value* s2 = b_.CreateFMul(s, s);
  Value* low = b_.CreateFMul(b_.CreateFMul(s2, s), AtanhTail(s2));
  low = MulAdd(s_low, Real(x, 2), low);
  low = MulAdd(split.exponent, Real(x, kLn2Low), low);
  // |n ln 2| >= 2 |s| or n is 0.
  Value* twice = b_.CreateFMul(s, Real(x, 2));
  Pair sum = AddOrdered(b_.CreateFMul(split.exponent, Real(x, kLn2High)), twice);
  return AddOrdered(sum.high, b_.CreateFAdd(sum.low, low));
}

Value* VectorMath::Pow(Value* x, Value* y) {
  llvm::Type* type = x->getType();
  if (!IsDouble(x)) {
    llvm::Type* wide = type->getWithNewType(b_.getDoubleTy());
    return b_.CreateFPTrunc(Pow(b_.CreateFPExt(x, wide), b_.CreateFPExt(y, wide)), type);
  }
  Value* zero = Real(x, 0);
  Value* one = Real(x, 1);
  Value* infinity = Real(x, INFINITY);
  Value* magnitude = Abs(x);
  Value* y_magnitude = Abs(y);

  // |x|^y where both are finite and not zero.
  Pair log = LogPair(magnitude);
  Pair product = Multiply(log.high, y);
  Value* low = MulAdd(log.low, y, product.low);
  Value* in_range = b_.CreateFCmpOLT(Abs(product.high), Real(x, 800));
  low = b_.CreateSelect(in_range, low, zero);
  Value* result = Exp(product.high);
  Value* finite = b_.CreateFCmpOLT(result, infinity);
  result = b_.CreateSelect(finite, MulAdd(result, low, result), result);

  // Edges of the magnitude: 0 or infinity on either side.
  Value* x_zero = b_.CreateFCmpOEQ(x, zero);
  Value* x_infinite = b_.CreateFCmpOEQ(magnitude, infinity);
  Value* y_infinite = b_.CreateFCmpOEQ(y_magnitude, infinity);
  Value* y_positive = b_.CreateFCmpOGT(y, zero);
  Value* large = b_.CreateFCmpOGT(magnitude, one);
  Value* grows = b_.CreateICmpEQ(large, y_positive);
  Value* edge = b_.CreateOr(b_.CreateOr(x_zero, x_infinite), y_infinite);
  result = b_.CreateSelect(edge, b_.CreateSelect(grows, infinity, zero), result);
  result = b_.CreateSelect(b_.CreateFCmpOEQ(magnitude, one), one, result);

  // Sign, and what is no number.
  Value* half = b_.CreateFMul(y, Real(x, 0.5));
  Value* integer = b_.CreateFCmpOEQ(Floor(y), y);
  Value* odd = b_.CreateAnd(integer, b_.CreateFCmpONE(Floor(half), half));
  result = b_.CreateSelect(odd, CopySign(result, x), result);
  Value* negative = b_.CreateFCmpOLT(x, zero);
  Value* undefined =
      b_.CreateAnd(b_.CreateAnd(negative, b_.CreateNot(integer)), b_.CreateNot(x_infinite));
  undefined = b_.CreateOr(undefined, b_.CreateFCmpUNO(x, y));
  result = b_.CreateSelect(undefined, Real(x, NAN), result);
  Value* always_one = b_.CreateOr(b_.CreateFCmpOEQ(y, zero), b_.CreateFCmpOEQ(x, one));
  return b_.CreateSelect(always_one, one, result);
}

}  // namespace lathe
