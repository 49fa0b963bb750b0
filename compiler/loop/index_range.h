// Ranges of indices: which part of one is fixed while some loops stand still,
// and what values the rest takes. Behind the bounding regions of buffers.
#ifndef LATHE_COMPILER_LOOP_INDEX_RANGE_H_
#define LATHE_COMPILER_LOOP_INDEX_RANGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "compiler/loop/affine.h"
#include "compiler/loop/simplify.h"

namespace lathe {

// index = fixed + moving; `fixed` uses the loops outside only, and `moving`
// takes values within `range`.
struct SplitIndex {
  Linear fixed;
  Linear moving;
  Interval range;
};

SplitIndex SplitAt(const Expr& index, const absl::flat_hash_set<std::string>& outside,
                   const Bounds& bounds);

// Tightens index.range by the conditions under which the access happens, where
// they bound the very same expression.
void ClipRange(const std::vector<Expr>& conditions, SplitIndex* index);

// a - b, if it is a constant.
std::optional<int64_t> ConstantDifference(Linear a, const Linear& b);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_INDEX_RANGE_H_
