// Loops marked outline, as functions that equal loops can share.
#ifndef LATHE_COMPILER_CODEGEN_OUTLINE_H_
#define LATHE_COMPILER_CODEGEN_OUTLINE_H_

#include <string>
#include <utility>
#include <vector>

#include "compiler/codegen/workspace_layout.h"
#include "compiler/loop/program.h"

namespace lathe {

// A loop apart from its surroundings. Buffers, loops and variables are numbered
// in the order of their first use, and what an index owes to the surroundings is
// a variable: peeled, partitioned and unrolled copies of a loop have the same
// `program` where nothing else sets them apart.
struct OutlinedLoop {
  Program program;  // its body is the loop, unmarked; its buffers are those in use
  // What the function gets, as (name in `program`, name or value outside).
  std::vector<std::pair<std::string, std::string>> buffers;
  std::vector<std::pair<std::string, Expr>> variables;
};

// `loop` stands in `lowered`; buffers that `layout` places are passed, even if
// they are allocated inside.
OutlinedLoop OutlineLoop(const Program& lowered, const WorkspaceLayout& layout, const For& loop);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_OUTLINE_H_
