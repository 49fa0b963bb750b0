// Calls a checked kernel in this process, on the user's own data.
#ifndef LATHE_CLI_KERNEL_CALL_H_
#define LATHE_CLI_KERNEL_CALL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "compiler/loop/interpreter.h"
#include "compiler/tensor/function.h"

namespace lathe::cli {

// Outputs of `function` on `inputs` (in argument order, shapes checked by the
// caller) by the kernel in `artifact`, with its JSON `metadata`. Only for
// kernels that passed a measurer's check: nothing guards this process.
absl::StatusOr<std::vector<TensorValue>> CallKernel(const Function& function,
                                                    const std::string& artifact,
                                                    const std::string& metadata,
                                                    absl::Span<const TensorValue> inputs,
                                                    int threads);

}  // namespace lathe::cli

#endif  // LATHE_CLI_KERNEL_CALL_H_
