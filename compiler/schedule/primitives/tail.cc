// tail: how a loop deals with the instances that predicates remove.
//
//   for o in 3 { for i in 8 { y[o * 8 + i] = ... if o * 8 + i < 20 } }
// tail(o, partition) ->
//   for o in 3 tail partition { ... }
//     (lowered: for o in 2 { no predicate }, then the rest with it)
//
// Legal for every loop that is not vectorised: lanes are masked, so one
// partitions a loop around. Without a predicate below, the mark does nothing.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> SetTail(const Program& program, std::string_view loop, Tail tail) {
  std::string action = absl::StrCat("set the tail of loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const For& old = *site.loop;
  if (tail == Tail::kPartition && old.marks.kind == LoopKind::kVectorize) {
    return schedule::Refuse(action, "it is vectorized; partition the loop around it");
  }
  LoopMarks marks = old.marks;
  marks.tail = tail;
  return schedule::WithMarks(program, &old, marks);
}

}  // namespace lathe
