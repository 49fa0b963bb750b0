// Subscripts of lowered programs, taken apart for addressing.
#ifndef LATHE_COMPILER_CODEGEN_SUBSCRIPT_H_
#define LATHE_COMPILER_CODEGEN_SUBSCRIPT_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "compiler/tensor/expr.h"

namespace lathe {

// Lane l of a subscript is constant + sum of coefficient * term + l * stride.
// Terms are scalar; variables stand once each. A scalar has one lane, stride 0.
struct Subscript {
  int64_t constant = 0;
  std::vector<std::pair<Expr, int64_t>> terms;
  int64_t stride = 0;
  int lanes = 1;
};

// Nothing when the lanes are no arithmetic sequence.
std::optional<Subscript> AnalyzeSubscript(const Expr& e);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_SUBSCRIPT_H_
