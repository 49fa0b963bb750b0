// vectorize: the iterations of a loop become the lanes of vectors.
//
//   for j in 16 { y[j] = ... }
// vectorize(j) ->
//   vectorize for j in 16 { y[j] = ... }      (lowered: y[ramp(0, 1, 16)] = ...)
//
// Legal when the loop has at most kMaxLanes iterations, only unrolled loops
// below, no vectorised loop around, and every store below binds either spatial
// axes of its stage to it or reduction axes. With the latter each vector is
// folded into one element, which costs a tree of shuffles: rfactor keeps lanes
// apart until the end.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

constexpr int64_t kMaxLanes = 256;

// Refuses unless the iterations of `loop` write elements of their own, or are
// terms of the same reductions.
absl::Status CheckLanes(const Program& program, std::string_view action, const For& loop) {
  for (const StoreSite& site : schedule::StoresBelow(loop.body)) {
    schedule::Binds binds = schedule::BindsOf(program, *site.store, loop.var);
    if (binds.spatial && binds.reduction) {
      return schedule::Refuse(
          action, absl::StrCat("stage ", site.store->stage, " binds both kinds of axes to it"));
    }
    if (!binds.spatial && !binds.reduction && loop.extent > 1) {
      return schedule::Refuse(
          action,
          absl::StrCat("its iterations write the same elements of stage ", site.store->stage));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Program> Vectorize(const Program& program, std::string_view loop) {
  std::string action = absl::StrCat("vectorize loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const For& old = *site.loop;
  RETURN_IF_ERROR(schedule::CheckSerial(action, old));
  RETURN_IF_ERROR(schedule::CheckNotPeeled(action, old));
  if (old.marks.tail == Tail::kPartition) {
    return schedule::Refuse(action, "its tail is partitioned; partition the loop around it");
  }
  if (!old.marks.prefetch.empty()) return schedule::Refuse(action, "it prefetches");
  if (old.extent > kMaxLanes) {
    return schedule::Refuse(action, absl::StrCat("its extent ", old.extent, " is above ", kMaxLanes,
                                                 " lanes; split it first"));
  }
  for (const For* around : site.enclosing) {
    if (around->marks.kind == LoopKind::kVectorize) {
      return schedule::Refuse(action,
                              absl::StrCat("loop ", around->var, " around it is vectorized"));
    }
  }
  for (const For* below : schedule::LoopsBelow(old.body)) {
    if (!below->marks.prefetch.empty()) {
      return schedule::Refuse(action, absl::StrCat("loop ", below->var, " below it prefetches"));
    }
    if (below->marks.kind != LoopKind::kUnroll) {
      return schedule::Refuse(action,
                              absl::StrCat("loop ", below->var, " below it is not unrolled"));
    }
  }
  RETURN_IF_ERROR(CheckLanes(program, action, old));
  LoopMarks marks = old.marks;
  marks.kind = LoopKind::kVectorize;
  return schedule::WithMarks(program, &old, marks);
}

}  // namespace lathe
