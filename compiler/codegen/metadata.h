// The JSON that describes a kernel (compiler/runtime/lathe_kernel.h).
#ifndef LATHE_COMPILER_CODEGEN_METADATA_H_
#define LATHE_COMPILER_CODEGEN_METADATA_H_

#include <string>

#include "compiler/codegen/emit.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "llvm/IR/Module.h"

namespace lathe {

std::string KernelMetadata(const Function& function, const Target& target,
                           const KernelNeeds& needs);

// Adds `const char symbol[]` with the NUL-terminated `text`, exported.
void AddMetadata(llvm::Module& module, const std::string& symbol, const std::string& text);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_METADATA_H_
