// The JSON that describes a kernel (compiler/runtime/lathe_kernel.h).
#ifndef LATHE_COMPILER_CODEGEN_METADATA_H_
#define LATHE_COMPILER_CODEGEN_METADATA_H_

#include <string>

#include "compiler/loop/program.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "llvm/IR/Module.h"

namespace lathe {

// Of the kernel that `lowered`, a schedule of `function`, becomes.
std::string KernelMetadata(const Function& function, const Target& target, const Program& lowered);

// Adds `const char symbol[]` with the NUL-terminated `text`, exported.
void AddMetadata(llvm::Module& module, const std::string& symbol, const std::string& text);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_METADATA_H_
