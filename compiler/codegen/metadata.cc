#include "compiler/codegen/metadata.h"

#include <nlohmann/json.hpp>

#include "compiler/base/version.h"
#include "compiler/codegen/version.h"
#include "compiler/runtime/lathe_kernel.h"
#include "llvm/IR/Constants.h"

namespace lathe {

std::string KernelMetadata(const Function& function, const Target& target,
                           const KernelNeeds& needs) {
  using Json = nlohmann::ordered_json;
  Json arguments = Json::array();
  auto add = [&](const std::string& name, ScalarType type, const std::vector<int64_t>& shape,
                 const char* access) {
    arguments.push_back(Json{
        {"name", name}, {"type", std::string(Name(type))}, {"shape", shape}, {"access", access}});
  };
  for (const Argument& argument : function.arguments) {
    add(argument.name, argument.type, argument.shape, argument.is_const ? "const" : "in");
  }
  for (const std::string& output : function.outputs) {
    const Stage& stage = *function.FindStage(output);
    std::vector<int64_t> shape;
    for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
    add(output, stage.type, shape, "out");
  }
  Json metadata;
  metadata["abi"] = LATHE_ABI_VERSION;
  metadata["function"] = function.name;
  metadata["key"] = CanonicalKey(function).hash;
  metadata["key_version"] = kKeyVersion;
  metadata["lathe"] = LatheVersion();
  metadata["llvm"] = LlvmVersion();
  metadata["arguments"] = std::move(arguments);
  metadata["workspace_bytes"] = needs.workspace_bytes;
  metadata["workspace_bytes_per_thread"] = needs.workspace_bytes_per_thread;
  metadata["parallel"] = needs.parallel;
  metadata["features"] = target.features;
  metadata["prepare"] = nullptr;
  return metadata.dump();
}

void AddMetadata(llvm::Module& module, const std::string& symbol, const std::string& text) {
  llvm::Constant* bytes = llvm::ConstantDataArray::getString(module.getContext(), text);
  new llvm::GlobalVariable(module, bytes->getType(), true, llvm::GlobalValue::ExternalLinkage,
                           bytes, symbol);
}

}  // namespace lathe
