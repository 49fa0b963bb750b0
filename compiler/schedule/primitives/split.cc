// split: one loop becomes two.
//
//   for v in 20 { y[v] = ... }
// split(v, 8) ->
//   for o in 3 { for i in 8 { y[o * 8 + i] = ... if o * 8 + i < 20 } }
//
// Legal for every unmarked loop: the instances and, per element, their order
// stay the same. Where the factor does not divide the extent, a predicate
// removes the surplus instances.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

// A factor above the extent makes one masked block of a short loop (lanes of
// the widest vectors); more than that is a mistake.
constexpr int64_t kMaxSurplusFactor = 1024;

}  // namespace

absl::StatusOr<Program> Split(const Program& program, std::string_view loop, int64_t factor,
                              std::string_view outer, std::string_view inner) {
  std::string action = absl::StrCat("split loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  const For& old = *site.loop;
  RETURN_IF_ERROR(schedule::CheckUnmarked(action, old));
  int64_t max_factor = std::max(old.extent, kMaxSurplusFactor);
  if (factor < 1 || factor > max_factor) {
    return schedule::Refuse(action, absl::StrCat("the factor ", factor, " is not in 1..",
                                                 max_factor, " (the extent is ", old.extent, ")"));
  }
  RETURN_IF_ERROR(
      schedule::CheckNewLoops(program, action, {std::string(outer), std::string(inner)}));

  int64_t blocks = old.extent / factor + (old.extent % factor != 0);
  Expr value = MakeVar(std::string(outer)) * factor + MakeVar(std::string(inner));
  Stmt body = Substitute(old.body, {{old.var, value}});
  if (old.extent % factor != 0) {
    body = schedule::AddPredicate(body, MakeBinary(BinaryOp::kLt, value, MakeInt(old.extent)));
  }
  Stmt nest = MakeFor(std::string(outer), blocks, {},
                      MakeFor(std::string(inner), factor, {}, std::move(body)));
  return schedule::WithBody(program, schedule::Replace(program.body, &old, nest));
}

}  // namespace lathe
