// Expressions and memory accesses of a lowered program as LLVM IR.
#ifndef LATHE_COMPILER_CODEGEN_EXPR_EMITTER_H_
#define LATHE_COMPILER_CODEGEN_EXPR_EMITTER_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "compiler/codegen/half_types.h"
#include "compiler/codegen/subscript.h"
#include "compiler/codegen/vector_math.h"
#include "compiler/loop/program.h"
#include "compiler/target/target.h"
#include "llvm/IR/IRBuilder.h"

namespace lathe {

// What names mean inside one LLVM function.
struct EmitScope {
  absl::flat_hash_map<std::string, llvm::Value*> variables;  // i64
  std::vector<std::string> loops;                            // variables, outermost first
  absl::flat_hash_map<std::string, llvm::Value*> buffers;    // first element
};

// The type of a value, and of an element in memory (bool: i1 and i8; f16 and
// bf16: float and i16).
llvm::Type* ValueType(llvm::LLVMContext& context, Type type);
llvm::Type* MemoryType(llvm::LLVMContext& context, Type type);
// Of one element of `buffer`: registers hold f16 and bf16 as values do.
llvm::Type* ElementType(llvm::LLVMContext& context, const Buffer& buffer);

// Emits at the builder's insertion point.
class ExprEmitter {
 public:
  ExprEmitter(llvm::IRBuilder<>& builder, const Target& target, const Program& program,
              const EmitScope& scope);

  llvm::Value* Emit(const Expr& e);
  // buffer[index] = value, in the lanes where a vector predicate holds. The
  // caller branches on scalar predicates.
  void EmitStore(const Store& store);
  // Asks for the line that holds the element, to read.
  void EmitPrefetch(const Prefetch& prefetch);
  // A hardware primitive that the target has (intrinsics.cc).
  void EmitIntrinsic(const Intrinsic& intrinsic);
  // A call of a library's routine, which the runtime knows, or leaves the function
  // with LATHE_ELIBRARY (library_call.cc).
  void EmitLibraryCall(const Intrinsic& intrinsic, llvm::Value* runtime);
  // Values emitted so far are not reused from here on (memory or place changed).
  void Forget() { emitted_.clear(); }

 private:
  // An access: `lanes` elements of `element` at `pointer` + lane * stride, or,
  // where `pointers` is set, at those.
  struct Address {
    llvm::Type* element = nullptr;
    llvm::Value* base = nullptr;  // the buffer's first element
    llvm::Value* pointer = nullptr;
    int64_t stride = 1;
    int lanes = 1;
    llvm::Value* pointers = nullptr;
    llvm::Align align;
    bool registers = false;  // SSA values to be: only whole, unmasked accesses
  };

  llvm::Value* EmitNode(const Expr& e);
  llvm::Value* EmitUnary(const Unary& e);
  llvm::Value* EmitFunction(UnaryOp op, llvm::Value* a);  // those that round
  llvm::Value* EmitBinary(const Binary& e);
  // Neither comparison nor division of integers.
  llvm::Value* EmitArithmetic(BinaryOp op, ScalarType type, llvm::Value* a, llvm::Value* b);
  llvm::Value* EmitContracted(const Binary& e);  // null when e is no multiply-add
  llvm::Value* EmitComparison(const Binary& e);
  llvm::Value* EmitLaneBound(const Binary& e);  // null when e is not ramp < bound
  llvm::Value* EmitFloorDivMod(const Binary& e);
  llvm::Value* EmitCast(const Cast& e);
  llvm::Value* EmitRead(const Read& e);
  llvm::Value* EmitRamp(const Ramp& e);
  // What float arithmetic gave, as a value of the type.
  llvm::Value* Rounded(ScalarType type, llvm::Value* value);
  llvm::Value* EmitLaneReduce(const LaneReduce& e);

  Address EmitAddress(const std::string& buffer, const std::vector<Expr>& indices);
  llvm::Value* EmitOffset(const Subscript& subscript);
  // A value of the type as elements of the address.
  llvm::Value* ToMemory(ScalarType type, const Address& address, llvm::Value* value);
  llvm::Value* Load(const Address& address);
  llvm::Value* LoadMasked(const Address& address, llvm::Value* mask, llvm::Value* otherwise);
  void StoreTo(const Address& address, llvm::Value* value);
  void StoreMasked(const Address& address, llvm::Value* value, llvm::Value* mask);
  // Whether masked accesses to dense elements are scalar code on the target.
  bool MasksAreScalar(const Address& address) const;
  // The value of `whole` where all lanes of `mask` hold, else that of `part`.
  llvm::Value* UnlessPartial(llvm::Value* mask, absl::FunctionRef<llvm::Value*()> whole,
                             absl::FunctionRef<llvm::Value*()> part);
  llvm::Value* LanePointers(const Address& address);
  llvm::Value* Splat(llvm::Value* scalar, int lanes);
  void EmitTranspose(const Intrinsic& intrinsic, int size);

  llvm::IRBuilder<>& b_;
  const Target& target_;
  const Program& program_;
  const EmitScope& scope_;
  VectorMath math_;
  HalfTypes half_;
  absl::flat_hash_map<const ExprNode*, llvm::Value*> emitted_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_EXPR_EMITTER_H_
