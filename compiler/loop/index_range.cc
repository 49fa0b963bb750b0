#include "compiler/loop/index_range.h"

#include <algorithm>

#include "compiler/loop/bounds.h"
#include "compiler/loop/conditions.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {

SplitIndex SplitAt(const Expr& index, const absl::flat_hash_set<std::string>& outside,
                   const Bounds& bounds) {
  SplitIndex result;
  Linear sum = LinearOf(index);
  result.moving.constant = sum.constant;
  for (const Linear::Term& term : sum.terms) {
    absl::flat_hash_set<std::string> used = FreeVars(term.atom);
    bool fixed = std::all_of(used.begin(), used.end(),
                             [&](const std::string& v) { return outside.contains(v); });
    (fixed ? result.fixed : result.moving).Add(term.atom, term.coefficient);
  }
  result.range = BoundsOf(result.moving, 1, bounds);
  return result;
}

std::optional<int64_t> ConstantDifference(Linear a, const Linear& b) {
  a.Add(b, -1);
  return a.IsConstant() ? std::optional(a.constant) : std::nullopt;
}

void ClipRange(const std::vector<Expr>& conditions, SplitIndex* index) {
  for (const Expr& condition : conditions) {
    std::optional<Linear> sum = AsNonNegative(condition);
    if (!sum) continue;
    Linear upper = *sum;  // moving + sum, constant: moving <= that constant
    upper.Add(index->moving, 1);
    if (auto limit = ConstantDifference(upper, Linear{}); limit && index->range.max) {
      index->range.max = std::min(*index->range.max, *limit);
    }
    Linear lower = index->moving;
    if (auto limit = ConstantDifference(lower, *sum); limit && index->range.min) {
      index->range.min = std::max(*index->range.min, *limit);
    }
  }
}

}  // namespace lathe
