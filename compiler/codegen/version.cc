#include "compiler/codegen/version.h"

#include "llvm/Config/llvm-config.h"

namespace lathe {

std::string LlvmVersion() { return LLVM_VERSION_STRING; }

}  // namespace lathe
