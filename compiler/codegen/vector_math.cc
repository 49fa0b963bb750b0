#include "compiler/codegen/vector_math.h"

#include <cmath>
#include <vector>

#include "llvm/IR/IntrinsicsX86.h"

namespace lathe {
namespace {

using llvm::Value;

// Parameters of one floating type. ln 2 is split so that n * ln2_high is exact
// for every exponent n.
struct Format {
  int mantissa_bits;
  int exponent_bias;
  double smallest_normal;
  double ln2_high, ln2_low;
  double magic;              // adding it rounds to an integer
  double exp_low, exp_high;  // beyond, exp is 0 and infinity
};
constexpr Format kFloat{23,       127,  0x1p-126, 0.693359375, -2.12194440054690583e-4,
                        0x1.8p23, -104, 89};
constexpr Format kDouble{
    52,       1023, 0x1p-1022, 6.93147180369123816490e-1, 1.90821492927058770002e-10,
    0x1.8p52, -746, 710};
constexpr double kLog2E = 1.44269504088896340736;

}  // namespace

bool VectorMath::IsDouble(Value* x) { return x->getType()->getScalarType()->isDoubleTy(); }

static const Format& FormatOf(bool is_double) { return is_double ? kDouble : kFloat; }

Value* VectorMath::Real(Value* like, double value) {
  return llvm::ConstantFP::get(like->getType(), value);
}

llvm::Type* VectorMath::IntType(Value* like) {
  llvm::Type* type = like->getType();
  return type->getWithNewType(IsDouble(like) ? b_.getInt64Ty() : b_.getInt32Ty());
}

Value* VectorMath::Int(Value* like, int64_t value) {
  return llvm::ConstantInt::get(IntType(like), static_cast<uint64_t>(value), true);
}

Value* VectorMath::Bits(Value* x) { return b_.CreateBitCast(x, IntType(x)); }

Value* VectorMath::FromBits(Value* bits, llvm::Type* type) { return b_.CreateBitCast(bits, type); }

Value* VectorMath::MulAdd(Value* a, Value* b, Value* c) {
  if (!has_fma_) return b_.CreateFAdd(b_.CreateFMul(a, b), c);
  return b_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

Value* VectorMath::Abs(Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }

Value* VectorMath::CopySign(Value* magnitude, Value* sign) {
  return b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, magnitude, sign);
}

Value* VectorMath::Clamp(Value* x, double low, double high) {
  x = b_.CreateSelect(b_.CreateFCmpOLT(x, Real(x, low)), Real(x, low), x);
  return b_.CreateSelect(b_.CreateFCmpOGT(x, Real(x, high)), Real(x, high), x);
}

Value* VectorMath::Polynomial(Value* x, absl::Span<const double> coefficients) {
  Value* sum = Real(x, coefficients[0]);
  for (double c : coefficients.subspan(1)) sum = MulAdd(sum, x, Real(x, c));
  return sum;
}

// Without a rounding instruction: adding and subtracting 2^mantissa_bits rounds
// to nearest, for magnitudes below it; larger numbers are integers already.
Value* VectorMath::Floor(Value* x) {
  if (has_round_) return b_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x);
  Value* limit = Real(x, IsDouble(x) ? 0x1p52 : 0x1p23);
  Value* magnitude = Abs(x);
  Value* nearest = CopySign(b_.CreateFSub(b_.CreateFAdd(magnitude, limit), limit), x);
  Value* too_high = b_.CreateFCmpOGT(nearest, x);
  Value* lower = b_.CreateFSub(nearest, Real(x, 1));
  Value* floor = b_.CreateSelect(too_high, lower, nearest);
  return b_.CreateSelect(b_.CreateFCmpOLT(magnitude, limit), floor, x);
}

Value* VectorMath::Sqrt(Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x); }

Value* VectorMath::Rsqrt(Value* x) { return b_.CreateFDiv(Real(x, 1), Sqrt(x)); }

