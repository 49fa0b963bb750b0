#include "compiler/codegen/wrapper.h"

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/codegen/embedded_objects.h"
#include "compiler/codegen/emit.h"
#include "compiler/codegen/metadata.h"
#include "compiler/codegen/object.h"
#include "compiler/codegen/packed_block.h"
#include "compiler/codegen/target_machine.h"
#include "compiler/codegen/workspace_layout.h"
#include "compiler/codegen/wrapper_header.h"
#include "compiler/loop/library_nest.h"
#include "compiler/runtime/lathe_kernel.h"
#include "llvm/IR/IRBuilder.h"

namespace lathe {
namespace {

using llvm::Constant;

// The wrapper's module. It is compiled for the baseline of the architecture,
// because it runs before the features of the CPU are checked.
class WrapperEmitter {
 public:
  WrapperEmitter(const Function& function, const Program& lowered, const Target& target,
                 const WrapperOptions& options)
      : function_(function),
        lowered_(lowered),
        block_(PlanPackedBlock(lowered)),
        target_(target),
        options_(options),
        module_(function.name, context_),
        b_(context_),
        pointer_(b_.getPtrTy()) {}

  absl::StatusOr<std::string> Emit() {
    EmitFunctions(function_.name, CallParameters(function_, block_),
                  EmitDescriptor(kWrappedKernelSymbol, lowered_.body));
    if (!block_.empty()) {
      EmitPackedBytes();
      EmitFunctions(function_.name + "_prepare", PrepareParameters(function_, block_),
                    EmitDescriptor(kWrappedPrepareSymbol, lowered_.prepare));
    }
    AddMetadata(module_, function_.name + "_metadata", options_.metadata);
    const Target baseline = BaselineOf(target_);
    ASSIGN_OR_RETURN(std::unique_ptr<llvm::TargetMachine> machine, MakeTargetMachine(baseline));
    ApplyTarget(baseline, *machine, module_);
    RETURN_IF_ERROR(RunPasses(*machine, module_));
    return EmitObject(*machine, module_);
  }

 private:
  size_t num_tensors() const { return function_.arguments.size() + function_.outputs.size(); }

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

  // struct lathe_deployed of compiler/runtime/lathe_deployed.h, for one part.
  Constant* EmitDescriptor(const char* symbol, const Stmt& part) {
    std::vector<Constant*> names;
    for (const std::string& feature : target_.features) {
      names.push_back(Private(llvm::ConstantDataArray::getString(context_, feature), "feature"));
    }
    auto* array = llvm::ArrayType::get(pointer_, names.size());
    Constant* features = Private(llvm::ConstantArray::get(array, names), "features");
    auto* kernel =
        Hidden(llvm::FunctionType::get(b_.getInt32Ty(), {pointer_, pointer_}, false), symbol);
    const KernelNeeds needs = NeedsOf(lowered_, part);
    return Private(llvm::ConstantStruct::getAnon(
                       {kernel, features, b_.getInt32(names.size()), b_.getInt32(options_.threads),
                        b_.getInt32(needs.runtime()), b_.getInt32(needs.routines.size()),
                        EmitRoutines(needs.routines)}),
                   "deployed");
  }

  // Array of struct lathe_deployed_routine.
  Constant* EmitRoutines(const std::vector<std::string>& routines) {
    std::vector<Constant*> entries;
    auto* type = llvm::StructType::get(pointer_, pointer_, pointer_);
    auto text = [&](const std::string& value) {
      return Private(llvm::ConstantDataArray::getString(context_, value), "routine");
    };
    for (const std::string& name : routines) {
      entries.push_back(llvm::ConstantStruct::get(type, text(name),
                                                  text(FindLibraryRoutine(name)->library),
                                                  llvm::ConstantPointerNull::get(pointer_)));
    }
    auto* array = llvm::ArrayType::get(type, entries.size());
    llvm::GlobalVariable* table = Private(llvm::ConstantArray::get(array, entries), "routines");
    table->setConstant(false);
    return table;
  }

