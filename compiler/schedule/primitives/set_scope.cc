// set_scope: where an intermediate buffer lives.
//
//   buffer t: f32[64, 64] workspace
// set_scope(t, stack) ->
//   buffer t: f32[64, 64] stack
//
// Legal for buffers that are neither arguments nor tables. Lowering shrinks the
// buffer to the region in use, and refuses registers with indices that are not
// constant after unrolling.

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> SetScope(const Program& program, std::string_view buffer, Scope scope) {
  std::string action = absl::StrCat("set the scope of buffer ", ToAbsl(buffer));
  if (scope != Scope::kWorkspace && scope != Scope::kStack && scope != Scope::kRegister) {
    return schedule::Refuse(action, "the scope is not workspace, stack or register");
  }
  Program result = program;
  std::vector<std::string> names;
  for (Buffer& candidate : result.buffers) {
    if (candidate.name == buffer) {
      if (candidate.scope == Scope::kArgument || candidate.scope == Scope::kTable) {
        return schedule::Refuse(action, "it is an argument or a table");
      }
      candidate.scope = scope;
      return result;
    }
    names.push_back(candidate.name);
  }
  return schedule::Refuse(action,
                          absl::StrCat("there is no such buffer", DidYouMean(buffer, names)));
}

}  // namespace lathe
