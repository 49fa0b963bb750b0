// Where the buffers that a part of a lowered program allocates live.
#ifndef LATHE_COMPILER_CODEGEN_WORKSPACE_LAYOUT_H_
#define LATHE_COMPILER_CODEGEN_WORKSPACE_LAYOUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "compiler/loop/program.h"

namespace lathe {

// kStack buffers above this (in bytes) live in the workspace.
inline constexpr int64_t kMaxStackBuffer = 16 << 10;
// Alignment of workspace and stack buffers, in bytes.
inline constexpr int64_t kBufferAlignment = 64;

struct WorkspaceLayout {
  int64_t shared_bytes = 0;
  int64_t thread_bytes = 0;           // for each thread, for buffers under a parallel loop
  bool parallel = false;              // there is a parallel loop
  std::vector<std::string> routines;  // of libraries, that are called; sorted
  absl::flat_hash_map<std::string, int64_t> shared;  // buffer -> offset in the shared part
  absl::flat_hash_map<std::string, int64_t> thread;  // buffer -> offset in the thread's part
};

// No two buffers overlap, so that each can be `noalias`. Buffers in neither map
// live in registers or on the stack. `part` is the program's body or what it
// prepares.
WorkspaceLayout PlanWorkspace(const Program& lowered, const Stmt& part);

// The bytes of `buffer`, rounded up to kBufferAlignment.
int64_t AlignedBytes(const Buffer& buffer);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_WORKSPACE_LAYOUT_H_
