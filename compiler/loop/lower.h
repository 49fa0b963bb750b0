// Lowering: one ordered list of passes that expands marks; code generation
// sees only its result.
#ifndef LATHE_COMPILER_LOOP_LOWER_H_
#define LATHE_COMPILER_LOOP_LOWER_H_

#include <functional>

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"

namespace lathe {

struct LowerOptions {
  // Called after each pass with its name and result (for `show`, tests).
  std::function<void(std::string_view pass, const Program&)> observer;
  // Code with more stores than this, by copies of peeled and partitioned loops or
  // by unrolling, is refused: the candidate is a mistake.
  int64_t max_stores = 20000;
};

// The lowered program. InvalidArgument when marks cannot be expanded (a
// register buffer with a non-constant index, too much unrolling), or a packed
// argument depends on the call, naming loop or buffer.
absl::StatusOr<Program> Lower(const Program& scheduled, const LowerOptions& options = {});

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_LOWER_H_
