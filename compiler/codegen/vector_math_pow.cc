// pow. float goes through double, where exp(y log x) has bits to spare. double
// carries log x and y log x as pairs of doubles: near the ends of the range, the
// error of the logarithm counts 709 times.
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
  // 2 s and 2/3 s^3 as pairs, the terms from s^5 on as doubles.
  Pair square = Multiply(s, s);
  Pair cube = Multiply(square.high, s);
  Value* cube_low = MulAdd(square.low, s, cube.low);
  Value* two_thirds = Real(x, 2.0 / 3);
  Pair third = Multiply(cube.high, two_thirds);
  Value* low = MulAdd(cube_low, two_thirds, third.low);
  low = MulAdd(cube.high, Real(x, 0x1.5555555555555p-55), low);  // 2/3 - two_thirds
  low = MulAdd(b_.CreateFMul(cube.high, square.high), AtanhTail(square.high, 2), low);
  low = MulAdd(s_low, MulAdd(square.high, Real(x, 2), Real(x, 2)), low);
  low = MulAdd(split.exponent, Real(x, kLn2Low), low);
  // |n ln 2| >= 2 |s| or n is 0; their sum is larger than the cubic term.
  Value* twice = b_.CreateFMul(s, Real(x, 2));
  Pair linear = AddOrdered(b_.CreateFMul(split.exponent, Real(x, kLn2High)), twice);
  Pair sum = AddOrdered(linear.high, third.high);
  low = b_.CreateFAdd(low, b_.CreateFAdd(linear.low, sum.low));
  return AddOrdered(sum.high, low);
}

// x^y for finite positive double x, finite y.
Value* VectorMath::PowOfPositive(Value* x, Value* y) {
  Pair log = LogPair(x);
  Pair product = Multiply(log.high, y);
  Value* low = MulAdd(log.low, y, product.low);
  Value* in_range = b_.CreateFCmpOLT(Abs(product.high), Real(x, 800));
  low = b_.CreateSelect(in_range, low, Real(x, 0));
  Value* result = Exp(product.high);
  Value* finite = b_.CreateFCmpOLT(result, Real(x, INFINITY));
  return b_.CreateSelect(finite, MulAdd(result, low, result), result);
}

Value* VectorMath::Pow(Value* x, Value* y) {
  llvm::Type* type = x->getType();
  const bool is_float = !IsDouble(x);
  if (is_float) {
    llvm::Type* wide = type->getWithNewType(b_.getDoubleTy());
    x = b_.CreateFPExt(x, wide);
    y = b_.CreateFPExt(y, wide);
  }
  Value* zero = Real(x, 0);
  Value* one = Real(x, 1);
  Value* infinity = Real(x, INFINITY);
  Value* magnitude = Abs(x);
  Value* y_magnitude = Abs(y);

  // |x|^y where both are finite and not zero.
  Value* result = is_float ? Exp(b_.CreateFMul(Log(magnitude), y)) : PowOfPositive(magnitude, y);

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
  result = b_.CreateSelect(always_one, one, result);
  return is_float ? b_.CreateFPTrunc(result, type) : result;
}

}  // namespace lathe
