// Loop nests and routines of libraries: which nest computes what a routine
// does, and the loops that a call of it stands for.
#ifndef LATHE_COMPILER_LOOP_LIBRARY_NEST_H_
#define LATHE_COMPILER_LOOP_LIBRARY_NEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/intrinsic/library_routine.h"
#include "compiler/loop/program.h"

namespace lathe {

// An intrinsic statement named ROUTINE_MxNxK is a call on the matrices c[m, n],
// a[m, k] and b[k, n], its operands in this order: c += a * b.
struct LibraryCall {
  const LibraryRoutine* routine = nullptr;
  int64_t m = 0, n = 0, k = 0;
};
// nullopt if the name is not of this form. (The operands are not looked at.)
std::optional<LibraryCall> AsLibraryCall(const Intrinsic& intrinsic);

// A matrix whose rows are contiguous (transposed: columns), each `leading`
// elements after the one before.
struct MatrixLayout {
  bool transposed = false;
  int64_t leading = 0;
};
// nullopt if neither is contiguous, or they overlap.
std::optional<MatrixLayout> LayoutOf(const Intrinsic::Operand& operand, int64_t rows,
                                     int64_t columns);

// The call that does what the perfect nest from `loop` inwards does, but for how
// elements start and for the store's predicate. An InvalidArgument says in what it
// differs.
absl::StatusOr<Stmt> MatchLibraryCall(const Program& program, const For& loop,
                                      const LibraryRoutine& routine);

// FailedPrecondition if the operands of a call are not what its routine takes.
absl::Status CheckLibraryOperands(const Program& program, const Intrinsic& intrinsic);

// The loops that a call, whose operands are right, stands for.
Stmt ExpandLibraryCall(const Intrinsic& intrinsic);

// The routines that `s` (which may be null) calls, sorted, each once.
std::vector<std::string> RoutinesCalled(const Stmt& s);
// In both parts of a lowered program.
std::vector<std::string> RoutinesCalled(const Program& lowered);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_LIBRARY_NEST_H_
