// Calls of library routines as LLVM IR: the arguments of each name that
// compiler/intrinsic/library_routine.cc lists.
#include "compiler/base/check.h"
#include "compiler/codegen/entry.h"
#include "compiler/codegen/expr_emitter.h"
#include "compiler/loop/library_nest.h"
#include "compiler/runtime/lathe_kernel.h"

namespace lathe {
namespace {

using llvm::Value;

// The CBLAS standard (BLAS Technical Forum, 2001, appendix B.2.1).
constexpr int32_t kRowMajor = 101, kNoTrans = 111, kTrans = 112;

}  // namespace

void ExprEmitter::EmitLibraryCall(const Intrinsic& intrinsic, Value* runtime) {
  const LibraryCall call = *AsLibraryCall(intrinsic);
  CHECK_EQ(call.routine->name, "cblas_sgemm");
  llvm::Type* const pointer = b_.getPtrTy();
  llvm::Type* const i32 = b_.getInt32Ty();
  llvm::Type* const f32 = b_.getFloatTy();

  Value* resolve = LoadRuntimeField(b_, runtime, offsetof(lathe_runtime, library_routine), pointer);
  ReturnIf(b_, b_.CreateIsNull(resolve), LATHE_ELIBRARY);
  Value* name = b_.CreateGlobalString(call.routine->name, "routine");
  Value* routine = b_.CreateCall(llvm::FunctionType::get(pointer, {pointer, pointer}, false),
                                 resolve, {runtime, name});
  ReturnIf(b_, b_.CreateIsNull(routine), LATHE_ELIBRARY);

  auto matrix = [&](size_t operand) {
    const Intrinsic::Operand& o = intrinsic.operands[operand];
    return EmitAddress(o.buffer, {o.index}).pointer;
  };
  auto integer = [&](int64_t value) { return b_.getInt32(static_cast<int32_t>(value)); };
  const MatrixLayout a = *LayoutOf(intrinsic.operands[1], call.m, call.k);
  const MatrixLayout b = *LayoutOf(intrinsic.operands[2], call.k, call.n);
  Value* one = llvm::ConstantFP::get(f32, 1);
  // (order, transpose a, transpose b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
  auto* type = llvm::FunctionType::get(
      b_.getVoidTy(),
      {i32, i32, i32, i32, i32, i32, f32, pointer, i32, pointer, i32, f32, pointer, i32}, false);
  b_.CreateCall(type, routine,
                {integer(kRowMajor), integer(a.transposed ? kTrans : kNoTrans),
                 integer(b.transposed ? kTrans : kNoTrans), integer(call.m), integer(call.n),
                 integer(call.k), one, matrix(1), integer(a.leading), matrix(2), integer(b.leading),
                 one, matrix(0), integer(intrinsic.operands[0].strides[0])});
}

}  // namespace lathe
