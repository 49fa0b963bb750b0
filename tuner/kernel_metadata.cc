#include "tuner/kernel_metadata.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lathe {

absl::StatusOr<KernelMetadata> ParseKernelMetadata(std::string_view json) {
  // The library reports by exceptions; they end here.
  try {
    nlohmann::json root = nlohmann::json::parse(json);
    KernelMetadata metadata;
    root.at("abi").get_to(metadata.abi);
    root.at("lathe").get_to(metadata.lathe_version);
    root.at("llvm").get_to(metadata.llvm_version);
    root.at("workspace_bytes").get_to(metadata.workspace_bytes);
    root.at("workspace_bytes_per_thread").get_to(metadata.workspace_bytes_per_thread);
    root.at("features").get_to(metadata.features);
    return metadata;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("malformed kernel metadata: ", error.what()));
  }
}

}  // namespace lathe
