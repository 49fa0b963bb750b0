// peel: the first or the last iteration of a loop becomes code of its own, in
// which conditions about it are decided.
//
//   for k in 4 { c[i] sum= x[k, i] }
// peel(k, first) ->
//   for k in 4 peel=first { c[i] sum= x[k, i] }
//     (lowered: c[i] = x[0, i], then for k in 3 { c[i] += x[k + 1, i] })
//
// A loop may be peeled at both ends. Where it is the outermost reduction loop of
// a stage, its first iteration starts the elements: no code sets them to the
// identity (passes/materialize_init.cc).
//
// Legal for every loop that is neither parallel nor vectorised.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/text_words.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Peel(const Program& program, std::string_view loop, PeelEnd end) {
  std::string action = absl::StrCat("peel loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  LoopMarks marks = site.loop->marks;
  if (marks.kind == LoopKind::kParallel || marks.kind == LoopKind::kVectorize) {
    return schedule::Refuse(action, absl::StrCat("it is marked ", ToAbsl(Name(marks.kind)),
                                                 ", and only serial and unrolled loops peel"));
  }
  (end == PeelEnd::kFirst ? marks.peel_first : marks.peel_last) = true;
  return schedule::WithMarks(program, site.loop, marks);
}

}  // namespace lathe
