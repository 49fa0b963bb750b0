// reorder: loops of one perfect nest take the order given; other loops of the
// nest keep their places.
//
//   for i in 4 { for j in 5 { for k in 6 { c[i, j] += ... } } }
// reorder(k, i) ->
//   for k in 6 { for j in 5 { for i in 4 { c[i, j] += ... } } }
//
// Legal when the loops are unmarked and nothing but loops stands between the
// outermost and the innermost of them. Iterations of such a nest do not depend
// on one another: every instance writes its own element or adds one term to
// it (sums may be reassociated), and a stage that was moved into the body reads
// only what the same iteration has written. Initialisations follow by
// themselves: they are implied before the outermost loop of the reduction.

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Reorder(const Program& program, absl::Span<const std::string> loops) {
  std::string action = absl::StrCat("reorder loops ", absl::StrJoin(loops, ", "));
  if (loops.size() < 2) return schedule::Refuse(action, "it takes at least two loops");
  absl::flat_hash_set<std::string> named;
  std::vector<schedule::LoopSite> wanted;
  for (const std::string& name : loops) {
    ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, name));
    RETURN_IF_ERROR(schedule::CheckUnmarked(action, *site.loop));
    if (!named.insert(name).second) {
      return schedule::Refuse(action, absl::StrCat("loop ", name, " is named twice"));
    }
    wanted.push_back(std::move(site));
  }

  // Of nested loops, the outermost has the fewest loops around it.
  auto top = std::min_element(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) {
    return a.enclosing.size() < b.enclosing.size();
  });
  std::vector<const For*> nest;  // from the outermost named loop to the innermost
  size_t found = 0;
  for (const For* loop = top->loop;;) {
    nest.push_back(loop);
    if (named.contains(loop->var) && ++found == wanted.size()) break;
    const For* next = loop->body.As<For>();
    if (next == nullptr) {
      return schedule::Refuse(action, absl::StrCat("they are not in one perfect nest: the body of "
                                                   "loop ",
                                                   loop->var, " is not a single loop"));
    }
    loop = next;
  }

  std::vector<const For*> order = nest;
  size_t next_wanted = 0;
  for (const For*& loop : order) {
    if (named.contains(loop->var)) loop = wanted[next_wanted++].loop;
  }
  Stmt body = nest.back()->body;
  for (auto loop = order.rbegin(); loop != order.rend(); ++loop) {
    body = MakeFor((*loop)->var, (*loop)->extent, (*loop)->marks, std::move(body));
  }
  return schedule::WithBody(program, schedule::Replace(program.body, nest.front(), body));
}

}  // namespace lathe