VectorMath::Pair VectorMath::ReduceByLn2(Value* x, Value** n) {
  const Format& format = FormatOf(IsDouble(x));
  Value* magic = Real(x, format.magic);
  Value* shifted = MulAdd(x, Real(x, kLog2E), magic);
  *n = b_.CreateSub(Bits(shifted), Bits(magic));
  Value* count = b_.CreateFNeg(b_.CreateFSub(shifted, magic));
  Value* high = MulAdd(count, Real(x, format.ln2_high), x);
  return {high, b_.CreateFMul(count, Real(x, format.ln2_low))};
}

// float: a near-minimax polynomial; double: Taylor's up to r^13 / 13!.
Value* VectorMath::ExpTail(Value* r) {
  if (!IsDouble(r)) {
    return Polynomial(r, {0.00139261836, 0.00836317905, 0.0416665546, 0.1666657699, 0.5});
  }
  double coefficients[12];
  double factorial = 1;
  for (int k = 2; k <= 13; ++k) {
    factorial *= k;
    coefficients[13 - k] = 1 / factorial;
  }
  return Polynomial(r, coefficients);
}

Value* VectorMath::PowerOfTwo(Value* n, llvm::Type* type) {
  const Format& format = FormatOf(type->getScalarType()->isDoubleTy());
  Value* biased = b_.CreateAdd(n, llvm::ConstantInt::get(n->getType(), format.exponent_bias));
  return FromBits(b_.CreateShl(biased, format.mantissa_bits), type);
}

// In two steps: 2^n itself may be subnormal or overflow.
Value* VectorMath::Scale(Value* x, Value* n) {
  Value* half = b_.CreateAShr(n, 1);
  x = b_.CreateFMul(x, PowerOfTwo(half, x->getType()));
  return b_.CreateFMul(x, PowerOfTwo(b_.CreateSub(n, half), x->getType()));
}

Value* VectorMath::Exp(Value* x) {
  const Format& format = FormatOf(IsDouble(x));
  Value* bounded = Clamp(x, format.exp_low, format.exp_high);
  // x = n ln 2 + r: the integer part to the low bits of a sum, and back.
  Value* magic = Real(x, format.magic);
  Value* shifted = MulAdd(bounded, Real(x, kLog2E), magic);
  Value* count = b_.CreateFSub(shifted, magic);
  Value* minus = b_.CreateFNeg(count);
  Value* r = MulAdd(minus, Real(x, format.ln2_high), bounded);
  r = MulAdd(minus, Real(x, format.ln2_low), r);
  Value* sum = MulAdd(b_.CreateFMul(r, r), ExpTail(r), r);
  sum = b_.CreateFAdd(sum, Real(x, 1));
  if (!IsAvx512Register(x)) return Scale(sum, b_.CreateSub(Bits(shifted), Bits(magic)));
  constexpr int kAllLanes = 0xffff, kCurrentRounding = 4;
  return b_.CreateIntrinsic(
      llvm::Intrinsic::x86_avx512_mask_scalef_ps_512, {},
      {sum, count, sum, b_.getInt16(kAllLanes), b_.getInt32(kCurrentRounding)});
}

VectorMath::Split VectorMath::SplitExponent(Value* x) {
  const Format& format = FormatOf(IsDouble(x));
  llvm::Type* type = x->getType();
  const double lift = std::exp2(format.mantissa_bits + 2.0);
  Value* tiny = b_.CreateFCmpOLT(x, Real(x, format.smallest_normal));
  x = b_.CreateSelect(tiny, b_.CreateFMul(x, Real(x, lift)), x);
  Value* root = Bits(Real(x, 0.70710678118654752));  // mantissas start at sqrt(1/2)
  Value* offset = b_.CreateSub(Bits(x), root);
  Value* exponent = b_.CreateAShr(offset, format.mantissa_bits);
  const int64_t mask = (int64_t{1} << format.mantissa_bits) - 1;
  Value* mantissa = FromBits(b_.CreateAdd(b_.CreateAnd(offset, Int(x, mask)), root), type);
  exponent =
      b_.CreateSub(exponent, b_.CreateSelect(tiny, Int(x, format.mantissa_bits + 2), Int(x, 0)));
  // Small integers become floating in the mantissa of the magic number.
  Value* magic = Real(x, format.magic);
  Value* shifted = FromBits(b_.CreateAdd(Bits(magic), exponent), type);
  return {mantissa, b_.CreateFSub(shifted, magic)};
}

