#include "compiler/space/contraction.h"

#include <algorithm>

#include "compiler/space/register_tile.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

bool ReadsBuffer(const StageNest& nest, const std::string& buffer) {
  return std::any_of(nest.reads.begin(), nest.reads.end(),
                     [&](const ReadStride& read) { return read.read->buffer == buffer; });
}

bool SameRead(const Read& a, const Read& b) {
  if (a.buffer != b.buffer) return false;
  for (size_t d = 0; d < a.indices.size(); ++d) {
    if (!StructurallyEqual(a.indices[d], b.indices[d])) return false;
  }
  return true;
}

bool IsConst(const SpaceContext& context, const std::string& buffer) {
  const Argument* argument = context.function.FindArgument(buffer);
  return argument != nullptr && argument->is_const;
}

// Whether `nest` is the only reader of the buffer.
bool IsOnlyReader(const SpaceContext& context, size_t nest, const std::string& buffer) {
  for (size_t n = 0; n < context.nests.size(); ++n) {
    if (n != nest && ReadsBuffer(context.nests[n], buffer)) return false;
  }
  return true;
}

ContractionOperand OperandOf(const SpaceContext& context, size_t nest, const Read& read) {
  ContractionOperand operand;
  const Buffer& buffer = *context.naive.FindBuffer(read.buffer);
  operand.buffer = buffer.name;
  operand.number = context.BufferNumber(buffer.name);
  operand.element_bytes = ByteSize(buffer.type);
  operand.shape = buffer.shape;
  for (const Expr& index : read.indices) operand.subscripts.push_back(*AsAffine(index));
  if (read.predicate) {
    for (const std::string& var : FreeVars(read.predicate)) operand.guards.push_back(var);
    std::sort(operand.guards.begin(), operand.guards.end());
  }
  operand.is_const = IsConst(context, buffer.name);
  operand.owned = !read.predicate && buffer.scope != Scope::kTable &&
                  !context.function.IsOutput(buffer.name) &&
                  IsOnlyReader(context, nest, buffer.name);
  return operand;
}

// Elementwise, read by nests up to `nest` alone, each of which is one too.
bool IsProducer(const SpaceContext& context, size_t producer, size_t nest) {
  const StageNest& p = context.nests[producer];
  if (!p.stage->reduction.empty() || p.loops.empty() || p.store->predicate ||
      context.function.IsOutput(p.stage->name)) {
    return false;
  }
  bool read = false;
  for (size_t n = 0; n < context.nests.size(); ++n) {
    if (!ReadsBuffer(context.nests[n], p.store->buffer)) continue;
    if (n > nest) return false;
    read = true;
  }
  return read;
}

FusedProducer ProducerOf(const SpaceContext& context, const StageNest& nest) {
  FusedProducer producer;
  producer.number = context.BufferNumber(nest.store->buffer);
  producer.stage = nest.stage->name;
  producer.buffer = nest.store->buffer;
  const For& inner = *nest.loops.back();
  bool contiguous = nest.output.affine && nest.output.StrideOf(inner.var) == 1;
  for (const ReadStride& read : nest.reads) {
    int64_t stride = read.StrideOf(inner.var);
    contiguous = contiguous && read.affine && (stride == 0 || stride == 1);
  }
  if (contiguous) producer.inner_loop = inner.var;
  producer.inner_extent = inner.extent;
  if (nest.loops.size() > 1) producer.outer_loop = nest.loops.front()->var;
  for (const For* loop : nest.loops) producer.elements *= static_cast<double>(loop->extent);
  producer.element_bytes = ByteSize(nest.store->value.type().scalar);
  producer.operations = CountOperations(nest);
  return producer;
}

}  // namespace

int64_t ContractionOperand::StrideOf(const std::string& loop) const {
  int64_t stride = 1, result = 0;
  for (size_t d = shape.size(); d-- > 0;) {
    for (const auto& [var, coefficient] : subscripts[d].terms) {
      if (var == loop) result += coefficient * stride;
    }
    stride *= shape[d];
  }
  return result;
}

bool ContractionOperand::DependsOn(const std::string& loop) const {
  return std::any_of(subscripts.begin(), subscripts.end(), [&](const Affine& subscript) {
    return std::any_of(subscript.terms.begin(), subscript.terms.end(),
                       [&](const auto& term) { return term.first == loop; });
  });
}

int ContractionOperand::DimensionOf(const std::string& loop) const {
  int dimension = -1;
  for (size_t d = 0; d < subscripts.size(); ++d) {
    for (const auto& [var, coefficient] : subscripts[d].terms) {
      if (var != loop) continue;
      bool bare =
          subscripts[d].terms.size() == 1 && coefficient == 1 && subscripts[d].constant == 0;
      if (!bare || dimension >= 0) return -1;
      dimension = static_cast<int>(d);
    }
  }
  return dimension;
}

