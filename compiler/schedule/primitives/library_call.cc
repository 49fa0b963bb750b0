// library_call: a nest of loops becomes a call of a library's routine.
//
//   for i in 8 { for j in 9 { for k in 7 { c[i, j] sum= a[i, k] * b[k, j] } } }
// library_call(i, cblas_sgemm) ->
//   for i in 8 tensorize=cblas_sgemm { for j in 9 { for k in 7 { c[i, j] sum= ... } } }
//     (lowered: c[..] init= 0, intrinsic cblas_sgemm_8x9x7(c[0] by (9, 1), a[0] .., b[0] ..))
//
// Legal when the perfect nest from the loop inwards computes what the routine
// computes, in whatever order its loops stand; extents are free, but one. No loop
// around may be parallel: only the outermost code of a kernel has the runtime that
// knows the routine. Nests under a predicate run as the loops they are: partition
// the loops around. The kernel depends on the library (lathe_kernel.h).

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/library_nest.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> CallLibrary(const Program& program, std::string_view loop,
                                    std::string_view routine) {
  std::string action = absl::StrCat("call a library in the place of loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const LibraryRoutine* known = FindLibraryRoutine(routine);
  if (known == nullptr) {
    std::vector<std::string> names = LibraryRoutineNames();
    return schedule::Refuse(
        action, absl::StrCat("there is no routine ", ToAbsl(routine), DidYouMean(routine, names),
                             "; the routines are ", absl::StrJoin(names, ", ")));
  }
  RETURN_IF_ERROR(schedule::CheckSerial(action, *site.loop));
  RETURN_IF_ERROR(schedule::CheckNotPeeled(action, *site.loop));
  for (const For* around : site.enclosing) {
    const LoopKind kind = around->marks.kind;
    if (kind != LoopKind::kVectorize && kind != LoopKind::kParallel) continue;
    return schedule::Refuse(action,
                            absl::StrCat("loop ", around->var, " around it is ",
                                         kind == LoopKind::kParallel ? "parallel" : "vectorized"));
  }
  absl::StatusOr<Stmt> match = MatchLibraryCall(program, *site.loop, *known);
  if (!match.ok()) return schedule::Refuse(action, FromAbsl(match.status().message()));
  LoopMarks marks = site.loop->marks;
  marks.tensorize = known->name;
  return schedule::WithMarks(program, site.loop, marks);
}

}  // namespace lathe
