#include "compiler/codegen/metadata.h"

#include <nlohmann/json.hpp>

#include "compiler/base/version.h"
#include "compiler/codegen/emit.h"
#include "compiler/codegen/packed_block.h"
#include "compiler/codegen/version.h"
#include "compiler/loop/library_nest.h"
#include "compiler/runtime/lathe_kernel.h"
#include "llvm/IR/Constants.h"

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

void AddNeeds(const KernelNeeds& needs, Json& json) {
  json["workspace_bytes"] = needs.workspace_bytes;
  json["workspace_bytes_per_thread"] = needs.workspace_bytes_per_thread;
  json["parallel"] = needs.parallel;
}

Json LibrariesOf(const Program& lowered) {
  Json libraries = Json::array();
  for (const std::string& routine : RoutinesCalled(lowered)) {
    libraries.push_back(
        Json{{"routine", routine}, {"library", FindLibraryRoutine(routine)->library}});
  }
  return libraries;
}

// "prepare" of compiler/runtime/lathe_kernel.h.
Json PrepareOf(const Function& function, const Program& lowered) {
  if (!lowered.prepare) return nullptr;
  const PackedBlock block = PlanPackedBlock(lowered);
  Json reads = Json::array(), replaces = Json::array(), packed = Json::array();
  for (const Argument& argument : function.arguments) {
    if (block.sources.contains(argument.name)) reads.push_back(argument.name);
    if (block.replaced.contains(argument.name)) replaces.push_back(argument.name);
  }
  for (const Buffer& buffer : lowered.buffers) {
    if (buffer.access != Access::kPacked) continue;
    packed.push_back(Json{{"name", buffer.name},
                          {"type", std::string(Name(buffer.type))},
                          {"shape", buffer.shape},
                          {"bytes", buffer.NumElements() * ByteSize(buffer.type)}});
  }
  Json prepare{{"symbol", EmitOptions().prepare_symbol},
               {"reads", std::move(reads)},
               {"replaces", std::move(replaces)},
               {"packed", std::move(packed)}};
  AddNeeds(NeedsOf(lowered, lowered.prepare), prepare);
  return prepare;
}

}  // namespace

std::string KernelMetadata(const Function& function, const Target& target, const Program& lowered) {
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
  AddNeeds(NeedsOf(lowered, lowered.body), metadata);
  metadata["features"] = target.features;
  metadata["libraries"] = LibrariesOf(lowered);
  metadata["prepare"] = PrepareOf(function, lowered);
  return metadata.dump();
}

void AddMetadata(llvm::Module& module, const std::string& symbol, const std::string& text) {
  llvm::Constant* bytes = llvm::ConstantDataArray::getString(module.getContext(), text);
  new llvm::GlobalVariable(module, bytes->getType(), true, llvm::GlobalValue::ExternalLinkage,
                           bytes, symbol);
}

}  // namespace lathe
