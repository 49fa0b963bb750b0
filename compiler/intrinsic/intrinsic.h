// Hardware primitives: what each computes, and what it asks of the target.
#ifndef LATHE_COMPILER_INTRINSIC_INTRINSIC_H_
#define LATHE_COMPILER_INTRINSIC_INTRINSIC_H_

#include <string>
#include <string_view>
#include <vector>

#include "compiler/tensor/function.h"

namespace lathe {

// Its operands are tiles of memory: the output first, then the arguments in
// order. The last dimension of each is contiguous, other strides are free, and
// no two lie in one buffer.
struct HardwareIntrinsic {
  std::string name;
  std::string feature;  // that the target must have, as LLVM names it
  // One equation without reduction, whose reads have bare axes as indices.
  Function definition;

  const Stage& stage() const { return definition.stages.front(); }
};

// Null if there is none of this name.
const HardwareIntrinsic* FindIntrinsic(std::string_view name);
std::vector<std::string> IntrinsicNames();

}  // namespace lathe

#endif  // LATHE_COMPILER_INTRINSIC_INTRINSIC_H_
