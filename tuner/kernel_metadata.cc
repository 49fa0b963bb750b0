#include "tuner/kernel_metadata.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lathe {
namespace {

PrepareMetadata ParsePrepare(const nlohmann::json& json) {
  PrepareMetadata prepare;
  for (const nlohmann::json& packed : json.at("packed")) {
    prepare.packed.push_back({packed.at("name"), packed.at("type"), packed.at("shape")});
  }
  json.at("reads").get_to(prepare.reads);
  json.at("replaces").get_to(prepare.replaces);
  json.at("workspace_bytes").get_to(prepare.workspace_bytes);
  json.at("workspace_bytes_per_thread").get_to(prepare.workspace_bytes_per_thread);
  return prepare;
}

}  // namespace

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
    if (!root.at("prepare").is_null()) metadata.prepare = ParsePrepare(root["prepare"]);
    return metadata;
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat("malformed kernel metadata: ", error.what()));
  }
}

}  // namespace lathe
