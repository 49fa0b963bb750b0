// Memory accesses of ExprEmitter: whole vectors, masks, gathers.
#include <algorithm>

#include "compiler/base/check.h"
#include "compiler/codegen/expr_emitter.h"

namespace lathe {

using llvm::Value;

// Outer loops first, so that partial sums do not change in inner loops.
Value* ExprEmitter::EmitOffset(const Subscript& subscript) {
  auto depth = [&](const Expr& term) {
    const auto* var = term.As<Var>();
    if (var == nullptr) return scope_.loops.size();
    auto it = std::find(scope_.loops.begin(), scope_.loops.end(), var->name);
    return static_cast<size_t>(it - scope_.loops.begin());
  };
  auto terms = subscript.terms;
  std::stable_sort(terms.begin(), terms.end(),
                   [&](const auto& x, const auto& y) { return depth(x.first) < depth(y.first); });
  Value* sum = nullptr;
  for (const auto& [term, coefficient] : terms) {
    Value* value = b_.CreateIntCast(Emit(term), b_.getInt64Ty(), true);
    if (coefficient != 1) value = b_.CreateNSWMul(value, b_.getInt64(coefficient));
    sum = sum == nullptr ? value : b_.CreateNSWAdd(sum, value);
  }
  return sum == nullptr ? b_.getInt64(0) : sum;
}

ExprEmitter::Address ExprEmitter::EmitAddress(const std::string& buffer,
                                              const std::vector<Expr>& indices) {
  const Buffer* declared = program_.FindBuffer(buffer);
  CHECK(declared != nullptr) << "buffer " << buffer << " is not declared";
  CHECK(indices.size() <= 1) << "buffers of lowered programs are one-dimensional: " << buffer;
  auto base = scope_.buffers.find(buffer);
  CHECK(base != scope_.buffers.end()) << "buffer " << buffer << " is not allocated here";
  Address address;
  address.element = ElementType(b_.getContext(), *declared);
  address.align = llvm::Align(ByteSize(declared->type));
  address.registers = declared->scope == Scope::kRegister;
  address.base = address.pointer = base->second;
  if (indices.empty()) return address;
  address.lanes = indices[0].type().lanes;
  if (auto subscript = AnalyzeSubscript(indices[0])) {
    // The constant part last: it becomes a displacement.
    if (!subscript->terms.empty()) {
      address.pointer = b_.CreateGEP(address.element, address.pointer, EmitOffset(*subscript));
    }
    if (subscript->constant != 0) {
      address.pointer =
          b_.CreateGEP(address.element, address.pointer, b_.getInt64(subscript->constant));
    }
    address.stride = subscript->stride;
  } else {
    address.pointers = b_.CreateGEP(address.element, address.pointer, Emit(indices[0]));
  }
  return address;
}

Value* ExprEmitter::LanePointers(const Address& address) {
  if (address.pointers != nullptr) return address.pointers;
  std::vector<llvm::Constant*> offsets(address.lanes);
  for (int l = 0; l < address.lanes; ++l) offsets[l] = b_.getInt64(l * address.stride);
  return b_.CreateGEP(address.element, address.pointer, llvm::ConstantVector::get(offsets));
}

Value* ExprEmitter::Load(const Address& address) {
  if (address.lanes == 1) {
    return b_.CreateAlignedLoad(address.element, address.pointer, address.align);
  }
  auto* vector = llvm::FixedVectorType::get(address.element, address.lanes);
  if (address.pointers == nullptr && address.stride == 1) {
    return b_.CreateAlignedLoad(vector, address.pointer, address.align);
  }
  if (address.pointers == nullptr && address.stride == 0) {
    return Splat(b_.CreateAlignedLoad(address.element, address.pointer, address.align),
                 address.lanes);
  }
  Value* pointers = LanePointers(address);
  if (target_.Has("avx2") && !address.registers) {
    return b_.CreateMaskedGather(vector, pointers, address.align);
  }
  Value* result = llvm::PoisonValue::get(vector);
  for (int l = 0; l < address.lanes; ++l) {
    Value* pointer = b_.CreateExtractElement(pointers, l);
    Value* element = b_.CreateAlignedLoad(address.element, pointer, address.align);
    result = b_.CreateInsertElement(result, element, l);
  }
  return result;
}

// AVX masks elements of 32 and 64 bits, AVX-512BW the narrower ones too.
bool ExprEmitter::MasksAreScalar(const Address& address) const {
  const bool narrow = address.element->getPrimitiveSizeInBits() < 32;
  return narrow ? !target_.Has("avx512bw") || !target_.Has("avx512vl") : !target_.Has("avx");
}

// A mask is partial in the last vector of a row and nowhere else.
Value* ExprEmitter::UnlessPartial(Value* mask, absl::FunctionRef<Value*()> whole,
                                  absl::FunctionRef<Value*()> part) {
  llvm::Function* function = b_.GetInsertBlock()->getParent();
  auto* whole_block = llvm::BasicBlock::Create(b_.getContext(), "whole", function);
  auto* part_block = llvm::BasicBlock::Create(b_.getContext(), "part", function);
  auto* end = llvm::BasicBlock::Create(b_.getContext(), "either", function);
  b_.CreateCondBr(b_.CreateAndReduce(mask), whole_block, part_block);
  b_.SetInsertPoint(whole_block);
  Value* of_whole = whole();
  b_.CreateBr(end);
  b_.SetInsertPoint(part_block);
  Value* of_part = part();
  b_.CreateBr(end);
  b_.SetInsertPoint(end);
  if (of_whole->getType()->isVoidTy()) return nullptr;
  llvm::PHINode* either = b_.CreatePHI(of_whole->getType(), 2);
  either->addIncoming(of_whole, whole_block);
  either->addIncoming(of_part, part_block);
  return either;
}

Value* ExprEmitter::LoadMasked(const Address& address, Value* mask, Value* otherwise) {
  if (auto* known = llvm::dyn_cast<llvm::Constant>(mask)) {
    if (known->isAllOnesValue()) return Load(address);
    if (known->isNullValue()) return otherwise;
  }
  // SSA values cannot be masked; what lies outside is undefined, not a fault.
  if (address.registers) return b_.CreateSelect(mask, Load(address), otherwise);
  if (address.lanes == 1) {
    // The first element of the buffer exists: reading it spares a branch.
    Value* pointer = b_.CreateSelect(mask, address.pointer, address.base);
    Value* loaded = b_.CreateAlignedLoad(address.element, pointer, address.align);
    return b_.CreateSelect(mask, loaded, otherwise);
  }
  auto* vector = llvm::FixedVectorType::get(address.element, address.lanes);
  if (address.pointers == nullptr && address.stride == 1) {
    auto masked = [&] {
      return b_.CreateMaskedLoad(vector, address.pointer, address.align, mask, otherwise);
    };
    if (!MasksAreScalar(address)) return masked();
    return UnlessPartial(
        mask, [&] { return Load(address); }, masked);
  }
  return b_.CreateMaskedGather(vector, LanePointers(address), address.align, mask, otherwise);
}

void ExprEmitter::StoreTo(const Address& address, Value* value) {
  if (address.lanes == 1 || (address.pointers == nullptr && address.stride == 1)) {
    b_.CreateAlignedStore(value, address.pointer, address.align);
    return;
  }
  Value* pointers = LanePointers(address);
  if (target_.Has("avx512f") && !address.registers) {
    b_.CreateMaskedScatter(value, pointers, address.align);
    return;
  }
  for (int l = 0; l < address.lanes; ++l) {
    b_.CreateAlignedStore(b_.CreateExtractElement(value, l), b_.CreateExtractElement(pointers, l),
                          address.align);
  }
}

void ExprEmitter::StoreMasked(const Address& address, Value* value, Value* mask) {
  if (auto* known = llvm::dyn_cast<llvm::Constant>(mask)) {
    if (known->isAllOnesValue()) return StoreTo(address, value);
    if (known->isNullValue()) return;
  }
  if (address.registers) return StoreTo(address, b_.CreateSelect(mask, value, Load(address)));
  if (address.pointers == nullptr && address.stride == 1) {
    auto masked = [&]() -> Value* {
      return b_.CreateMaskedStore(value, address.pointer, address.align, mask);
    };
    auto whole = [&]() -> Value* {
      return b_.CreateAlignedStore(value, address.pointer, address.align);
    };
    if (MasksAreScalar(address)) {
      UnlessPartial(mask, whole, masked);
    } else {
      masked();
    }
  } else {
    b_.CreateMaskedScatter(value, LanePointers(address), address.align, mask);
  }
}

Value* ExprEmitter::EmitRead(const Read& e) {
  Address address = EmitAddress(e.buffer, e.indices);
  const int lanes = e.type.lanes;
  if (address.lanes == 1 && lanes > 1) {  // one element for all lanes
    address.lanes = lanes;
    address.stride = 0;
  }
  Value* loaded;
  if (e.predicate) {
    Value* mask = Emit(e.predicate);
    if (!mask->getType()->isVectorTy()) mask = Splat(mask, lanes);
    loaded = LoadMasked(address, mask, ToMemory(e.type.scalar, address, Emit(e.otherwise)));
  } else {
    loaded = Load(address);
  }
  if (e.type.scalar == ScalarType::kBool) {
    return b_.CreateICmpNE(loaded, llvm::Constant::getNullValue(loaded->getType()));
  }
  const bool encoded = IsHalf(e.type.scalar) && address.element->isIntegerTy();
  return encoded ? half_.Decode(e.type.scalar, loaded) : loaded;
}

Value* ExprEmitter::ToMemory(ScalarType type, const Address& address, Value* value) {
  if (!address.element->isIntegerTy()) return value;
  if (IsHalf(type)) return half_.Encode(type, value);
  // bool alone is wider in memory.
  return b_.CreateZExt(value, value->getType()->getWithNewType(address.element));
}

void ExprEmitter::EmitPrefetch(const Prefetch& prefetch) {
  Address address = EmitAddress(prefetch.buffer, prefetch.indices);
  constexpr int kRead = 0, kAllCaches = 3, kData = 1;
  b_.CreateIntrinsic(
      llvm::Intrinsic::prefetch, {address.pointer->getType()},
      {address.pointer, b_.getInt32(kRead), b_.getInt32(kAllCaches), b_.getInt32(kData)});
}

void ExprEmitter::EmitStore(const Store& store) {
  Value* value = Emit(store.value);
  Address address = EmitAddress(store.buffer, store.indices);
  value = ToMemory(store.value.type().scalar, address, value);
  if (store.value.type().lanes == 1) value = Splat(value, address.lanes);
  CHECK_EQ(std::max(store.value.type().lanes, address.lanes), address.lanes);
  if (store.predicate && store.predicate.type().lanes > 1) {
    StoreMasked(address, value, Emit(store.predicate));
  } else {
    StoreTo(address, value);
  }
}

}  // namespace lathe
