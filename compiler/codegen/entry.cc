#include "compiler/codegen/entry.h"

#include <vector>

#include "compiler/runtime/lathe_kernel.h"

namespace lathe {

using llvm::BasicBlock;
using llvm::Value;

void ReturnIf(llvm::IRBuilder<>& b, Value* condition, int32_t code) {
  llvm::Function* function = b.GetInsertBlock()->getParent();
  auto* leave = BasicBlock::Create(b.getContext(), "leave", function);
  auto* stay = BasicBlock::Create(b.getContext(), "stay", function);
  b.CreateCondBr(condition, leave, stay);
  b.SetInsertPoint(leave);
  b.CreateRet(b.getInt32(code));
  b.SetInsertPoint(stay);
}

Value* LoadRuntimeField(llvm::IRBuilder<>& b, Value* runtime, size_t offset, llvm::Type* type) {
  Value* address = b.CreateConstGEP1_64(b.getInt8Ty(), runtime, offset);
  return b.CreateLoad(type, address);
}

// The size of the first lathe_runtime, which any kernel without libraries can use.
constexpr size_t kRuntimeWithoutLibraries = offsetof(lathe_runtime, library_routine);

void EmitEntry(const Program& program, const WorkspaceLayout& layout, const EntryOptions& options,
               llvm::Function* body, llvm::IRBuilder<>& b) {
  llvm::Type* const pointer = b.getPtrTy();
  auto* type = llvm::FunctionType::get(b.getInt32Ty(), {pointer, pointer}, false);
  auto* entry = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, options.symbol,
                                       *body->getParent());
  if (options.hidden) entry->setVisibility(llvm::GlobalValue::HiddenVisibility);
  Value* args = entry->getArg(0);
  Value* runtime = entry->getArg(1);
  b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", entry));
  std::vector<Value*> tensors;
  Value* any_null = b.getFalse();
  for (const Buffer& buffer : program.buffers) {
    if (buffer.scope != Scope::kArgument) continue;
    Value* slot = b.CreateConstGEP1_64(pointer, args, tensors.size());
    tensors.push_back(b.CreateLoad(pointer, slot, buffer.name));
    if (options.may_be_null.contains(buffer.name)) continue;
    any_null = b.CreateOr(any_null, b.CreateIsNull(tensors.back()));
  }
  ReturnIf(b, any_null, LATHE_EARG);
  const bool wants_workspace = layout.shared_bytes + layout.thread_bytes > 0;
  Value* workspace = llvm::ConstantPointerNull::get(b.getPtrTy());
  const bool calls_library = !layout.routines.empty();
  if (wants_workspace || layout.parallel || calls_library) {
    const size_t needed = calls_library ? sizeof(lathe_runtime) : kRuntimeWithoutLibraries;
    Value* version =
        LoadRuntimeField(b, runtime, offsetof(lathe_runtime, abi_version), b.getInt32Ty());
    Value* size =
        LoadRuntimeField(b, runtime, offsetof(lathe_runtime, struct_size), b.getInt32Ty());
    ReturnIf(b,
             b.CreateOr(b.CreateICmpULT(version, b.getInt32(LATHE_ABI_VERSION)),
                        b.CreateICmpULT(size, b.getInt32(needed))),
             LATHE_EABI);
  }
  if (wants_workspace) {
    Value* threads =
        LoadRuntimeField(b, runtime, offsetof(lathe_runtime, num_threads), b.getInt32Ty());
    Value* bytes =
        b.CreateMul(b.CreateZExt(threads, b.getInt64Ty()), b.getInt64(layout.thread_bytes));
    bytes = b.CreateAdd(bytes, b.getInt64(layout.shared_bytes));
    auto* give = llvm::FunctionType::get(pointer, {pointer, b.getInt64Ty()}, false);
    workspace = b.CreateCall(
        give, LoadRuntimeField(b, runtime, offsetof(lathe_runtime, workspace), pointer),
        {runtime, bytes});
    ReturnIf(b, b.CreateIsNull(workspace), LATHE_ENOMEM);
  }
  std::vector<Value*> arguments;
  size_t tensor = 0;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.scope == Scope::kArgument) {
      arguments.push_back(tensors[tensor++]);
    } else if (auto it = layout.shared.find(buffer.name); it != layout.shared.end()) {
      arguments.push_back(b.CreateConstGEP1_64(b.getInt8Ty(), workspace, it->second));
    }
  }
  arguments.push_back(runtime);
  arguments.push_back(b.CreateConstGEP1_64(b.getInt8Ty(), workspace, layout.shared_bytes));
  b.CreateRet(b.CreateCall(body, arguments));
}

}  // namespace lathe
