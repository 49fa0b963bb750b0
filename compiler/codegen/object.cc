#include "compiler/codegen/object.h"

#include "absl/strings/str_cat.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe {
namespace {

absl::StatusOr<std::string> Generate(llvm::TargetMachine& machine, llvm::Module& module,
                                     llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type, /*DisableVerify=*/true)) {
    return absl::InternalError("LLVM cannot write this kind of file for the target");
  }
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

absl::Status RunPasses(llvm::TargetMachine& machine, llvm::Module& module) {
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(module, &stream)) {
    return absl::InternalError(absl::StrCat("malformed LLVM module: ", stream.str()));
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager call_graph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(call_graph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, call_graph, modules);
  llvm::ModulePassManager passes;
  if (llvm::Error error =
          builder.parsePassPipeline(passes, "function(sroa,early-cse,simplifycfg)")) {
    return absl::InternalError(llvm::toString(std::move(error)));
  }
  passes.run(module, modules);
  return absl::OkStatus();
}

std::string ToLlvmText(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return stream.str();
}

absl::StatusOr<std::string> EmitObject(llvm::TargetMachine& machine, llvm::Module& module) {
  return Generate(machine, module, llvm::CodeGenFileType::ObjectFile);
}

absl::StatusOr<std::string> EmitAssembly(llvm::TargetMachine& machine, llvm::Module& module) {
  return Generate(machine, module, llvm::CodeGenFileType::AssemblyFile);
}

}  // namespace lathe
