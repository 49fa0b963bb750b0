// The exported functions of a kernel: checks, workspace, and the call of a body.
#ifndef LATHE_COMPILER_CODEGEN_ENTRY_H_
#define LATHE_COMPILER_CODEGEN_ENTRY_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "compiler/codegen/workspace_layout.h"
#include "compiler/loop/program.h"
#include "llvm/IR/IRBuilder.h"

namespace lathe {

struct EntryOptions {
  std::string symbol;
  bool hidden = false;
  // Arguments that the body does not touch; all others are refused when null.
  absl::flat_hash_set<std::string> may_be_null;
};

// Adds int32_t symbol(void* const* args, const lathe_runtime* rt) around
//   int32_t body(arguments..., shared workspace buffers..., runtime, thread area),
// both in the order of `program`'s declarations, to the body's module.
void EmitEntry(const Program& program, const WorkspaceLayout& layout, const EntryOptions& options,
               llvm::Function* body, llvm::IRBuilder<>& b);

// Leaves the function here with `code` if the condition holds.
void ReturnIf(llvm::IRBuilder<>& b, llvm::Value* condition, int32_t code);

// The field at `offset` of the lathe_runtime.
llvm::Value* LoadRuntimeField(llvm::IRBuilder<>& b, llvm::Value* runtime, size_t offset,
                              llvm::Type* type);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_ENTRY_H_
