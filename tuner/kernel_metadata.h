// What a built kernel says of itself (the JSON of compiler/runtime/lathe_kernel.h).
#ifndef LATHE_TUNER_KERNEL_METADATA_H_
#define LATHE_TUNER_KERNEL_METADATA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace lathe {

// What the kernel prepares ahead of its calls.
struct PrepareMetadata {
  struct Packed {
    std::string name, type;
    std::vector<int64_t> shape;
  };
  std::vector<Packed> packed;
  std::vector<std::string> reads, replaces;  // names of const arguments
  uint64_t workspace_bytes = 0, workspace_bytes_per_thread = 0;
};

struct KernelMetadata {
  int abi = 0;
  std::string lathe_version, llvm_version;
  uint64_t workspace_bytes = 0, workspace_bytes_per_thread = 0;
  std::vector<std::string> features;
  std::optional<PrepareMetadata> prepare;
};

// DataLoss when `json` is not such metadata.
absl::StatusOr<KernelMetadata> ParseKernelMetadata(std::string_view json);

}  // namespace lathe

#endif  // LATHE_TUNER_KERNEL_METADATA_H_
