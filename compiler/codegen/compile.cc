#include "compiler/codegen/compile.h"

#include "compiler/base/status_macros.h"
#include "compiler/codegen/link.h"
#include "compiler/codegen/metadata.h"
#include "compiler/codegen/object.h"
#include "compiler/codegen/target_machine.h"

namespace lathe {

absl::StatusOr<std::string> CompileKernel(const Program& lowered, const Target& target,
                                          CodeForm form, const CompileOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeTargetMachine(target));
  llvm::LLVMContext context;
  ASSIGN_OR_RETURN(std::unique_ptr<llvm::Module> module,
                   EmitKernel(lowered, target, context, options.emit));
  if (!options.metadata.empty()) AddMetadata(*module, "lathe_kernel_metadata", options.metadata);
  ApplyTarget(target, *machine, *module);
  RETURN_IF_ERROR(RunPasses(*machine, *module));
  switch (form) {
    case CodeForm::kLlvmIr:
      return ToLlvmText(*module);
    case CodeForm::kAssembly:
      return EmitAssembly(*machine, *module);
    case CodeForm::kObject:
      return EmitObject(*machine, *module);
  }
  return absl::InternalError("no such form of code");
}

absl::StatusOr<std::string> CompileArtifact(const Program& lowered, const Target& target,
                                            const std::string& metadata) {
  CompileOptions options;
  options.metadata = metadata;
  ASSIGN_OR_RETURN(std::string object, CompileKernel(lowered, target, CodeForm::kObject, options));
  return Link(LinkKind::kArtifact, {object});
}

}  // namespace lathe
