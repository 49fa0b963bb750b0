// tensorize: a nest of loops becomes a hardware primitive (compiler/intrinsic).
//
//   for i in 16 { for j in 16 { y[i, j] = x[j, i] } }
// tensorize(i, transpose_16x16_f32) ->
//   for i in 16 tensorize=transpose_16x16_f32 { for j in 16 { y[i, j] = x[j, i] } }
//     (lowered: intrinsic transpose_16x16_f32(y[0] by (16, 1), x[0] by (16, 1)))
//
// Legal when the perfect nest from the loop inwards computes what the intrinsic
// computes, on buffers in memory whose rows are contiguous; its loops may stand in
// any order. Tiles under a predicate run as the loops they are: partition the
// loops around, and vectorize one of the nest for what is left over.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/intrinsic/library_routine.h"
#include "compiler/loop/intrinsic_nest.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Tensorize(const Program& program, std::string_view loop,
                                  std::string_view intrinsic) {
  std::string action = absl::StrCat("tensorize loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  if (!site.loop->marks.tensorize.empty()) {
    return schedule::Refuse(action, absl::StrCat("it is ", site.loop->marks.tensorize, " already"));
  }
  if (FindLibraryRoutine(intrinsic) != nullptr) {
    return schedule::Refuse(action,
                            absl::StrCat(ToAbsl(intrinsic), " is a routine: use library_call"));
  }
  for (const For* around : site.enclosing) {
    if (around->marks.kind != LoopKind::kVectorize) continue;
    return schedule::Refuse(action, absl::StrCat("loop ", around->var, " around it is vectorized"));
  }
  absl::StatusOr<Stmt> match = MatchIntrinsic(program, *site.loop, intrinsic);
  if (!match.ok()) return schedule::Refuse(action, FromAbsl(match.status().message()));
  LoopMarks marks = site.loop->marks;
  marks.tensorize = std::string(intrinsic);
  return schedule::WithMarks(program, site.loop, marks);
}

}  // namespace lathe