// Enough terms for |s| <= 0.172; more after the first, which pow treats as a pair.
Value* VectorMath::AtanhTail(Value* s2, int first) {
  const int terms = !IsDouble(s2) ? 5 : first == 1 ? 10 : 13;
  std::vector<double> coefficients;
  for (int k = terms; k >= first; --k) coefficients.push_back(2.0 / (2 * k + 1));
  return Polynomial(s2, coefficients);
}

// log(1 + f) = 2 atanh(s), s = f / (2 + f), arranged so that the large terms are
// exact: f - (f^2/2 - s (f^2/2 + s^2 tail)).
Value* VectorMath::Log(Value* x) {
  const Format& format = FormatOf(IsDouble(x));
  Split split = SplitExponent(x);
  Value* f = b_.CreateFSub(split.mantissa, Real(x, 1));
  Value* s = b_.CreateFDiv(f, b_.CreateFAdd(f, Real(x, 2)));
  Value* s2 = b_.CreateFMul(s, s);
  Value* half = b_.CreateFMul(b_.CreateFMul(f, f), Real(x, 0.5));
  Value* inner = MulAdd(s2, AtanhTail(s2), half);
  Value* low = MulAdd(s, inner, b_.CreateFMul(split.exponent, Real(x, format.ln2_low)));
  Value* result = b_.CreateFSub(f, b_.CreateFSub(half, low));
  result = MulAdd(split.exponent, Real(x, format.ln2_high), result);
  // The edges: log(+inf), log(0), and below.
  Value* infinity = Real(x, INFINITY);
  Value* zero = Real(x, 0);
  result = b_.CreateSelect(b_.CreateFCmpOEQ(x, infinity), infinity, result);
  result = b_.CreateSelect(b_.CreateFCmpOEQ(x, zero), Real(x, -INFINITY), result);
  return b_.CreateSelect(b_.CreateFCmpULT(x, zero), Real(x, NAN), result);
}

// em / (em + 2) with em = exp(2|x|) - 1, which keeps small x exact.
Value* VectorMath::Tanh(Value* x) {
  const double one_beyond = IsDouble(x) ? 20 : 10;
  Value* n;
  Value* magnitude = Clamp(Abs(x), 0, one_beyond);
  Pair reduced = ReduceByLn2(b_.CreateFMul(magnitude, Real(x, 2)), &n);
  Value* r = b_.CreateFAdd(reduced.high, reduced.low);
  Value* p = MulAdd(b_.CreateFMul(r, r), ExpTail(r), r);
  Value* scale = PowerOfTwo(n, x->getType());
  Value* em = MulAdd(scale, p, b_.CreateFSub(scale, Real(x, 1)));
  return CopySign(b_.CreateFDiv(em, b_.CreateFAdd(em, Real(x, 2))), x);
}

// exp(-|x|) never overflows; for negative x the other form of 1 / (1 + exp(-x)).
Value* VectorMath::Sigmoid(Value* x) {
  Value* t = Exp(b_.CreateFNeg(Abs(x)));
  Value* d = b_.CreateFDiv(Real(x, 1), b_.CreateFAdd(t, Real(x, 1)));
  return b_.CreateSelect(b_.CreateFCmpOLT(x, Real(x, 0)), b_.CreateFMul(t, d), d);
}

}  // namespace lathe
