// The verifier of loop programs; verify.cc states every rule at its top.
#ifndef LATHE_COMPILER_LOOP_VERIFY_H_
#define LATHE_COMPILER_LOOP_VERIFY_H_

#include "absl/status/status.h"
#include "compiler/loop/program.h"

namespace lathe {

// OK, or FailedPrecondition naming the stage, loop or buffer and the rule
// broken. Handles scheduled and lowered programs.
absl::Status Verify(const Program& program);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_VERIFY_H_
