#include "compiler/space/nest_numbers.h"

#include <algorithm>
#include <utility>

#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

// The widest type that a value is computed with; subscripts do not count.
class WidestType : public ExprVisitor {
 public:
  int bytes = 1;

 protected:
  void VisitUnary(const Unary& node) override {
    See(node);
    ExprVisitor::VisitUnary(node);
  }
  void VisitBinary(const Binary& node) override {
    See(node);
    ExprVisitor::VisitBinary(node);
  }
  void VisitSelect(const Select& node) override {
    See(node);
    ExprVisitor::VisitSelect(node);
  }
  void VisitCast(const Cast& node) override {
    See(node);
    ExprVisitor::VisitCast(node);
  }
  void VisitRead(const Read& node) override { See(node); }

 private:
  void See(const ExprNode& node) { bytes = std::max(bytes, ByteSize(node.type.scalar)); }
};

}  // namespace

NestNumbers NumbersOf(const SpaceContext& context, const StageNest& nest) {
  NestNumbers numbers;
  numbers.num_spatial = nest.stage->spatial.size();
  for (const For* loop : nest.loops) numbers.extents.push_back(loop->extent);
  auto add = [&](const ReadStride& access, const std::string& buffer, bool write) {
    NestNumbers::Access entry;
    entry.buffer = context.BufferNumber(buffer);
    entry.write = write;
    const Buffer* target = context.naive.FindBuffer(buffer);
    entry.element_bytes = ByteSize(target->type);
    for (const For* loop : nest.loops) {
      // Of a subscript with quotients nothing is known: as if it moved by one.
      entry.strides.push_back(access.affine ? access.StrideOf(loop->var) : 1);
    }
    numbers.accesses.push_back(std::move(entry));
  };
  for (const ReadStride& read : nest.reads) add(read, read.read->buffer, false);
  add(nest.output, nest.store->buffer, true);
  WidestType widest;
  widest.Visit(nest.store->value);
  numbers.element_bytes = std::max(widest.bytes, ByteSize(nest.store->value.type().scalar));
  numbers.operations = CountOperations(nest);
  return numbers;
}

NestModel ModelOf(const NestNumbers& nest, std::span<const TileLoop> loops) {
  NestModel model;
  size_t kept = loops.size();  // loops around the first that reduces
  model.loops.reserve(loops.size());
  for (size_t l = 0; l < loops.size(); ++l) {
    bool reduces = loops[l].loop >= static_cast<int>(nest.num_spatial);
    if (reduces) kept = std::min(kept, l);
    model.loops.push_back({loops[l].trips, loops[l].kind, reduces});
  }
  for (const NestNumbers::Access& access : nest.accesses) {
    ModelAccess entry;
    entry.buffer = access.buffer;
    entry.element_bytes = access.element_bytes;
    entry.write = access.write;
    for (size_t l = 0; l < (access.write ? kept : loops.size()); ++l) {
      int loop = loops[l].loop;
      entry.strides.push_back(loop < 0 ? 0 : access.strides[loop] * loops[l].step);
    }
    model.accesses.push_back(std::move(entry));
  }
  model.multiply_adds = nest.operations.multiply_adds;
  model.arithmetic = nest.operations.arithmetic;
  model.divisions = nest.operations.divisions;
  model.elementary = nest.operations.elementary;
  model.element_bytes = nest.element_bytes;
  return model;
}

double Blocks(int64_t extent, int64_t block) {
  return std::max(1.0, static_cast<double>(extent) / static_cast<double>(block));
}

}  // namespace lathe
