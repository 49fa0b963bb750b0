#include "compiler/codegen/emit.h"

#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"
#include "compiler/codegen/entry.h"
#include "compiler/codegen/expr_emitter.h"
#include "compiler/codegen/outline.h"
#include "compiler/codegen/packed_block.h"
#include "compiler/codegen/workspace_layout.h"
#include "compiler/loop/buffer_uses.h"
#include "compiler/loop/library_nest.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/runtime/lathe_kernel.h"
#include "llvm/IR/Constants.h"

namespace lathe {
namespace {

using llvm::BasicBlock;
using llvm::Value;

// Registers are allocated in memory first; a masked vector access may reach
// this many elements past the end.
constexpr int64_t kRegisterSlack = 64;

class SupportChecker : public StmtVisitor {
 public:
  absl::Status status;

 protected:
  void VisitFor(const For& node) override {
    if (node.marks.kind == LoopKind::kVectorize || node.marks.kind == LoopKind::kUnroll) {
      status = absl::InternalError(
          absl::StrCat("loop ", node.var, " kept its mark: the program is not lowered"));
    }
    StmtVisitor::VisitFor(node);
  }
};

// One LLVM function in the making: the kernel's body, that of a parallel loop, or
// an outlined loop.
struct FunctionContext {
  const Program* program = nullptr;  // what names mean: an outlined loop has its own
  llvm::Function* function = nullptr;
  Value* runtime = nullptr;      // const lathe_runtime*; in the kernel's body only
  Value* thread_area = nullptr;  // of all threads, or of this thread in a parallel loop
  EmitScope scope;
  ExprEmitter* expressions = nullptr;
};

llvm::Constant* ElementConstant(ScalarType type, double value, llvm::Type* element) {
  if (IsHalf(type)) return llvm::ConstantInt::get(element, HalfBits(type, value));
  if (IsFloat(type)) return llvm::ConstantFP::get(element, value);
  return llvm::ConstantInt::get(element, static_cast<uint64_t>(static_cast<int64_t>(value)), true);
}

class KernelEmitter {
 public:
  KernelEmitter(const Program& program, const Target& target, llvm::LLVMContext& context,
                const EmitOptions& options)
      : program_(program),
        target_(target),
        options_(options),
        module_(std::make_unique<llvm::Module>(program.name, context)),
        b_(context),
        pointer_(b_.getPtrTy()) {}

  std::unique_ptr<llvm::Module> Emit();

 private:
  static bool IsTensor(const Buffer& buffer) { return buffer.scope == Scope::kArgument; }

  void EmitTables();
  void EmitPart(const Stmt& part, const std::string& name, const EntryOptions& entry);
  llvm::Function* EmitBody(const Stmt& part, const std::string& name);

  void EmitStmt(const Stmt& s);
  void EmitLoop(const For& loop);
  void EmitParallel(const For& loop);
  void EmitOutlined(const For& loop);
  // void name(buffers noalias..., thread area if `has_area`, variables...)
  llvm::Function* EmitFunction(const std::string& name, const Program& program,
                               const std::vector<std::string>& buffers, bool has_area,
                               const std::vector<std::string>& variables, const Stmt& body);
  void EmitStore(const Store& store);
  void EmitBranch(Value* condition, const std::function<void()>& then);
  void EmitAllocate(const Allocate& allocate);
  Value* InThreadArea(const std::string& buffer);
  Value* StackSlot(llvm::Type* type, llvm::Align align, const std::string& name);

