// pack: a copy of a buffer in a layout of blocks, which its readers read.
//
//   for i in 8 { for j in 20 { c[i, j] = b[i, j] * 2 } }
// P = pack(b, 1, 16) ->
//   for P.d1o in 2 { for P.d0 in 8 { for P.d1i in 16 {
//     P[P.d1o, P.d0, P.d1i] = (b[P.d0, P.d1o * 16 + P.d1i] if P.d1o * 16 + P.d1i < 20 else 0) } } }
//   for i in 8 { for j in 20 { c[i, j] = P[j // 16, i, j % 16] * 2 } }
//
// Each pair (dimension D, block F) makes an outer axis dDo, in front and in the
// order given, and an inner axis dDi, at the end; the other dimensions stay
// between, as axes dD. A block of 1 has no inner axis, so that pack(b, 1, 1)
// transposes; no pair at all makes a plain copy. The last block is padded with
// zeros. Legal when each dimension is named once, and the buffer is complete at
// the root before the first nest that reads it.

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/simplify.h"
#include "compiler/schedule/copy_stage.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

constexpr int64_t kMaxBlock = 4096;

// One axis of the layout: index // divisor % modulus of a dimension (modulus 0:
// no remainder is taken).
struct LayoutAxis {
  size_t dimension = 0;
  int64_t divisor = 1, modulus = 0;
  Axis axis;
};

std::vector<LayoutAxis> LayoutOf(const Buffer& buffer, absl::Span<const PackBlock> blocks) {
  std::vector<LayoutAxis> layout, inner;
  std::vector<bool> blocked(buffer.shape.size());
  for (const PackBlock& block : blocks) {
    auto d = static_cast<size_t>(block.dimension);
    blocked[d] = true;
    int64_t outer = (buffer.shape[d] + block.size - 1) / block.size;
    layout.push_back({d, block.size, 0, {absl::StrCat("d", d, "o"), outer}});
    if (block.size > 1) {
      inner.push_back({d, 1, block.size, {absl::StrCat("d", d, "i"), block.size}});
    }
  }
  for (size_t d = 0; d < buffer.shape.size(); ++d) {
    if (!blocked[d]) layout.push_back({d, 1, 0, {absl::StrCat("d", d), buffer.shape[d]}});
  }
  layout.insert(layout.end(), inner.begin(), inner.end());
  return layout;
}

}  // namespace

absl::StatusOr<Program> Pack(const Program& program, std::string_view buffer_name,
                             absl::Span<const PackBlock> blocks, std::string_view name) {
  std::string action = absl::StrCat("pack buffer ", ToAbsl(buffer_name));
  ASSIGN_OR_RETURN(const Buffer* buffer, schedule::FindBuffer(program, action, buffer_name));
  const auto rank = static_cast<int64_t>(buffer->shape.size());
  std::vector<bool> named(buffer->shape.size());
  for (const PackBlock& block : blocks) {
    if (block.dimension < 0 || block.dimension >= rank) {
      return schedule::Refuse(
          action, absl::StrCat("it has no dimension ", block.dimension, ", only 0..", rank - 1));
    }
    if (block.size < 1 || block.size > kMaxBlock) {
      return schedule::Refuse(action,
                              absl::StrCat("the block ", block.size, " is not in 1..", kMaxBlock));
    }
    if (named[static_cast<size_t>(block.dimension)]) {
      return schedule::Refuse(action, absl::StrCat("dimension ", block.dimension, " comes twice"));
    }
    named[static_cast<size_t>(block.dimension)] = true;
  }
  const std::vector<LayoutAxis> layout = LayoutOf(*buffer, blocks);
  schedule::CopyStage copy(*buffer, std::string(name));
  std::vector<Expr> source(buffer->shape.size());
  for (const LayoutAxis& axis : layout) {
    Expr part = copy.AddAxis(axis.axis);
    if (axis.divisor > 1) part = std::move(part) * axis.divisor;
    Expr& index = source[axis.dimension];
    index = index ? std::move(index) + std::move(part) : std::move(part);
  }
  copy.SetSource(source, MakeConst(0, Type{buffer->type}));
  return copy.Insert(program, action, [&](const Read& read, const Bounds& bounds) {
    std::vector<Expr> indices;
    for (const LayoutAxis& axis : layout) {
      Expr index = read.indices[axis.dimension];
      if (axis.divisor > 1) index = MakeBinary(BinaryOp::kFloorDiv, index, MakeInt(axis.divisor));
      if (axis.modulus > 0) index = MakeBinary(BinaryOp::kMod, index, MakeInt(axis.modulus));
      indices.push_back(Simplify(index, bounds));
    }
    return MakeRead(read.type, copy.name(), std::move(indices), read.predicate, read.otherwise);
  });
}

}  // namespace lathe
