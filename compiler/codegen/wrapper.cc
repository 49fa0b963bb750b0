#include "compiler/codegen/wrapper.h"

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/codegen/embedded_objects.h"
#include "compiler/codegen/metadata.h"
#include "compiler/codegen/object.h"
#include "compiler/codegen/target_machine.h"
#include "compiler/codegen/wrapper_header.h"
#include "llvm/IR/IRBuilder.h"

namespace lathe {
namespace {

using llvm::Constant;

// The wrapper's module. It is compiled for the baseline of the architecture,
// because it runs before the features of the CPU are checked.
class WrapperEmitter {
 public:
  WrapperEmitter(const Function& function, const Target& target, const WrapperOptions& options)
      : function_(function),
        target_(target),
        options_(options),
        module_(function.name, context_),
        b_(context_),
        pointer_(b_.getPtrTy()) {}

  absl::StatusOr<std::string> Emit() {
    Constant* descriptor = EmitDescriptor();
    EmitFunction(function_.name, descriptor, /*takes_runtime=*/false);
    EmitFunction(function_.name + "_ex", descriptor, /*takes_runtime=*/true);
    AddMetadata(module_, function_.name + "_metadata", options_.metadata);
    const Target baseline = BaselineOf(target_);
    ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeTargetMachine(baseline));
    ApplyTarget(baseline, *machine, module_);
    RETURN_IF_ERROR(RunPasses(*machine, module_));
    return EmitObject(*machine, module_);
  }

 private:
  size_t num_args() const { return function_.arguments.size() + function_.outputs.size(); }

  llvm::GlobalVariable* Private(Constant* value, const std::string& name) {
    return new llvm::GlobalVariable(module_, value->getType(), true,
                                    llvm::GlobalValue::PrivateLinkage, value, name);
  }

  llvm::Function* Hidden(llvm::FunctionType* type, const char* name) {
    auto* function =
        llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module_);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return function;
  }

  // struct lathe_deployed of compiler/runtime/lathe_deployed.h.
  Constant* EmitDescriptor() {
    std::vector<Constant*> names;
    for (const std::string& feature : target_.features) {
      names.push_back(Private(llvm::ConstantDataArray::getString(context_, feature), "feature"));
    }
    auto* array = llvm::ArrayType::get(pointer_, names.size());
    Constant* features = Private(llvm::ConstantArray::get(array, names), "features");
    auto* kernel = Hidden(llvm::FunctionType::get(b_.getInt32Ty(), {pointer_, pointer_}, false),
                          kWrappedKernelSymbol);
    return Private(llvm::ConstantStruct::getAnon(
                       {kernel, features, b_.getInt32(names.size()), b_.getInt32(options_.threads),
                        b_.getInt32(options_.needs_runtime), b_.getInt32(num_args())}),
                   "deployed");
  }

  // int32_t name(args...[, rt]): lathe_deployed_call(descriptor, {args...}, rt)
  void EmitFunction(const std::string& name, Constant* descriptor, bool takes_runtime) {
    std::vector<llvm::Type*> parameters(num_args() + takes_runtime, pointer_);
    auto* function =
        llvm::Function::Create(llvm::FunctionType::get(b_.getInt32Ty(), parameters, false),
                               llvm::GlobalValue::ExternalLinkage, name, module_);
    b_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function));
    auto* array = llvm::ArrayType::get(pointer_, num_args());
    llvm::Value* args = b_.CreateAlloca(array);
    for (size_t i = 0; i < num_args(); ++i) {
      b_.CreateStore(function->getArg(i), b_.CreateConstGEP2_64(array, args, 0, i));
    }
    auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {pointer_, pointer_, pointer_}, false);
    llvm::Function* call = module_.getFunction("lathe_deployed_call");
    if (call == nullptr) call = Hidden(type, "lathe_deployed_call");
    llvm::Value* runtime = takes_runtime ? static_cast<llvm::Value*>(function->getArg(num_args()))
                                         : llvm::ConstantPointerNull::get(b_.getPtrTy());
    b_.CreateRet(b_.CreateCall(call, {descriptor, args, runtime}));
  }

  const Function& function_;
  const Target& target_;
  const WrapperOptions& options_;
  llvm::LLVMContext context_;
  llvm::Module module_;
  llvm::IRBuilder<> b_;
  llvm::PointerType* const pointer_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> WrapperObjects(const Function& function,
                                                        const Target& target,
                                                        const WrapperOptions& options) {
  RETURN_IF_ERROR(CheckWrapperName(function.name));
  ASSIGN_OR_RETURN(std::string wrapper, WrapperEmitter(function, target, options).Emit());
  std::vector<std::string> objects = EmbeddedObjects();
  objects.push_back(std::move(wrapper));
  return objects;
}

}  // namespace lathe
