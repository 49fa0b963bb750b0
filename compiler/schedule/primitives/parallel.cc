// parallel: the iterations of a loop may run at once, in any order.
//
//   for i in 64 { y[i] = ... }
// parallel(i) ->
//   parallel for i in 64 { y[i] = ... }
//
// Legal when every store below binds a spatial axis of its stage to the loop
// (so that iterations write disjoint elements) and none a reduction axis, or is
// computed anew in each iteration (compute_at: its buffer is private), no other
// parallel loop is around or below, and all loops around are serial and
// not outlined.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/intrinsic/library_routine.h"
#include "compiler/loop/text_words.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Parallel(const Program& program, std::string_view loop) {
  std::string action = absl::StrCat("make loop ", ToAbsl(loop), " parallel");
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const For& old = *site.loop;
  RETURN_IF_ERROR(schedule::CheckSerial(action, old));
  RETURN_IF_ERROR(schedule::CheckNotPeeled(action, old));
  for (const For* around : site.enclosing) {
    if (around->marks.kind != LoopKind::kSerial) {
      return schedule::Refuse(action, absl::StrCat("loop ", around->var, " around it is marked ",
                                                   ToAbsl(Name(around->marks.kind))));
    }
    if (around->marks.outline) {
      return schedule::Refuse(action, absl::StrCat("loop ", around->var, " around it is outlined"));
    }
  }
  for (const For* below : schedule::LoopsBelow(old.body)) {
    if (below->marks.kind == LoopKind::kParallel) {
      return schedule::Refuse(action,
                              absl::StrCat("loop ", below->var, " below it is parallel already"));
    }
    if (FindLibraryRoutine(below->marks.tensorize) != nullptr) {
      return schedule::Refuse(action, absl::StrCat("loop ", below->var, " below it is a call of ",
                                                   below->marks.tensorize));
    }
  }
  RETURN_IF_ERROR(schedule::CheckDisjointWrites(program, action, old, /*regions=*/true));
  LoopMarks marks = old.marks;
  marks.kind = LoopKind::kParallel;
  return schedule::WithMarks(program, &old, marks);
}

}  // namespace lathe
