// prefetch: each iteration of a loop asks for what reads of a buffer below will
// need some iterations later, one cache line at a time.
//
//   for k in 512 { for j in 32 { c[j] sum= a[k] * b[k, j] } }
// prefetch(k, b, 8) ->
//   for k in 512 prefetch=b:8 { ... }
//     (lowered: prefetch b[k + 8, 0]; prefetch b[k + 8, 16]; then the body)
//
// Legal when a stage below the loop reads the buffer, which is not in registers,
// and the loop is neither vectorised nor inside of a vectorised one. Lowering
// refuses more than 64 lines per iteration, and reads that do not depend on the
// loop (passes/expand_prefetches.cc).

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

constexpr int64_t kMaxDistance = 1024;

}  // namespace

absl::StatusOr<Program> PrefetchAhead(const Program& program, std::string_view loop,
                                      std::string_view buffer, int64_t distance) {
  std::string action = absl::StrCat("prefetch buffer ", ToAbsl(buffer), " in loop ", ToAbsl(loop));
  ASSIGN_OR_RETURN(schedule::LoopSite site, schedule::FindLoop(program, action, loop));
  ASSIGN_OR_RETURN(const Buffer* target, schedule::FindBuffer(program, action, buffer));
  const For& old = *site.loop;
  if (distance < 1 || distance > kMaxDistance) {
    return schedule::Refuse(
        action, absl::StrCat("the distance ", distance, " is not in 1..", kMaxDistance));
  }
  if (target->scope == Scope::kRegister) return schedule::Refuse(action, "it is in registers");
  std::vector<const For*> around = site.enclosing;
  around.push_back(&old);
  for (const For* other : around) {
    if (other->marks.kind == LoopKind::kVectorize) {
      return schedule::Refuse(action, absl::StrCat("loop ", other->var, " is vectorized"));
    }
  }
  std::vector<StoreSite> stores = schedule::StoresBelow(old.body);
  if (std::none_of(stores.begin(), stores.end(), [&](const StoreSite& below) {
        return schedule::Reads(*below.store, target->name);
      })) {
    return schedule::Refuse(action, "no stage below the loop reads it");
  }
  LoopMarks marks = old.marks;
  for (const PrefetchMark& mark : marks.prefetch) {
    if (mark.buffer == target->name) return schedule::Refuse(action, "the loop does so already");
  }
  marks.prefetch.push_back({target->name, distance});
  return schedule::WithMarks(program, &old, std::move(marks));
}

}  // namespace lathe
