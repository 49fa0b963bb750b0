#include "compiler/loop/nest_operand.h"

#include <utility>

#include "compiler/loop/conditions.h"

namespace lathe {

Linear FlatIndex(const Buffer& buffer, const std::vector<Expr>& indices) {
  Linear sum;
  int64_t stride = 1;
  for (size_t d = indices.size(); d > 0; --d) {
    AddLinear(indices[d - 1], stride, sum);
    stride *= buffer.shape[d - 1];
  }
  return sum;
}

std::optional<Intrinsic::Operand> AsOperand(const Buffer& buffer, Linear flat,
                                            const std::vector<std::string>& loops) {
  Intrinsic::Operand operand{buffer.name, Expr(), {}};
  for (const std::string& loop : loops) {
    std::optional<int64_t> stride = CoefficientOf(flat, loop);
    if (!stride) return std::nullopt;
    operand.strides.push_back(*stride);
  }
  for (size_t d = 0; d < loops.size(); ++d) flat.Add(MakeVar(loops[d]), -operand.strides[d]);
  operand.index = flat.ToExpr();
  return operand;
}

Expr ElementOf(const Intrinsic::Operand& operand, const std::vector<std::string>& loops) {
  Expr index = operand.index;
  for (size_t d = 0; d < loops.size(); ++d) {
    index = index + MakeVar(loops[d]) * operand.strides[d];
  }
  return index;
}

}  // namespace lathe
