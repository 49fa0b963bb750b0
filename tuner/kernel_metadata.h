// What a built kernel says of itself (the JSON of compiler/runtime/lathe_kernel.h).
#ifndef LATHE_TUNER_KERNEL_METADATA_H_
#define LATHE_TUNER_KERNEL_METADATA_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

struct KernelMetadata {
  int abi = 0;
  std::string lathe_version, llvm_version;
  uint64_t workspace_bytes = 0, workspace_bytes_per_thread = 0;
  std::vector<std::string> features;
};

// DataLoss when `json` is not such metadata.
absl::StatusOr<KernelMetadata> ParseKernelMetadata(std::string_view json);

}  // namespace lathe

#endif  // LATHE_TUNER_KERNEL_METADATA_H_