  const Program& program_;
  const Target& target_;
  const EmitOptions& options_;
  std::unique_ptr<llvm::Module> module_;
  llvm::IRBuilder<> b_;
  llvm::Type* const pointer_;
  absl::flat_hash_map<std::string, Value*> tables_;
  WorkspaceLayout layout_;  // of the part that is emitted
  FunctionContext* here_ = nullptr;
  int tasks_ = 0;
  absl::flat_hash_map<std::string, llvm::Function*> outlined_;  // by text of the program
};

std::unique_ptr<llvm::Module> KernelEmitter::Emit() {
  EmitTables();
  const PackedBlock packed = PlanPackedBlock(program_);
  EmitPart(program_.body, "body", {options_.symbol, options_.hidden, packed.replaced});
  if (program_.prepare) {
    absl::flat_hash_set<std::string> untouched;
    for (const Buffer& buffer : program_.buffers) {
      bool touched = buffer.access == Access::kPacked || packed.sources.contains(buffer.name);
      if (!touched) untouched.insert(buffer.name);
    }
    EmitPart(program_.prepare, "prepare",
             {options_.prepare_symbol, options_.hidden, std::move(untouched)});
  }
  return std::move(module_);
}

void KernelEmitter::EmitPart(const Stmt& part, const std::string& name, const EntryOptions& entry) {
  layout_ = PlanWorkspace(program_, part);
  EmitEntry(program_, layout_, entry, EmitBody(part, name), b_);
}

void KernelEmitter::EmitTables() {
  for (const Buffer& buffer : program_.buffers) {
    if (buffer.scope != Scope::kTable) continue;
    llvm::Type* element = ElementType(b_.getContext(), buffer);
    std::vector<llvm::Constant*> values;
    for (double value : buffer.values)
      values.push_back(ElementConstant(buffer.type, value, element));
    auto* type = llvm::ArrayType::get(element, values.size());
    auto* table = new llvm::GlobalVariable(*module_, type, true, llvm::GlobalValue::PrivateLinkage,
                                           llvm::ConstantArray::get(type, values),
                                           absl::StrCat("table.", buffer.name));
    table->setAlignment(llvm::Align(kBufferAlignment));
    tables_[buffer.name] = table;
  }
}

// int32_t body(tensors..., shared workspace buffers..., runtime, thread area)
llvm::Function* KernelEmitter::EmitBody(const Stmt& part, const std::string& name) {
  std::vector<std::string> names;
  for (const Buffer& buffer : program_.buffers) {
    if (IsTensor(buffer) || layout_.shared.contains(buffer.name)) names.push_back(buffer.name);
  }
  std::vector<llvm::Type*> types(names.size() + 2, pointer_);
  auto* type = llvm::FunctionType::get(b_.getInt32Ty(), types, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, *module_);
  function->addFnAttr(llvm::Attribute::NoInline);
  FunctionContext context;
  context.program = &program_;
  context.function = function;
  context.scope.buffers = tables_;
  for (size_t i = 0; i < names.size(); ++i) {
    function->getArg(i)->setName(names[i]);
    function->addParamAttr(i, llvm::Attribute::NoAlias);
    context.scope.buffers[names[i]] = function->getArg(i);
  }
  context.runtime = function->getArg(names.size());
  context.thread_area = function->getArg(names.size() + 1);
  b_.SetInsertPoint(BasicBlock::Create(b_.getContext(), "entry", function));
  ExprEmitter expressions(b_, target_, program_, context.scope);
  context.expressions = &expressions;
  here_ = &context;
  EmitStmt(part);
  b_.CreateRet(b_.getInt32(LATHE_OK));
  here_ = nullptr;
  return function;
}

void KernelEmitter::EmitStmt(const Stmt& s) {
  switch (s.kind()) {
    case StmtKind::kFor: {
      const For& loop = *s.As<For>();
      // Inside a parallel loop there is no runtime: inner ones run in order.
      const bool parallel = loop.marks.kind == LoopKind::kParallel && here_->runtime != nullptr;
      if (parallel) return EmitParallel(loop);
      return loop.marks.outline ? EmitOutlined(loop) : EmitLoop(loop);
    }
    case StmtKind::kSequence:
      for (const Stmt& part : s.As<Sequence>()->stmts) EmitStmt(part);
      return;
    case StmtKind::kStore:
      return EmitStore(*s.As<Store>());
    case StmtKind::kIf: {
      here_->expressions->Forget();
      Value* condition = here_->expressions->Emit(s.As<If>()->condition);
      return EmitBranch(condition, [&] { EmitStmt(s.As<If>()->then); });
    }
    case StmtKind::kAllocate:
      return EmitAllocate(*s.As<Allocate>());
    case StmtKind::kPrefetch:
      here_->expressions->Forget();
      return here_->expressions->EmitPrefetch(*s.As<Prefetch>());
    case StmtKind::kIntrinsic:
      here_->expressions->Forget();
      if (AsLibraryCall(*s.As<Intrinsic>())) {
        // Lowering leaves none inside of parallel loops, where there is no runtime.
        CHECK(here_->runtime != nullptr) << s.As<Intrinsic>()->name;
        return here_->expressions->EmitLibraryCall(*s.As<Intrinsic>(), here_->runtime);
      }
      return here_->expressions->EmitIntrinsic(*s.As<Intrinsic>());
  }
}

// Counted and tested at the bottom: extents are positive.
void KernelEmitter::EmitLoop(const For& loop) {
  EmitScope& scope = here_->scope;
  if (loop.extent == 1) {
    scope.variables[loop.var] = b_.getInt64(0);
    scope.loops.push_back(loop.var);
    EmitStmt(loop.body);
    scope.loops.pop_back();
    return;
  }
  BasicBlock* before = b_.GetInsertBlock();
  auto* body = BasicBlock::Create(b_.getContext(), loop.var, here_->function);
  b_.CreateBr(body);
  b_.SetInsertPoint(body);
  llvm::PHINode* index = b_.CreatePHI(b_.getInt64Ty(), 2, loop.var);
  index->addIncoming(b_.getInt64(0), before);
  scope.variables[loop.var] = index;
  scope.loops.push_back(loop.var);
  EmitStmt(loop.body);
  scope.loops.pop_back();
  Value* next = b_.CreateAdd(index, b_.getInt64(1), "", true, true);
  index->addIncoming(next, b_.GetInsertBlock());
  auto* after = BasicBlock::Create(b_.getContext(), loop.var + ".end", here_->function);
  b_.CreateCondBr(b_.CreateICmpNE(next, b_.getInt64(loop.extent)), body, after);
  b_.SetInsertPoint(after);
}

void KernelEmitter::EmitBranch(Value* condition, const std::function<void()>& then) {
  auto* yes = BasicBlock::Create(b_.getContext(), "then", here_->function);
  auto* end = BasicBlock::Create(b_.getContext(), "endif", here_->function);
  b_.CreateCondBr(condition, yes, end);
  b_.SetInsertPoint(yes);
  then();
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
}

void KernelEmitter::EmitStore(const Store& store) {
  ExprEmitter& expressions = *here_->expressions;
  expressions.Forget();
  if (!store.predicate || store.predicate.type().lanes > 1) {
    expressions.EmitStore(store);
    return;
  }
  Value* condition = expressions.Emit(store.predicate);
  expressions.Forget();
  EmitBranch(condition, [&] { expressions.EmitStore(store); });
}

// All stack slots lie in the entry block, where SROA finds them.
Value* KernelEmitter::StackSlot(llvm::Type* type, llvm::Align align, const std::string& name) {
  BasicBlock& entry = here_->function->getEntryBlock();
  llvm::IRBuilder<> at_entry(&entry, entry.begin());
  llvm::AllocaInst* slot = at_entry.CreateAlloca(type, nullptr, name);
  slot->setAlignment(align);
  return slot;
}

Value* KernelEmitter::InThreadArea(const std::string& buffer) {
  return b_.CreateConstGEP1_64(b_.getInt8Ty(), here_->thread_area, layout_.thread.at(buffer),
                               buffer);
}

void KernelEmitter::EmitAllocate(const Allocate& allocate) {
  const Buffer& buffer = *here_->program->FindBuffer(allocate.buffer);
  // Those that all threads share are arguments.
  if (Value*& place = here_->scope.buffers[buffer.name]; layout_.thread.contains(buffer.name)) {
    place = InThreadArea(buffer.name);
  } else if (!layout_.shared.contains(buffer.name)) {
    llvm::Type* element = ElementType(b_.getContext(), buffer);
    const int64_t slack = buffer.scope == Scope::kRegister ? kRegisterSlack : 0;
    place = StackSlot(llvm::ArrayType::get(element, buffer.NumElements() + slack),
                      llvm::Align(kBufferAlignment), buffer.name);
  }
  EmitStmt(allocate.body);
}

// The loop's body becomes a function of its own, over everything in scope:
//   task(closure, iteration, thread): unpacks, then calls
//   task.body(buffers noalias..., thread area, variables..., iteration)
void KernelEmitter::EmitParallel(const For& loop) {
  FunctionContext& outer = *here_;
  llvm::LLVMContext& context = b_.getContext();
  std::vector<std::string> buffers;  // in declaration order: bytes must not vary
  const absl::flat_hash_set<std::string> used = BuffersUsed(loop.body);
  for (const Buffer& buffer : program_.buffers) {
    if (used.contains(buffer.name) && outer.scope.buffers.contains(buffer.name) &&
        !tables_.contains(buffer.name)) {
      buffers.push_back(buffer.name);
    }
  }
  std::vector<std::string> loops = outer.scope.loops;
  const size_t num_pointers = buffers.size() + 1;
  std::vector<llvm::Type*> fields(num_pointers, pointer_);
  fields.insert(fields.end(), loops.size(), b_.getInt64Ty());
  llvm::StructType* closure_type = llvm::StructType::get(context, fields);

  // The caller's side.
  Value* closure = StackSlot(closure_type, llvm::Align(8), "closure");
  for (size_t i = 0; i < fields.size(); ++i) {
    Value* value = i < buffers.size() ? outer.scope.buffers[buffers[i]]
                   : i < num_pointers ? outer.thread_area
                                      : outer.scope.variables[loops[i - num_pointers]];
    b_.CreateStore(value, b_.CreateStructGEP(closure_type, closure, i));
  }
  auto* task_type =
      llvm::FunctionType::get(b_.getInt32Ty(), {pointer_, b_.getInt64Ty(), b_.getInt32Ty()}, false);
  const std::string name = absl::StrCat("task", tasks_++);
  auto* task =
      llvm::Function::Create(task_type, llvm::GlobalValue::InternalLinkage, name, *module_);
  auto* for_type = llvm::FunctionType::get(b_.getInt32Ty(),
                                           {pointer_, b_.getInt64Ty(), pointer_, pointer_}, false);
  Value* parallel_for =
      LoadRuntimeField(b_, outer.runtime, offsetof(lathe_runtime, parallel_for), pointer_);
  Value* result = b_.CreateCall(for_type, parallel_for,
                                {outer.runtime, b_.getInt64(loop.extent), task, closure});
  auto* failed = BasicBlock::Create(context, "failed", outer.function);
  auto* done = BasicBlock::Create(context, "done", outer.function);
  b_.CreateCondBr(b_.CreateIsNotNull(result), failed, done);
  b_.SetInsertPoint(failed);
  b_.CreateRet(result);

  // The task: unpack the closure.
  loops.push_back(loop.var);
  llvm::Function* body =
      EmitFunction(name + ".body", program_, buffers, /*has_area=*/true, loops, loop.body);
  b_.SetInsertPoint(BasicBlock::Create(context, "entry", task));
  std::vector<Value*> arguments;
  for (size_t i = 0; i < fields.size(); ++i) {
    arguments.push_back(
        b_.CreateLoad(fields[i], b_.CreateStructGEP(closure_type, task->getArg(0), i)));
  }
  Value* thread = b_.CreateZExt(task->getArg(2), b_.getInt64Ty());
  Value*& area = arguments[num_pointers - 1];
  area =
      b_.CreateGEP(b_.getInt8Ty(), area, b_.CreateMul(thread, b_.getInt64(layout_.thread_bytes)));
  arguments.push_back(task->getArg(1));
  b_.CreateCall(body, arguments);
  b_.CreateRet(b_.getInt32(LATHE_OK));
  b_.SetInsertPoint(done);
}

// The loop becomes a call of a function that all equal ones share.
void KernelEmitter::EmitOutlined(const For& loop) {
  const OutlinedLoop outlined = OutlineLoop(*here_->program, layout_, loop);
  ExprEmitter& expressions = *here_->expressions;
  std::vector<std::string> buffers, variables;
  std::vector<Value*> arguments;
  for (const auto& [inside, outside] : outlined.buffers) {
    auto known = here_->scope.buffers.find(outside);
    buffers.push_back(inside);
    arguments.push_back(known != here_->scope.buffers.end() ? known->second
                                                            : InThreadArea(outside));
  }
  expressions.Forget();
  for (const auto& [inside, value] : outlined.variables) {
    variables.push_back(inside);
    arguments.push_back(expressions.Emit(value));
  }
  expressions.Forget();  // these expressions end here
  const std::string key = ToText(outlined.program);
  llvm::Function* function = outlined_[key];
  if (function == nullptr) {
    function = EmitFunction(absl::StrCat("outlined", outlined_.size() - 1), outlined.program,
                            buffers, /*has_area=*/false, variables, outlined.program.body);
    outlined_[key] = function;
  }
  b_.CreateCall(function, arguments);
}

llvm::Function* KernelEmitter::EmitFunction(const std::string& name, const Program& program,
                                            const std::vector<std::string>& buffers, bool has_area,
                                            const std::vector<std::string>& variables,
                                            const Stmt& body) {
  const size_t num_pointers = buffers.size() + has_area;
  std::vector<llvm::Type*> types(num_pointers, pointer_);
  types.insert(types.end(), variables.size(), b_.getInt64Ty());
  auto* function = llvm::Function::Create(llvm::FunctionType::get(b_.getVoidTy(), types, false),
                                          llvm::GlobalValue::InternalLinkage, name, *module_);
  function->addFnAttr(llvm::Attribute::NoInline);
  FunctionContext inner;
  inner.program = &program;
  inner.function = function;
  inner.scope.buffers = tables_;
  for (size_t i = 0; i < num_pointers; ++i) function->addParamAttr(i, llvm::Attribute::NoAlias);
  for (size_t i = 0; i < buffers.size(); ++i) {
    function->getArg(i)->setName(buffers[i]);
    inner.scope.buffers[buffers[i]] = function->getArg(i);
  }
  if (has_area) inner.thread_area = function->getArg(buffers.size());
  for (size_t i = 0; i < variables.size(); ++i) {
    inner.scope.variables[variables[i]] = function->getArg(num_pointers + i);
  }
  inner.scope.loops = variables;
  llvm::IRBuilder<>::InsertPointGuard guard(b_);
  b_.SetInsertPoint(BasicBlock::Create(b_.getContext(), "entry", function));
  ExprEmitter expressions(b_, target_, program, inner.scope);
  inner.expressions = &expressions;
  FunctionContext* outer = std::exchange(here_, &inner);
  EmitStmt(body);
  b_.CreateRetVoid();
  here_ = outer;
  return function;
}

}  // namespace

absl::Status CheckSupported(const Program& lowered) {
  if (!lowered.lowered) return absl::InternalError("code generation needs a lowered program");
  for (const Buffer& buffer : lowered.buffers) {
    if (buffer.scope == Scope::kTile) {
      return absl::UnimplementedError(absl::StrCat(
          "buffer '", buffer.name,
          "' lies in the scope 'tile', which code generation does not support; supported are "
          "workspace, stack and register"));
    }
  }
  SupportChecker checker;
  checker.Visit(lowered.body);
  if (lowered.prepare) checker.Visit(lowered.prepare);
  return checker.status;
}

KernelNeeds NeedsOf(const Program& lowered, const Stmt& part) {
  const WorkspaceLayout layout = PlanWorkspace(lowered, part);
  return {layout.shared_bytes, layout.thread_bytes, layout.parallel, layout.routines};
}

absl::StatusOr<std::unique_ptr<llvm::Module>> EmitKernel(const Program& lowered,
                                                         const Target& target,
                                                         llvm::LLVMContext& context,
                                                         const EmitOptions& options) {
  RETURN_IF_ERROR(CheckSupported(lowered));
  RETURN_IF_ERROR(CheckIntrinsics(lowered, target));
  return KernelEmitter(lowered, target, context, options).Emit();
}

}  // namespace lathe
