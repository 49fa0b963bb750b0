#include "compiler/loop/quotients.h"

#include "compiler/tensor/scalar_math.h"

namespace lathe {

std::pair<Linear, Linear> PartByDivisor(const Linear& x, int64_t divisor) {
  std::pair<Linear, Linear> parts;
  for (const Linear::Term& term : x.terms) {
    bool divides = term.coefficient % divisor == 0;
    (divides ? parts.first : parts.second).terms.push_back(term);
  }
  (x.lane_stride % divisor == 0 ? parts.first : parts.second).lane_stride = x.lane_stride;
  parts.second.constant = x.constant;
  return parts;
}

Linear DividedExactly(Linear x, int64_t divisor) {
  for (Linear::Term& term : x.terms) term.coefficient /= divisor;
  x.constant /= divisor;
  x.lane_stride /= divisor;
  return x;
}

std::optional<Quotient> AsQuotient(BinaryOp op, const Expr& e) {
  const auto* node = e.As<Binary>();
  if (node == nullptr || node->op != op) return std::nullopt;
  auto divisor = AsConstInt(node->b);
  if (!divisor || *divisor <= 0) return std::nullopt;
  Quotient result{Linear(), *divisor};
  AddLinear(node->a, 1, result.numerator);
  return result;
}

std::optional<int64_t> OneBlock(const Interval& bounds, int64_t divisor) {
  if (!bounds.bounded()) return std::nullopt;
  int64_t low = FloorDiv(*bounds.min, divisor);
  return low == FloorDiv(*bounds.max, divisor) ? std::optional(low) : std::nullopt;
}

}  // namespace lathe
