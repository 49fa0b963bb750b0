// unroll: the iterations of a loop become straight-line code.
//
//   for i in 3 { y[i] = ... }
// unroll(i) ->
//   unroll for i in 3 { y[i] = ... }          (lowered: y[0] = ...; y[1] = ...; y[2] = ...)
//
// Legal when the loop has at most kMaxUnroll iterations, no parallel loop below
// and no vectorised loop around. (Lowering also limits the stores of the whole program.)

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

constexpr int64_t kMaxUnroll = 256;

}  // namespace

absl::StatusOr<Program> Unroll(const Program& program, std::string_view loop) {
  std::string action = absl::StrCat("unroll loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const For& old = *site.loop;
  RETURN_IF_ERROR(schedule::CheckSerial(action, old));
  if (old.extent > kMaxUnroll) {
    return schedule::Refuse(action, absl::StrCat("its extent ", old.extent, " is above ",
                                                 kMaxUnroll, "; split it first"));
  }
  RETURN_IF_ERROR(schedule::CheckPlainCode(action, site));
  LoopMarks marks = old.marks;
  marks.kind = LoopKind::kUnroll;
  return schedule::WithMarks(program, &old, marks);
}

}  // namespace lathe
