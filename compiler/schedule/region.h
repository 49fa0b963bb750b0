// Regions: which elements of a buffer one iteration of a loop writes. Internal
// to compiler/schedule.
#ifndef LATHE_COMPILER_SCHEDULE_REGION_H_
#define LATHE_COMPILER_SCHEDULE_REGION_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/affine.h"
#include "compiler/loop/program.h"
#include "compiler/schedule/inspect.h"

namespace lathe::schedule {

// The values base, base + 1, .., base + extent - 1, as far as they are below
// each limit: value v belongs when outer + (v - base) < bound. `base`
// and `outer` depend on the loops at and around the iteration only.
struct Span {
  struct Limit {
    Linear outer;
    int64_t bound = 0;
  };
  Linear base;
  int64_t extent = 1;
  std::vector<Limit> limits;
};

// One span per dimension of the buffer; and conditions on the iteration itself
// outside of which nothing is written.
struct Region {
  std::vector<Span> spans;
  std::vector<Expr> conditions;
};

// The region that `site` writes in one iteration of its loop at `depth` (an
// index into site.loops). It is exact: each element of it is written once.
// A refusal when it is no box of contiguous values.
absl::StatusOr<Region> RegionWritten(std::string_view action, const StoreSite& site, size_t depth);

// Whether both have the same terms.
bool SameLinear(const Linear& a, const Linear& b);

}  // namespace lathe::schedule

#endif  // LATHE_COMPILER_SCHEDULE_REGION_H_
