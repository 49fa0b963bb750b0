// Hardware primitives as LLVM IR: the instructions of each name that
// compiler/intrinsic lists.
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/codegen/emit.h"
#include "compiler/codegen/expr_emitter.h"
#include "compiler/intrinsic/intrinsic.h"
#include "compiler/loop/library_nest.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

using llvm::Value;

class FeatureChecker : public StmtVisitor {
 public:
  explicit FeatureChecker(const Target& target) : target_(target) {}
  absl::Status status;

 protected:
  void VisitIntrinsic(const Intrinsic& node) override {
    if (AsLibraryCall(node)) return;
    const HardwareIntrinsic* intrinsic = FindIntrinsic(node.name);
    CHECK(intrinsic != nullptr) << node.name;
    if (target_.Has(intrinsic->feature)) return;
    status = absl::UnimplementedError(
        absl::StrCat("intrinsic ", node.name, " needs the feature ", intrinsic->feature,
                     ", which the target lacks; use a trace without it"));
  }

 private:
  const Target& target_;
};

constexpr int kBlock = 4;  // f32 elements in 128 bits, within which unpacking works

// Lanes of a two-operand shuffle that gives, of each 128-bit block of both, the
// elements `pattern`: 0..3 of the first, 4..7 of the second.
std::vector<int> WithinBlocks(int size, const int (&pattern)[kBlock]) {
  std::vector<int> lanes;
  for (int block = 0; block < size; block += kBlock) {
    for (int p : pattern) lanes.push_back(p < kBlock ? block + p : size + block + p - kBlock);
  }
  return lanes;
}

// The even or the odd 128-bit blocks of the first operand, then of the second.
std::vector<int> EveryOtherBlock(int size, int first) {
  std::vector<int> lanes;
  for (int block = first; block < 2 * size / kBlock; block += 2) {
    for (int l = 0; l < kBlock; ++l) lanes.push_back(block * kBlock + l);
  }
  return lanes;
}

}  // namespace

// Rows become columns within blocks of 4x4 by unpacking pairs of rows and then
// pairs of pairs; the blocks, transposed as wholes, by merging the even and the
// odd ones of two vectors, as often as it halves their number.
void ExprEmitter::EmitTranspose(const Intrinsic& intrinsic, int size) {
  auto* row_type = llvm::FixedVectorType::get(b_.getFloatTy(), size);
  auto rows_of = [&](const Intrinsic::Operand& operand) {
    Address first = EmitAddress(operand.buffer, {operand.index});
    std::vector<Value*> rows = {first.pointer};
    for (int r = 1; r < size; ++r) {
      rows.push_back(
          b_.CreateGEP(first.element, first.pointer, b_.getInt64(r * operand.strides[0])));
    }
    return rows;
  };
  const llvm::Align align(sizeof(float));
  std::vector<Value*> v;
  for (Value* row : rows_of(intrinsic.operands[1])) {
    v.push_back(b_.CreateAlignedLoad(row_type, row, align));
  }
  // Replaces v[i] and v[i + distance] by two shuffles of them.
  auto combine = [&](int i, int distance, const std::vector<int>& low,
                     const std::vector<int>& high) {
    Value *a = v[i], *b = v[i + distance];
    v[i] = b_.CreateShuffleVector(a, b, low);
    v[i + distance] = b_.CreateShuffleVector(a, b, high);
  };
  for (int i = 0; i < size; i += 2) {
    combine(i, 1, WithinBlocks(size, {0, 4, 1, 5}), WithinBlocks(size, {2, 6, 3, 7}));
  }
  for (int i = 0; i < size; i += 4) {
    for (int half : {0, 1}) {
      combine(i + half, 2, WithinBlocks(size, {0, 1, 4, 5}), WithinBlocks(size, {2, 3, 6, 7}));
    }
  }
  // v[4*g + place[c]] holds, in block k, column 4*k + c of rows 4*g .. 4*g + 3.
  constexpr int place[kBlock] = {0, 2, 1, 3};
  for (int distance = kBlock; distance < size; distance *= 2) {
    for (int i = 0; i < size; ++i) {
      if ((i & distance) != 0) continue;
      combine(i, distance, EveryOtherBlock(size, 0), EveryOtherBlock(size, 1));
    }
  }
  // Merging took the lowest bit of a block's number first, and put it into the
  // lowest of the bits that say which vector: their order is the same.
  std::vector<Value*> out = rows_of(intrinsic.operands[0]);
  for (int column = 0; column < size; ++column) {
    Value* value = v[column / kBlock * kBlock + place[column % kBlock]];
    b_.CreateAlignedStore(value, out[column], align);
  }
}

void ExprEmitter::EmitIntrinsic(const Intrinsic& intrinsic) {
  if (intrinsic.name == "transpose_16x16_f32") return EmitTranspose(intrinsic, 16);
  if (intrinsic.name == "transpose_8x8_f32") return EmitTranspose(intrinsic, 8);
  CHECK(false) << "there is no code for intrinsic " << intrinsic.name;
}

absl::Status CheckIntrinsics(const Program& lowered, const Target& target) {
  FeatureChecker checker(target);
  checker.Visit(lowered.body);
  if (lowered.prepare) checker.Visit(lowered.prepare);
  return checker.status;
}

}  // namespace lathe
