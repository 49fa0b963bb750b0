// Lowered program -> LLVM module with one kernel and what prepares for it
// (compiler/runtime/lathe_kernel.h).
#ifndef LATHE_COMPILER_CODEGEN_EMIT_H_
#define LATHE_COMPILER_CODEGEN_EMIT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"
#include "compiler/target/target.h"
#include "llvm/IR/Module.h"

namespace lathe {

// What one part of a kernel asks of its runtime. Workspace in all: workspace_bytes +
// num_threads * workspace_bytes_per_thread.
struct KernelNeeds {
  int64_t workspace_bytes = 0;
  int64_t workspace_bytes_per_thread = 0;
  bool parallel = false;
  std::vector<std::string> routines;  // of libraries
  bool runtime() const {
    return parallel || workspace_bytes > 0 || workspace_bytes_per_thread > 0 || !routines.empty();
  }
};
// Of `part`: the program's body or its prepare part.
KernelNeeds NeedsOf(const Program& lowered, const Stmt& part);

struct EmitOptions {
  // The symbols of the kernel and, for packed arguments, of what prepares them;
  // hidden ones are for linking into a wrapper.
  std::string symbol = "lathe_kernel";
  std::string prepare_symbol = "lathe_prepare";
  bool hidden = false;
};

// OK if code generation supports the scopes of `lowered`, else Unimplemented
// naming the buffer and what is supported.
absl::Status CheckSupported(const Program& lowered);
// OK if the target has what the hardware primitives in `lowered` need, else
// Unimplemented naming primitive and feature (intrinsics.cc).
absl::Status CheckIntrinsics(const Program& lowered, const Target& target);

// The module before any pass; the target's attributes are the caller's to add
// (ApplyTarget). `lowered` comes from Lower().
absl::StatusOr<std::unique_ptr<llvm::Module>> EmitKernel(const Program& lowered,
                                                         const Target& target,
                                                         llvm::LLVMContext& context,
                                                         const EmitOptions& options = {});

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_EMIT_H_