const AxisLoop* Contraction::FindSpatial(const std::string& var) const {
  for (const AxisLoop& loop : spatial) {
    if (loop.var == var) return &loop;
  }
  return nullptr;
}

std::optional<Contraction> MatchContraction(const SpaceContext& context, size_t first,
                                            size_t* nest) {
  size_t at = first;
  while (at < context.nests.size() && context.nests[at].stage->reduction.empty()) ++at;
  if (at == context.nests.size()) return std::nullopt;
  for (size_t p = first; p < at; ++p) {
    if (!IsProducer(context, p, at)) return std::nullopt;
  }
  const StageNest& n = context.nests[at];
  if (!n.output.affine || n.store->predicate) return std::nullopt;
  Contraction result;
  for (size_t p = first; p < at; ++p)
    result.producers.push_back(ProducerOf(context, context.nests[p]));
  result.stage = n.stage->name;
  result.buffer = n.store->buffer;
  result.number = context.BufferNumber(n.store->buffer);
  result.element_bytes = ByteSize(n.store->value.type().scalar);
  for (size_t l = 0; l < n.loops.size(); ++l) {
    (l < n.stage->spatial.size() ? result.spatial : result.reduction)
        .push_back({n.loops[l]->var, n.loops[l]->extent});
  }
  if (result.spatial.empty()) return std::nullopt;
  std::vector<const Read*> distinct;
  int terms = 0;
  for (const ReadStride& read : n.reads) {
    if (!read.affine) return std::nullopt;
    if (std::any_of(distinct.begin(), distinct.end(),
                    [&](const Read* other) { return SameRead(*other, *read.read); })) {
      continue;
    }
    distinct.push_back(read.read);
    result.operands.push_back(OperandOf(context, at, *read.read));
    terms += std::any_of(
        result.reduction.begin(), result.reduction.end(),
        [&](const AxisLoop& loop) { return result.operands.back().DependsOn(loop.var); });
  }
  if (terms < 2) return std::nullopt;
  // Two subscripts of one buffer: a copy would serve one of them.
  for (ContractionOperand& operand : result.operands) {
    auto same = [&](const ContractionOperand& other) { return other.buffer == operand.buffer; };
    if (std::count_if(result.operands.begin(), result.operands.end(), same) > 1) {
      operand.owned = false;
    }
  }
  result.output = n.output;
  result.operations = CountOperations(n);
  result.keep_result = true;
  *nest = at;
  return result;
}

std::vector<size_t> FuseConsumers(const SpaceContext& context, size_t first, size_t nest,
                                  const std::string& lane_loop, Contraction& contraction) {
  const std::vector<StageNest>& nests = context.nests;
  std::vector<size_t> fused = FusableConsumers(nests, nest, lane_loop);
  std::vector<size_t> within{nest};
  contraction.consumers.clear();
  for (size_t c : fused) {
    FusedConsumer consumer;
    consumer.stage = nests[c].stage->name;
    consumer.in_register = !context.IsReadElsewhere(c, fused);
    for (const AxisLoop& loop : contraction.spatial) {
      std::string along;
      for (size_t w = 0; w < within.size() && along.empty(); ++w) {
        const std::string& own =
            w == 0 ? loop.var : contraction.consumers[w - 1].loops[consumer.loops.size()];
        along = LoopAlong(nests[c], nests[within[w]], own);
      }
      consumer.loops.push_back(along);
    }
    consumer.number = context.BufferNumber(nests[c].store->buffer);
    consumer.element_bytes = ByteSize(nests[c].store->value.type().scalar);
    for (const ReadStride& read : nests[c].reads) {
      bool inside = std::any_of(within.begin(), within.end(), [&](size_t w) {
        return nests[w].store->buffer == read.read->buffer;
      });
      if (inside) continue;
      consumer.reads.push_back({nullptr, read.affine, read.strides});
      consumer.read_numbers.push_back(context.BufferNumber(read.read->buffer));
    }
    consumer.output = nests[c].output;
    consumer.operations = CountOperations(nests[c]);
    contraction.consumers.push_back(std::move(consumer));
    within.push_back(c);
  }
  contraction.keep_result = fused.empty() || context.IsReadElsewhere(nest, fused);
  std::vector<size_t> covered;
  for (size_t n = first; n <= nest; ++n) covered.push_back(n);
  covered.insert(covered.end(), fused.begin(), fused.end());
  return covered;
}

}  // namespace lathe
