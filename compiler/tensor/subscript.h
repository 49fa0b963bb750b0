// Subscripts: sums of indices with constant factors, floor divisions and
// remainders by constants. Their normal form and their range.
#ifndef LATHE_COMPILER_TENSOR_SUBSCRIPT_H_
#define LATHE_COMPILER_TENSOR_SUBSCRIPT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "compiler/tensor/expr.h"

namespace lathe {

using Extents = absl::flat_hash_map<std::string, int64_t>;  // by the name of the index

// constant + sum of factor * atom. An atom is a Var, or `//` or `%` of a
// normal form by a positive constant. Atoms differ, factors are not zero;
// sorted by the atoms' text.
struct Subscript {
  int64_t constant = 0;
  std::vector<std::pair<Expr, int64_t>> terms;

  Expr ToExpr() const;
};

// InvalidArgument if `e` is no subscript, or if constants overflow.
absl::StatusOr<Subscript> ParseSubscript(const Expr& e);

struct ValueRange {
  int64_t min = 0, max = 0;  // inclusive
};

// The values a subscript takes while each index runs over its extent: exact if
// each index occurs in one term only, otherwise never too narrow. InvalidArgument as above, if a
// value leaves +-2^62, or an index is not in `extents`.
absl::StatusOr<ValueRange> RangeOf(const Subscript& subscript, const Extents& extents);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_SUBSCRIPT_H_
