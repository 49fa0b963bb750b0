// Deployable wrapper: a plain C function around a kernel, with its runtime.
#ifndef LATHE_COMPILER_CODEGEN_WRAPPER_H_
#define LATHE_COMPILER_CODEGEN_WRAPPER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"

namespace lathe {

// What the wrapper calls: hidden, defined by the kernel's object.
inline constexpr char kWrappedKernelSymbol[] = "lathe_wrapped_kernel";
inline constexpr char kWrappedPrepareSymbol[] = "lathe_wrapped_prepare";

struct WrapperOptions {
  int threads = 1;       // of the embedded pool; 1 never starts a thread
  std::string metadata;  // exported as NAME_metadata
};

// Objects to link with that of `lowered`, a schedule of `function`: the functions
// of wrapper_header.h, NAME_metadata, and the embedded C runtime. InvalidArgument
// when the function's name is no C name.
absl::StatusOr<std::vector<std::string>> WrapperObjects(const Function& function,
                                                        const Program& lowered,
                                                        const Target& target,
                                                        const WrapperOptions& options);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_WRAPPER_H_
