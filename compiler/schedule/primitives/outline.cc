// outline: a loop becomes a function, which its copies share: those of peeled and
// partitioned loops around, and of unrolled ones.
//
//   unroll for jo in 3 { for k in 64 { c[jo] sum= a[k] * b[k, jo] } }
// outline(k) ->
//   unroll for jo in 3 { for k in 64 outline { c[jo] sum= a[k] * b[k, jo] } }
//     (machine code: f(c, a, b, 0); f(c, a, b, 1); f(c, a, b, 2))
//
// What differs between copies may be the values of variables from outside of the
// loop and the buffers; copies that differ otherwise become functions of their own
// (codegen/outline.h).
//
// Legal for serial loops without a parallel loop below that are not inside of a
// vectorised one. Lowering refuses a loop that shares a buffer in registers with
// its surroundings (passes/finish.cc).

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Outline(const Program& program, std::string_view loop) {
  std::string action = absl::StrCat("outline loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const For& old = *site.loop;
  RETURN_IF_ERROR(schedule::CheckSerial(action, old));
  RETURN_IF_ERROR(schedule::CheckPlainCode(action, site));
  LoopMarks marks = old.marks;
  marks.outline = true;
  return schedule::WithMarks(program, &old, marks);
}

}  // namespace lathe
