// Every access to every buffer of a program, with where and when it happens.
#ifndef LATHE_COMPILER_LOOP_BUFFER_ACCESSES_H_
#define LATHE_COMPILER_LOOP_BUFFER_ACCESSES_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "compiler/loop/simplify.h"

namespace lathe {

struct BufferAccess {
  bool is_write = false;
  std::vector<Expr> indices;
  std::vector<Expr> conditions;       // predicates of the store and of guarded reads around
  std::vector<const StmtNode*> path;  // from the program's body to the store, both included
  Bounds bounds;                      // of the loops around
};

// By name of buffer, in program order.
absl::flat_hash_map<std::string, std::vector<BufferAccess>> CollectAccesses(const Stmt& body);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_BUFFER_ACCESSES_H_
