// From an LLVM module to text or machine code.
#ifndef LATHE_COMPILER_CODEGEN_OBJECT_H_
#define LATHE_COMPILER_CODEGEN_OBJECT_H_

#include <string>

#include "absl/status/statusor.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace lathe {

// Runs the few passes that emitted code needs: it comes tiled, vectorised and
// unrolled. InternalError when the module is malformed.
absl::Status RunPasses(llvm::TargetMachine& machine, llvm::Module& module);

std::string ToLlvmText(const llvm::Module& module);

// These consume the module (code generation rewrites it).
absl::StatusOr<std::string> EmitObject(llvm::TargetMachine& machine, llvm::Module& module);
absl::StatusOr<std::string> EmitAssembly(llvm::TargetMachine& machine, llvm::Module& module);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_OBJECT_H_
