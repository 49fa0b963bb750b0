// Lowered program -> text or machine code of its kernel.
#ifndef LATHE_COMPILER_CODEGEN_COMPILE_H_
#define LATHE_COMPILER_CODEGEN_COMPILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "compiler/codegen/emit.h"
#include "compiler/loop/program.h"
#include "compiler/target/target.h"

namespace lathe {

enum class CodeForm { kLlvmIr, kAssembly, kObject };

struct CompileOptions {
  EmitOptions emit;
  std::string metadata;  // exported as lathe_kernel_metadata; empty: no such symbol
};

// The kernel in the form asked for: the same input gives the same bytes.
// Unimplemented for what code generation does not support, InvalidArgument for
// a target that LLVM does not know. An LLVM that aborts ends this process: run
// it in a build worker.
absl::StatusOr<std::string> CompileKernel(const Program& lowered, const Target& target,
                                          CodeForm form, const CompileOptions& options = {});

// The artifact (compiler/runtime/lathe_kernel.h): CompileKernel and Link.
absl::StatusOr<std::string> CompileArtifact(const Program& lowered, const Target& target,
                                            const std::string& metadata);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_COMPILE_H_
