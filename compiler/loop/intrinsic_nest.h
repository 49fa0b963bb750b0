// Loop nests and hardware intrinsics: which nest computes what an intrinsic
// does, and the loops that an intrinsic stands for.
#ifndef LATHE_COMPILER_LOOP_INTRINSIC_NEST_H_
#define LATHE_COMPILER_LOOP_INTRINSIC_NEST_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"

namespace lathe {

// The intrinsic statement that does what the perfect nest from `loop` inwards
// does, wherever the store's predicate (if it has one) holds throughout.
// InvalidArgument says, without naming the loop, why there is none.
absl::StatusOr<Stmt> MatchIntrinsic(const Program& program, const For& loop, std::string_view name);

// OK if the intrinsic exists, with the operands that its definition has, in
// buffers of their types. FailedPrecondition says what is wrong.
absl::Status CheckOperands(const Program& program, const Intrinsic& intrinsic);

// Loops over elements that compute the same, of a lowered program. Their names
// begin with '@', so that no loop around has them. Requires CheckOperands.
Stmt ExpandIntrinsic(const Intrinsic& intrinsic);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_INTRINSIC_NEST_H_
