// Elementary functions as vector code: polynomials in IR, never library calls.
// Each works on float or double, scalar or vector, for all inputs including
// NaN, infinities and subnormals. Largest errors in units in the last place
// (tests/compiler/codegen/vector_math_test.cc): measured over all 2^32 floats by
// its --exhaustive mode; bounds of samples for pow, double, and erf with fma.
//                        exp   log   tanh  erf   sigmoid  rsqrt  pow
//   float, with fma      1.10  0.83  2.46  2.50  2.83     1.50   0.51
//   float, without fma   1.05  0.84  2.53  2.55  2.83     1.50   0.51
//   double, with fma     1.1   1.0   2.5   2.0   3.0      1.5    1.6
#ifndef LATHE_COMPILER_CODEGEN_VECTOR_MATH_H_
#define LATHE_COMPILER_CODEGEN_VECTOR_MATH_H_

#include "absl/types/span.h"
#include "llvm/IR/IRBuilder.h"

namespace lathe {

class VectorMath {
 public:
  // `has_fma`: the target fuses multiply-add. `has_round`: it rounds in one
  // instruction. `has_avx512`: it has avx512f, whose instructions
  // on registers of 16 floats permute and scale.
  // `builder` must outlive this.
  VectorMath(llvm::IRBuilder<>& builder, bool has_fma, bool has_round, bool has_avx512)
      : b_(builder), has_fma_(has_fma), has_round_(has_round), has_avx512_(has_avx512) {}

  // a * b + c, in one rounding where the target can.
  llvm::Value* MulAdd(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  llvm::Value* Abs(llvm::Value* x);
  llvm::Value* Floor(llvm::Value* x);
  llvm::Value* Sqrt(llvm::Value* x);
  llvm::Value* Rsqrt(llvm::Value* x);
  llvm::Value* Exp(llvm::Value* x);
  llvm::Value* Log(llvm::Value* x);
  llvm::Value* Tanh(llvm::Value* x);
  llvm::Value* Erf(llvm::Value* x);
  llvm::Value* Sigmoid(llvm::Value* x);
  llvm::Value* Pow(llvm::Value* x, llvm::Value* y);  // C's pow, all special cases

 private:
  // A number split in two: high + low, |low| at most half a unit of high.
  struct Pair {
    llvm::Value* high;
    llvm::Value* low;
  };
  // x = mantissa * 2^exponent, mantissa in [sqrt(1/2), sqrt(2)); x positive, normal or not.
  struct Split {
    llvm::Value* mantissa;
    llvm::Value* exponent;  // floating
  };

  static bool IsDouble(llvm::Value* x);
  llvm::Value* Real(llvm::Value* like, double value);
  llvm::Type* IntType(llvm::Value* like);
  llvm::Value* Int(llvm::Value* like, int64_t value);
  llvm::Value* Bits(llvm::Value* x);
  llvm::Value* FromBits(llvm::Value* bits, llvm::Type* type);
  llvm::Value* CopySign(llvm::Value* magnitude, llvm::Value* sign);
  llvm::Value* Clamp(llvm::Value* x, double low, double high);  // keeps NaN
  bool IsAvx512Register(llvm::Value* x) const;                  // for the type of x
  llvm::Value* ErfByTable(llvm::Value* x);
  // Coefficients from the highest power down.
  llvm::Value* Polynomial(llvm::Value* x, absl::Span<const double> coefficients);
  // x = n ln 2 + r with |r| <= ln 2 / 2; n as integers.
  Pair ReduceByLn2(llvm::Value* x, llvm::Value** n);
  llvm::Value* ExpTail(llvm::Value* r);  // (exp(r) - 1 - r) / r^2, |r| <= ln 2 / 2
  llvm::Value* PowerOfTwo(llvm::Value* n, llvm::Type* type);  // 2^n, n a normal exponent
  llvm::Value* Scale(llvm::Value* x, llvm::Value* n);         // x * 2^n, rounded once
  Split SplitExponent(llvm::Value* x);
  // 2 / (2 k + 1) + 2 s^2 / (2 k + 3) + ..., k the `first` term: 2 atanh(s) is
  // 2 s + s^3 AtanhTail(s^2).
  llvm::Value* AtanhTail(llvm::Value* s2, int first = 1);
  Pair LogPair(llvm::Value* x);
  llvm::Value* PowOfPositive(llvm::Value* x, llvm::Value* y);
  Pair Multiply(llvm::Value* a, llvm::Value* b);    // exact
  Pair AddOrdered(llvm::Value* a, llvm::Value* b);  // exact for |a| >= |b|

  llvm::IRBuilder<>& b_;
  const bool has_fma_;
  const bool has_round_;
  const bool has_avx512_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_VECTOR_MATH_H_
