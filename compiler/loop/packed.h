// Packed arguments: what a program computes from const arguments ahead of its calls.
#ifndef LATHE_COMPILER_LOOP_PACKED_H_
#define LATHE_COMPILER_LOOP_PACKED_H_

#include "absl/status/status.h"
#include "compiler/loop/program.h"

namespace lathe {

// Whether the statements of the scheduled `program` that write packed arguments
// can run ahead of the calls: each reads const arguments, tables, packed
// arguments and what it computes itself; what else it writes is read nowhere
// else. InvalidArgument naming stage and buffer.
absl::Status CheckPacked(const Program& program);

// Whether there is a packed argument.
bool HasPacked(const Program& program);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_PACKED_H_
