#include "compiler/codegen/target_machine.h"

#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"

namespace lathe {
namespace {

// What differs between architectures, in LLVM's words.
struct ArchitectureNames {
  const char* triple;
  const char* baseline_cpu;  // implies nothing beyond the architecture's base
};

absl::StatusOr<ArchitectureNames> NamesOf(Architecture architecture) {
  if (architecture == Architecture::kX86_64) {
    return ArchitectureNames{"x86_64-unknown-linux-gnu", "x86-64"};
  }
  return absl::UnimplementedError("code generation supports the architecture x86_64 only");
}

void InitializeLlvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();  // lld reads module assembly through it
  });
}

std::string FeatureString(const Target& target) {
  std::string text;
  for (const std::string& feature : target.features) {
    absl::StrAppend(&text, text.empty() ? "+" : ",+", feature);
  }
  // LLVM 19 wants 512-bit registers asked for beside AVX-512 itself.
  if (target.Has("avx512f") && target.vector_bits >= 512 && !target.Has("evex512")) {
    absl::StrAppend(&text, ",+evex512");
  }
  return text;
}

absl::Status CheckNames(const Target& target, const llvm::TargetMachine& machine) {
  const llvm::MCSubtargetInfo& known = *machine.getMCSubtargetInfo();
  for (const std::string& feature : target.features) {
    bool found = llvm::any_of(known.getAllProcessorFeatures(),
                              [&](const auto& entry) { return feature == entry.Key; });
    if (!found) {
      return absl::InvalidArgumentError(
          absl::StrCat("the target names the feature '", feature, "', which LLVM does not know"));
    }
  }
  if (!target.tuning.empty() && !known.isCPUStringValid(target.tuning)) {
    return absl::InvalidArgumentError(absl::StrCat("the target names the tuning CPU '",
                                                   target.tuning, "', which LLVM does not know"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const Target& target) {
  InitializeLlvm();
  ASSIGN_OR_RETURN(ArchitectureNames names, NamesOf(target.architecture));
  std::string error;
  const llvm::Target* registered = llvm::TargetRegistry::lookupTarget(names.triple, error);
  if (registered == nullptr) return absl::InternalError(error);
  llvm::TargetOptions options;
  options.TrapUnreachable = true;
  auto make = [&](llvm::StringRef features) {
    return std::unique_ptr<llvm::TargetMachine>(registered->createTargetMachine(
        names.triple, names.baseline_cpu, features, options, llvm::Reloc::PIC_,
        llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  };
  // Names are checked first: LLVM itself only prints a warning.
  std::unique_ptr<llvm::TargetMachine> machine = make("");
  if (machine == nullptr) return absl::InternalError("LLVM made no target machine");
  RETURN_IF_ERROR(CheckNames(target, *machine));
  return make(FeatureString(target));
}

Target BaselineOf(const Target& target) {
  Target baseline;
  baseline.architecture = target.architecture;
  return baseline;
}

void ApplyTarget(const Target& target, const llvm::TargetMachine& machine, llvm::Module& module) {
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
  const std::string width = absl::StrCat(target.vector_bits);
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    if (!target.tuning.empty()) function.addFnAttr("tune-cpu", target.tuning);
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr("min-legal-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

}  // namespace lathe
