// The C side of a deployable wrapper, as text.
#ifndef LATHE_COMPILER_CODEGEN_WRAPPER_HEADER_H_
#define LATHE_COMPILER_CODEGEN_WRAPPER_HEADER_H_

#include <string>

#include "absl/status/status.h"
#include "compiler/tensor/function.h"

namespace lathe {

// InvalidArgument when `name` cannot name a C function.
absl::Status CheckWrapperName(const std::string& name);

// A header for C and C++ that declares NAME, NAME_ex and NAME_metadata. It
// stands alone: it needs no other file of Lathe.
std::string WrapperHeader(const Function& function);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_WRAPPER_HEADER_H_
