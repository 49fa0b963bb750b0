// What the loops of a tiled contraction do, in numbers.
#include <algorithm>
#include <cmath>

#include "compiler/space/tiled_contraction.h"

namespace lathe {
namespace {

constexpr int kCopyNumbers = 1 << 16;  // numbers of copies: those of their sources, and this

}  // namespace

// Elements of `axis` that the loops inside of the outermost `depth` run through.
int64_t TiledContractionPlan::RangeInside(const Nest& nest, size_t depth,
                                          const std::string& axis) const {
  int64_t range = 0;
  for (size_t l = 0; l < depth; ++l) {
    const PlannedLoop& loop = nest.plan.loops[l];
    if (loop.axis == axis) range = loop.step;
  }
  if (range > 0) return range;
  for (const auto* loops : {&c_.spatial, &c_.reduction}) {
    for (const AxisLoop& loop : *loops) {
      if (loop.var == axis) return loop.extent;
    }
  }
  return 1;
}

// Strides of a packed operand: blocks of lanes outermost, lanes innermost.
int64_t TiledContractionPlan::PackedStride(const ContractionOperand& operand, int64_t columns,
                                           const PlannedLoop& loop) const {
  int lane_dimension = operand.DimensionOf(lane_loop_);
  int64_t stride = columns, result = 0;
  for (size_t d = operand.shape.size(); d-- > 0;) {
    if (static_cast<int>(d) == lane_dimension) continue;
    for (const auto& [var, coefficient] : operand.subscripts[d].terms) {
      if (var == loop.axis) result += coefficient * stride * loop.step;
    }
    stride *= operand.shape[d];
  }
  if (loop.axis != lane_loop_) return result;
  return loop.step >= columns ? loop.step / columns * stride : loop.step;
}

// Returns how many loops the last copy shares with the contraction.
size_t TiledContractionPlan::ModelCopies(std::span<const int64_t> v, const Nest& nest,
                                         ScheduleModel& model) const {
  const int64_t columns = v[kVectors] * lanes_;
  size_t depth_before = 0;  // of the copy before
  auto add = [&](const ContractionOperand& operand, size_t depth, int lane_dimension) {
    NestModel copy;
    copy.element_bytes = operand.element_bytes;
    std::vector<int64_t> source, target;
    for (size_t l = 0; l < depth; ++l) {
      const PlannedLoop& loop = nest.plan.loops[l];
      copy.loops.push_back({loop.trips, loop.kind, false});
      source.push_back(operand.StrideOf(loop.axis) * loop.step);
      target.push_back(0);
    }
    // Ranges of the dimensions, and the strides of both layouts.
    size_t rank = operand.shape.size();
    std::vector<int64_t> ranges(rank, 1), strides(rank, 1), copied(rank, 1);
    for (size_t d = 0; d < rank; ++d) {
      for (const auto& [var, coefficient] : operand.subscripts[d].terms) {
        ranges[d] += std::abs(coefficient) * (RangeInside(nest, depth, var) - 1);
      }
    }
    for (size_t d = rank; d-- > 0;) {
      strides[d] = d + 1 == rank ? 1 : strides[d + 1] * operand.shape[d + 1];
    }
    int64_t size = lane_dimension < 0 ? 1 : columns;
    for (size_t d = rank; d-- > 0;) {
      if (static_cast<int>(d) == lane_dimension) continue;
      copied[d] = size;
      size *= ranges[d];
    }
    size_t inner = lane_dimension < 0 ? rank - 1 : static_cast<size_t>(lane_dimension);
    if (lane_dimension >= 0) {
      double blocks = static_cast<double>((ranges[inner] + columns - 1) / columns);
      copy.loops.push_back({blocks, ModelLoopKind::kSerial, false});
      source.push_back(strides[inner] * columns);
      target.push_back(size);
    }
    for (size_t d = 0; d < rank; ++d) {
      if (d == inner) continue;
      copy.loops.push_back({static_cast<double>(ranges[d]), ModelLoopKind::kSerial, false});
      source.push_back(strides[d]);
      target.push_back(copied[d]);
    }
    double innermost = static_cast<double>(lane_dimension < 0 ? ranges[inner] : columns);
    copy.loops.push_back({innermost, ModelLoopKind::kVector, false});
    source.push_back(strides[inner]);
    target.push_back(1);
    copy.accesses.push_back({operand.number, operand.element_bytes, false, std::move(source)});
    copy.accesses.push_back(
        {operand.number + kCopyNumbers, operand.element_bytes, true, std::move(target)});
    if (v[kProducers] == 0) AddProducers(operand, 1, copy);
    copy.shared_loops = static_cast<int>(std::min(depth, depth_before));
    depth_before = depth;
    model.nests.push_back(std::move(copy));
  };
  if (IsPadded(v)) {
    for (const std::string& buffer : guarded_) {
      for (const ContractionOperand& operand : c_.operands) {
        if (operand.buffer != buffer || operand.guards.empty()) continue;
        add(operand, nest.pad_depth, -1);
        break;
      }
    }
  }
  for (size_t p = 0; p < packable_.size(); ++p) {
    if (PackKnob(v, p) != kPackInLoops) continue;
    add(*packable_[p], nest.copy_depth[p], packable_[p]->DimensionOf(lane_loop_));
  }
  return depth_before;
}

// What computing the operand where it is read adds to each iteration.
void TiledContractionPlan::AddProducers(const ContractionOperand& operand, double share,
                                        NestModel& nest) const {
  for (const FusedProducer& producer : c_.producers) {
    if (producer.buffer != operand.buffer) continue;
    nest.arithmetic += share * (producer.operations.arithmetic + producer.operations.multiply_adds);
    nest.divisions += share * producer.operations.divisions;
    nest.elementary += share * producer.operations.elementary;
  }
}

void TiledContractionPlan::ModelProducers(ScheduleModel& model) const {
  for (const FusedProducer& producer : c_.producers) {
    NestModel nest;
    bool vector = !producer.inner_loop.empty();
    double inner = static_cast<double>(producer.inner_extent);
    nest.loops = {{producer.elements / inner, ModelLoopKind::kSerial, false},
                  {inner, vector ? ModelLoopKind::kVector : ModelLoopKind::kSerial, false}};
    nest.element_bytes = producer.element_bytes;
    nest.arithmetic = producer.operations.arithmetic + producer.operations.multiply_adds;
    nest.divisions = producer.operations.divisions;
    nest.elementary = producer.operations.elementary;
    std::vector<int64_t> strides{producer.inner_extent, 1};
    nest.accesses = {{producer.number, producer.element_bytes, true, strides},
                     {producer.number + kCopyNumbers, producer.element_bytes, false, strides}};
    model.nests.push_back(std::move(nest));
  }
}

void TiledContractionPlan::ModelMain(std::span<const int64_t> v, const Nest& nest,
                                     size_t shared_loops, ScheduleModel& model) const {
  const int64_t columns = v[kVectors] * lanes_;
  const std::vector<PlannedLoop>& loops = nest.plan.loops;
  NestModel main;
  main.loops = nest.plan.ModelLoops();
  main.shared_loops = static_cast<int>(shared_loops);
  main.element_bytes = c_.element_bytes;
  main.multiply_adds = c_.operations.multiply_adds;
  main.arithmetic = c_.operations.arithmetic;
  main.divisions = c_.operations.divisions;
  main.elementary = c_.operations.elementary;
  main.accumulators = static_cast<int>(v[kRows] * v[kOuterRows] * v[kVectors]);
  // Unrolled terms let loads move ahead, which takes two registers.
  main.live_vectors = static_cast<int>(LiveVectors(v) + (v[kUnroll] > 1 ? 2 : 0));
  // A predicate on rows is one jump a row; on lanes it costs at every access.
  main.loops.back().masked = v[kTail] == 1 && RangeInside(nest, 0, lane_loop_) % columns != 0;
  for (const ContractionOperand& operand : c_.operands) {
    const ContractionOperand* packed = PackedBy(v, operand.buffer);
    ModelAccess access{
        operand.number + (packed ? kCopyNumbers : 0), operand.element_bytes, false, {}};
    // Of the vector operations, that need another element: one of all lanes
    // takes as many instructions as a vector.
    double share = 1;
    for (const PlannedLoop& loop : loops) {
      access.strides.push_back(packed ? PackedStride(*packed, columns, loop)
                                      : operand.StrideOf(loop.axis) * loop.step);
      bool repeated = loop.kind == ModelLoopKind::kUnrolled && access.strides.back() == 0;
      if (repeated) share /= loop.trips;
    }
    if (!operand.guards.empty() && v[kBorder] == kBorderMask) main.arithmetic += share;
    main.accesses.push_back(std::move(access));
    if (!packed && v[kProducers] == 0) AddProducers(operand, share, main);
  }
  model.nests.push_back(std::move(main));
}

void TiledContractionPlan::ModelConsumers(std::span<const int64_t> v, const Nest& nest,
                                          ScheduleModel& model) const {
  // The tile loops, and the tile.
  std::vector<PlannedLoop> loops(
      nest.plan.loops.begin(), nest.plan.loops.begin() + static_cast<int64_t>(nest.num_tile_loops));
  for (size_t l = nest.num_tile_loops; l < nest.plan.loops.size(); ++l) {
    if (!nest.plan.loops[l].reduction) loops.push_back(nest.plan.loops[l]);
  }
  NestModel base;
  base.shared_loops = static_cast<int>(nest.num_tile_loops);
  for (const PlannedLoop& loop : loops) base.loops.push_back({loop.trips, loop.kind, false});
  if (c_.keep_result) {
    NestModel copy = base;
    copy.element_bytes = c_.element_bytes;
    copy.accesses.push_back(
        {c_.number, c_.element_bytes, true,
         StridesOver(loops, [&](const std::string& axis) { return c_.output.StrideOf(axis); })});
    model.nests.push_back(std::move(copy));
  }
  for (const FusedConsumer& consumer : c_.consumers) {
    NestModel own = base;
    own.element_bytes = consumer.element_bytes;
    own.multiply_adds = consumer.operations.multiply_adds;
    own.arithmetic = consumer.operations.arithmetic;
    own.divisions = consumer.operations.divisions;
    own.elementary = consumer.operations.elementary;
    auto strides = [&](const ReadStride& access) {
      return StridesOver(loops, [&](const std::string& axis) {
        for (size_t l = 0; l < c_.spatial.size(); ++l) {
          if (c_.spatial[l].var == axis) return access.StrideOf(consumer.loops[l]);
        }
        return int64_t{0};
      });
    };
    for (size_t r = 0; r < consumer.reads.size(); ++r) {
      own.accesses.push_back(
          {consumer.read_numbers[r], consumer.element_bytes, false, strides(consumer.reads[r])});
    }
    if (!consumer.in_register) {
      own.accesses.push_back(
          {consumer.number, consumer.element_bytes, true, strides(consumer.output)});
    }
    model.nests.push_back(std::move(own));
  }
}

void TiledContractionPlan::Model(std::span<const int64_t> v, ScheduleModel& model) const {
  Nest nest = BuildNest(v);
  if (v[kProducers] == 1) ModelProducers(model);
  size_t shared_loops = ModelCopies(v, nest, model);
  ModelMain(v, nest, shared_loops, model);
  ModelConsumers(v, nest, model);
}

}  // namespace lathe
