// f16 and bf16 as vector code. In memory they are 16 bits; as values of LLVM
// functions they are floats that hold a value of the type exactly, so that
// arithmetic is float arithmetic followed by Round. For + - * / and sqrt that is
// the correctly rounded result: float has 24 >= 2 * 11 + 2 bits (Figueroa, When
// is double rounding innocuous?, 1995). Nothing here becomes a library call.
#ifndef LATHE_COMPILER_CODEGEN_HALF_TYPES_H_
#define LATHE_COMPILER_CODEGEN_HALF_TYPES_H_

#include <cstdint>

#include "compiler/tensor/type.h"
#include "llvm/IR/IRBuilder.h"

namespace lathe {

inline bool IsHalf(ScalarType type) {
  return type == ScalarType::kF16 || type == ScalarType::kBF16;
}

// The bits of `value`, rounded to the half type to nearest, ties to even.
uint16_t HalfBits(ScalarType type, double value);

// Values are scalars or vectors; `type` is kF16 or kBF16 throughout. NaN stays
// NaN, subnormals are kept.
class HalfTypes {
 public:
  // `has_f16c`: the target converts between f16 and float in one instruction.
  // `builder` must outlive this.
  HalfTypes(llvm::IRBuilder<>& builder, bool has_f16c) : b_(builder), has_f16c_(has_f16c) {}

  // i16 -> float, exact.
  llvm::Value* Decode(ScalarType type, llvm::Value* bits);
  // float that holds a value of `type` -> i16, exact.
  llvm::Value* Encode(ScalarType type, llvm::Value* value);
  // float -> the nearest value of `type`, ties to even, as float.
  llvm::Value* Round(ScalarType type, llvm::Value* value);
  // double -> float by rounding to odd, after which Round gives what rounding
  // the double at once would (Boldo and Melquiond, Emulation of FMA, 2008).
  llvm::Value* NarrowToOdd(llvm::Value* value);

 private:
  llvm::Value* DecodeByIntegers(llvm::Value* bits);
  llvm::Value* EncodeByIntegers(llvm::Value* value);
  llvm::Value* RoundByIntegers(llvm::Value* value);
  llvm::Type* With(llvm::Value* like, llvm::Type* scalar);
  llvm::Value* Int(llvm::Value* like, uint32_t value);  // of the i32 shape of `like`
  llvm::Value* Bits(llvm::Value* value);                // float -> i32
  llvm::Value* Float(llvm::Value* bits);                // i32 -> float
  // The nearest multiple of 2^drop by bit patterns, ties to even: the mantissa
  // loses `drop` bits and carries into the exponent.
  llvm::Value* DropMantissa(llvm::Value* bits, int drop);

  llvm::IRBuilder<>& b_;
  const bool has_f16c_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_HALF_TYPES_H_
