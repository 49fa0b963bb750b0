// fuse: two perfectly nested loops become one.
//
//   for a in 3 { for b in 5 { y[a, b] = ... } }
// fuse(a, b) ->
//   for f in 15 { y[f // 5, f % 5] = ... }
//
// Legal when nothing stands between the two unmarked loops, and no stage below
// reduces over one of them but not over the other: the elements of such a
// stage would have no loop before which they are initialised.

#include <limits>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Fuse(const Program& program, std::string_view outer, std::string_view inner,
                             std::string_view fused) {
  std::string action = absl::StrCat("fuse loops ", ToAbsl(outer), " and ", ToAbsl(inner));
  ASSIGN_OR_RETURN(schedule::LoopSite outer_site, schedule::FindLoop(program, action, outer));
  ASSIGN_OR_RETURN(schedule::LoopSite inner_site, schedule::FindLoop(program, action, inner));
  const For& a = *outer_site.loop;
  const For& b = *inner_site.loop;
  if (a.body.get() != &b) {
    return schedule::Refuse(action,
                            absl::StrCat("loop ", b.var, " is not the whole body of loop ", a.var));
  }
  RETURN_IF_ERROR(schedule::CheckUnmarked(action, a));
  RETURN_IF_ERROR(schedule::CheckUnmarked(action, b));
  for (const StoreSite& site : schedule::StoresBelow(b.body)) {
    schedule::Binds by_a = schedule::BindsOf(program, *site.store, a.var);
    schedule::Binds by_b = schedule::BindsOf(program, *site.store, b.var);
    bool mixes = (by_a.spatial || by_b.spatial) && (by_a.reduction || by_b.reduction);
    if (mixes) {
      return schedule::Refuse(action, absl::StrCat("stage ", site.store->stage,
                                                   " reduces over one of them but not over both"));
    }
  }
  if (a.extent > std::numeric_limits<int64_t>::max() / b.extent) {
    return schedule::Refuse(action, "the product of their extents does not fit 64 bits");
  }
  RETURN_IF_ERROR(schedule::CheckNewLoops(program, action, {std::string(fused)}));

  Expr f = MakeVar(std::string(fused));
  // A loop of one iteration leaves the other as it is: no quotients for a batch of one.
  bool only_b = a.extent == 1, only_a = b.extent == 1 && !only_b;
  Expr quotient = MakeBinary(BinaryOp::kFloorDiv, f, MakeInt(b.extent));
  Expr remainder = MakeBinary(BinaryOp::kMod, f, MakeInt(b.extent));
  Substitution values = {
      {a.var, only_b   ? MakeInt(0)
              : only_a ? f
                       : std::move(quotient)},
      {b.var, only_b   ? f
              : only_a ? MakeInt(0)
                       : std::move(remainder)},
  };
  Stmt nest = MakeFor(std::string(fused), a.extent * b.extent, {}, Substitute(b.body, values));
  return schedule::WithBody(program, schedule::Replace(program.body, &a, nest));
}

}  // namespace lathe
