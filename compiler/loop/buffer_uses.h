// Which buffers a statement uses.
#ifndef LATHE_COMPILER_LOOP_BUFFER_USES_H_
#define LATHE_COMPILER_LOOP_BUFFER_USES_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "compiler/loop/program.h"

namespace lathe {

// The names of the buffers that `s` reads, writes or prefetches; empty for null.
absl::flat_hash_set<std::string> BuffersUsed(const Stmt& s);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_BUFFER_USES_H_