  // size_t NAME_packed_bytes(void)
  void EmitPackedBytes() {
    auto* function = llvm::Function::Create(llvm::FunctionType::get(b_.getInt64Ty(), {}, false),
                                            llvm::GlobalValue::ExternalLinkage,
                                            function_.name + "_packed_bytes", module_);
    b_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function));
    b_.CreateRet(b_.getInt64(block_.bytes));
  }

  void EmitFunctions(const std::string& name, const std::vector<int>& parameters,
                     Constant* descriptor) {
    EmitFunction(name, parameters, descriptor, /*takes_runtime=*/false);
    EmitFunction(name + "_ex", parameters, descriptor, /*takes_runtime=*/true);
  }

  // int32_t name(parameters...[, rt]): refuses null, then
  // lathe_deployed_call(descriptor, {arguments of the kernel ABI}, rt).
  void EmitFunction(const std::string& name, const std::vector<int>& parameters,
                    Constant* descriptor, bool takes_runtime) {
    std::vector<llvm::Type*> types(parameters.size() + takes_runtime, pointer_);
    auto* function = llvm::Function::Create(llvm::FunctionType::get(b_.getInt32Ty(), types, false),
                                            llvm::GlobalValue::ExternalLinkage, name, module_);
    b_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function));
    std::vector<llvm::Value*> arguments(num_tensors() + block_.offsets.size(),
                                        llvm::ConstantPointerNull::get(pointer_));
    llvm::Value* refused = b_.getFalse();
    for (size_t i = 0; i < parameters.size(); ++i) {
      llvm::Value* given = function->getArg(i);
      refused = b_.CreateOr(refused, b_.CreateIsNull(given));
      if (parameters[i] != kPackedParameter) {
        arguments[parameters[i]] = given;
        continue;
      }
      llvm::Value* below = b_.CreateAnd(b_.CreatePtrToInt(given, b_.getInt64Ty()),
                                        b_.getInt64(kBufferAlignment - 1));
      refused = b_.CreateOr(refused, b_.CreateIsNotNull(below));
      for (size_t p = 0; p < block_.offsets.size(); ++p) {
        arguments[num_tensors() + p] =
            b_.CreateConstGEP1_64(b_.getInt8Ty(), given, block_.offsets[p]);
      }
    }
    auto* refuse = llvm::BasicBlock::Create(context_, "refuse", function);
    auto* accept = llvm::BasicBlock::Create(context_, "accept", function);
    b_.CreateCondBr(refused, refuse, accept);
    b_.SetInsertPoint(refuse);
    b_.CreateRet(b_.getInt32(LATHE_EARG));
    b_.SetInsertPoint(accept);
    auto* array = llvm::ArrayType::get(pointer_, arguments.size());
    llvm::Value* args = b_.CreateAlloca(array);
    for (size_t i = 0; i < arguments.size(); ++i) {
      b_.CreateStore(arguments[i], b_.CreateConstGEP2_64(array, args, 0, i));
    }
    auto* type = llvm::FunctionType::get(b_.getInt32Ty(), {pointer_, pointer_, pointer_}, false);
    llvm::Function* call = module_.getFunction("lathe_deployed_call");
    if (call == nullptr) call = Hidden(type, "lathe_deployed_call");
    llvm::Value* runtime = takes_runtime
                               ? static_cast<llvm::Value*>(function->getArg(parameters.size()))
                               : llvm::ConstantPointerNull::get(pointer_);
    b_.CreateRet(b_.CreateCall(call, {descriptor, args, runtime}));
  }

  const Function& function_;
  const Program& lowered_;
  const PackedBlock block_;
  const Target& target_;
  const WrapperOptions& options_;
  llvm::LLVMContext context_;
  llvm::Module module_;
  llvm::IRBuilder<> b_;
  llvm::PointerType* const pointer_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> WrapperObjects(const Function& function,
                                                        const Program& lowered,
                                                        const Target& target,
                                                        const WrapperOptions& options) {
  RETURN_IF_ERROR(CheckWrapperName(function.name));
  ASSIGN_OR_RETURN(std::string wrapper, WrapperEmitter(function, lowered, target, options).Emit());
  std::vector<std::string> objects = EmbeddedObjects();
  objects.push_back(std::move(wrapper));
  return objects;
}

}  // namespace lathe
