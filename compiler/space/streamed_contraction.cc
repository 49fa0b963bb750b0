// Rule: a contraction of few rows reads its large operand once and in order.
// The reduction goes in blocks; a block's sums of a tile are made in registers
// and added to the result, which stays in a cache. The first block starts it.
//
//   for k blocks peel=first { for panels { for rows {   # order: a knob
//     for k in block { for tile { part += a * b } }
//     for tile { result += part }
//     consumers of the tile, in the last block }}}   # or in loops of their own: a knob
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/space/contraction.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/loop_plan.h"
#include "compiler/space/register_tile.h"

namespace lathe {
namespace {

enum Knobs { kRows, kVectors, kBlock, kUnroll, kOrder, kEpilogue };
// In place: the partial sums live in the consumer's buffer.
enum { kEpilogueApart, kEpilogueInLastBlock, kEpilogueInPlace };
enum { kBlocksOutside, kRowsOutsidePanels, kPanelsOutside };

constexpr int64_t kMaxTileOps = 256;  // multiply-adds in the unrolled body

class StreamedContractionPlan : public Plan {
 public:
  // Of one reduction loop, with the lanes in `lane_loop` and rows in the last
  // other spatial loop that has several iterations (empty: none). `in_place`: its one
  // consumer replaces its result.
  StreamedContractionPlan(Contraction contraction, std::string lane_loop, std::string row_loop,
                          bool in_place, const SpaceOptions& options)
      : c_(std::move(contraction)),
        lane_loop_(std::move(lane_loop)),
        row_loop_(std::move(row_loop)),
        lanes_(options.target.VectorLanes(c_.element_bytes)),
        registers_(options.target.vector_registers),
        threads_(options.threads) {
    auto add = [&](const char* name, std::vector<int64_t> domain) {
      knobs_.push_back({absl::StrCat(c_.stage, ".", name), std::move(domain)});
    };
    int64_t rows = row_loop_.empty() ? 1 : c_.FindSpatial(row_loop_)->extent;
    int64_t vectors = (c_.FindSpatial(lane_loop_)->extent + lanes_ - 1) / lanes_;
    add("rows", UpTo({1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14}, rows));
    add("vectors", UpTo({1, 2, 3, 4, 5, 6, 7, 8, 10, 12}, vectors));
    std::vector<int64_t> blocks;
    for (int64_t block : {2, 4, 8, 16, 32, 64, 128, 256, 512}) {
      if (block < c_.reduction[0].extent) blocks.push_back(block);
    }
    add("k_block", blocks);
    add("unroll", {1, 2, 4, 8, 16});
    add("order", rows > 1 ? std::vector<int64_t>{0, 1, 2} : std::vector<int64_t>{0, 2});
    std::vector<int64_t> epilogues{kEpilogueApart};
    if (!c_.consumers.empty()) epilogues.push_back(kEpilogueInLastBlock);
    if (in_place) epilogues.push_back(kEpilogueInPlace);
    add("epilogue", std::move(epilogues));
  }

  std::string_view name() const override { return "streamed"; }

  bool IsLegal(std::span<const int64_t> v) const override {
    if (v[kRows] * v[kVectors] + v[kVectors] + 1 > registers_ - 1) return false;
    if (v[kRows] * v[kVectors] * v[kUnroll] > kMaxTileOps) return false;
    bool all_rows = row_loop_.empty() || v[kRows] == c_.FindSpatial(row_loop_)->extent;
    if (all_rows && v[kOrder] == kRowsOutsidePanels) return false;
    // Of a last panel or block of fewer whole vectors or unrolled terms the
    // verifier cannot tell that it is all.
    auto hidden = [](int64_t extent, int64_t outer, int64_t inner) {
      return extent % outer != 0 && outer > inner && inner > 1 && extent % inner == 0;
    };
    if (hidden(c_.FindSpatial(lane_loop_)->extent, v[kVectors] * lanes_, lanes_)) return false;
    if (hidden(c_.reduction[0].extent, v[kBlock], v[kUnroll])) return false;
    return v[kUnroll] <= v[kBlock];
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override {
    MarkList marks;
    const int64_t columns = v[kVectors] * lanes_;
    for (const FusedProducer& producer : c_.producers) trace.Mark("inline", {producer.stage});
    auto [blocks, within] = trace.Split(c_.reduction[0].var, v[kBlock]);
    const std::string fold = trace.RFactor(c_.stage, blocks);
    trace.Mark("set_scope", {fold + ".part", "register"});
    auto of_fold = [&](const std::string& loop) { return fold + loop.substr(c_.stage.size()); };

    // The fold's loops: tiles, then the tile.
    Tiles tiles = BuildTiles(v);
    std::vector<std::string> order, place;
    for (PlannedLoop& loop : tiles.plan.loops) {
      loop.name = of_fold(loop.reduction ? blocks : loop.name);
      order.push_back(loop.name);
    }
    for (const PlannedSplit& split : tiles.plan.splits()) {
      trace.Split(of_fold(split.loop), split.factor);
    }
    place = order;
    if (v[kRows] > 1) {
      order.push_back(of_fold(tiles.rows));
      marks.Unroll(order.back());
    }
    std::vector<std::string> lanes =
        SplitLanes(of_fold(tiles.columns), columns, lanes_, trace, marks);
    order.insert(order.end(), lanes.begin(), lanes.end());
    for (const AxisLoop& loop : c_.spatial) {
      if (loop.extent == 1 && loop.var != lane_loop_) {
        order.insert(order.begin(), of_fold(loop.var));
      }
    }
    trace.Reorder(order);
    trace.Mark("compute_at", {c_.stage, place.back()});

    // One block of one tile.
    RegisterTile tile;
    for (const AxisLoop& loop : c_.spatial) {
      if (loop.var == lane_loop_ || (loop.var == row_loop_ && v[kRows] > 1)) continue;
      tile.outer.push_back(loop.var);
    }
    tile.outer.push_back(blocks);
    tile.reductions = {{within, v[kBlock]}};
    if (v[kRows] > 1) tile.rows = {row_loop_};
    tile.columns = lane_loop_;
    tile.num_columns = columns;
    tile.lanes = lanes_;
    tile.unroll = v[kUnroll];
    EmitRegisterTile(tile, trace, marks);

    for (const FusedConsumer& consumer : c_.consumers) {
      if (v[kEpilogue] != kEpilogueApart) {
        EmitConsumerOfTile(consumer, v[kRows], columns, place.back(), trace, marks);
      } else {
        EmitConsumer(consumer, trace, marks);
      }
    }
    if (v[kEpilogue] == kEpilogueInPlace) {
      trace.Mark("store_in", {fold, c_.consumers.front().stage});
    }
    std::vector<std::string> parallel;
    for (const PlannedLoop& loop : tiles.plan.loops) {
      if (loop.reduction) {
        marks.Add("peel", {loop.name, "first"});
      } else if (loop.kind == ModelLoopKind::kParallel) {
        parallel.push_back(loop.name);
      }
      if (loop.ragged) marks.Partition(loop.name);
    }
    if (!parallel.empty()) EmitParallel(parallel, trace, marks);
    marks.WriteTo(trace);
  }

  void Model(std::span<const int64_t> v, ScheduleModel& model) const override {
    Tiles tiles = BuildTiles(v);
    const int64_t columns = v[kVectors] * lanes_;
    const std::vector<PlannedLoop>& outer = tiles.plan.loops;
    PlannedLoop rows, lane;
    rows.axis = row_loop_;
    rows.trips = static_cast<double>(v[kRows]);
    rows.kind = ModelLoopKind::kUnrolled;
    lane.axis = lane_loop_;
    lane.trips = static_cast<double>(columns);
    lane.kind = ModelLoopKind::kVector;
    PlannedLoop terms, unrolled;
    terms.axis = unrolled.axis = c_.reduction[0].var;
    terms.reduction = unrolled.reduction = true;
    terms.step = v[kUnroll];
    terms.trips = static_cast<double>(v[kBlock]) / static_cast<double>(v[kUnroll]);
    unrolled.trips = static_cast<double>(v[kUnroll]);
    unrolled.kind = ModelLoopKind::kUnrolled;

    std::vector<PlannedLoop> loops = outer;
    loops.insert(loops.end(), {terms, unrolled, rows, lane});
    NestModel main = ContractionNest(c_, loops);
    main.accumulators = static_cast<int>(v[kRows] * v[kVectors]);
    main.live_vectors = static_cast<int>(main.accumulators + v[kVectors] + 1);
    model.nests.push_back(std::move(main));

    std::vector<PlannedLoop> folded = outer;
    folded.insert(folded.end(), {rows, lane});
    NestModel fold = NestOver(folded, c_.element_bytes);
    fold.arithmetic = 1;
    std::vector<int64_t> strides =
        StridesOver(folded, [&](const std::string& axis) { return c_.output.StrideOf(axis); });
    const int sums = v[kEpilogue] == kEpilogueInPlace ? c_.consumers.front().number : c_.number;
    fold.accesses = {{sums, c_.element_bytes, false, strides},
                     {sums, c_.element_bytes, true, strides}};
    fold.shared_loops = static_cast<int>(outer.size());
    model.nests.push_back(std::move(fold));
    for (const FusedConsumer& consumer : c_.consumers) {
      if (v[kEpilogue] != kEpilogueApart) {
        ModelConsumerOfTile(consumer, outer, rows, lane, model);
      } else {
        ModelConsumer(consumer, model);
      }
    }
  }

 private:
  struct Tiles {
    LoopPlan plan{true};
    std::string rows, columns;  // the loops of the tile
  };

  // Loops around a tile, of which one walks the blocks of the reduction.
  Tiles BuildTiles(std::span<const int64_t> v) const {
    Tiles tiles;
    std::vector<PlannedLoop> batch, row;
    for (const AxisLoop& loop : c_.spatial) {
      if (loop.var == lane_loop_ || loop.extent == 1) continue;
      PlannedLoop whole = LoopPlan::Whole(loop);
      if (loop.var != row_loop_) {
        batch.push_back(whole);
      } else if (v[kRows] == loop.extent) {
        tiles.rows = loop.var;
      } else if (v[kRows] == 1) {
        row.push_back(whole);
      } else {
        auto [outer, inner] = tiles.plan.Split(whole, v[kRows]);
        tiles.rows = inner.name;
        row.push_back(outer);
      }
    }
    auto [panel, columns] = tiles.plan.Split(LoopPlan::Whole(*c_.FindSpatial(lane_loop_)),
                                             v[kVectors] * lanes_, lanes_);
    tiles.columns = columns.name;
    LoopPlan reduction(true);
    PlannedLoop blocks = reduction.Split(LoopPlan::Whole(c_.reduction[0], true), v[kBlock]).first;
    std::vector<PlannedLoop>& loops = tiles.plan.loops;
    loops = batch;
    if (v[kOrder] == kPanelsOutside) {
      loops.insert(loops.end(), {panel, blocks});
    } else if (v[kOrder] == kBlocksOutside) {
      loops.insert(loops.end(), {blocks, panel});
    } else {
      loops.push_back(blocks);
    }
    loops.insert(loops.end(), row.begin(), row.end());
    if (v[kOrder] == kRowsOutsidePanels) loops.push_back(panel);
    if (threads_ > 1) MakeParallel(tiles.plan);
    return tiles;
  }

  // Loops outside of the blocks of the reduction, or inside of them where those
  // have too few iterations.
  void MakeParallel(LoopPlan& plan) const {
    size_t blocks = 0, end = plan.loops.size();
    while (!plan.loops[blocks].reduction) ++blocks;
    int64_t outside = 1, inside = 1;
    for (size_t l = 0; l < end; ++l) {
      if (l != blocks) (l < blocks ? outside : inside) *= plan.loops[l].extent;
    }
    if (outside > 1 && (outside >= threads_ || outside >= inside)) {
      plan.MakeParallel(0, blocks, threads_);
    } else if (inside > 1) {
      plan.MakeParallel(blocks + 1, end, threads_);
    }
  }

  // In loops of its own.
  void EmitConsumer(const FusedConsumer& consumer, TraceBuilder& trace, MarkList& marks) const {
    for (size_t l = 0; l < c_.spatial.size(); ++l) {
      if (c_.spatial[l].var != lane_loop_) continue;
      SplitLanes(consumer.loops[l], c_.spatial[l].extent, lanes_, trace, marks, false);
    }
  }

  void EmitConsumerOfTile(const FusedConsumer& consumer, int64_t rows, int64_t columns,
                          const std::string& place, TraceBuilder& trace, MarkList& marks) const {
    if (consumer.in_register) trace.Mark("set_scope", {consumer.stage, "register"});
    trace.ReverseComputeAt(consumer.stage, place);
    for (size_t l = 0; l < c_.spatial.size(); ++l) {
      if (c_.spatial[l].var == lane_loop_) {
        SplitLanes(consumer.loops[l], columns, lanes_, trace, marks);
      } else if (c_.spatial[l].var == row_loop_ && rows > 1) {
        marks.Unroll(consumer.loops[l]);
      }
    }
  }

  // Reads the sums where they have just been written.
  void ModelConsumerOfTile(const FusedConsumer& consumer, const std::vector<PlannedLoop>& outer,
                           const PlannedLoop& rows, const PlannedLoop& lane,
                           ScheduleModel& model) const {
    std::vector<PlannedLoop> loops;
    int shared = 0;
    for (const PlannedLoop& loop : outer) {
      if (loop.reduction) shared = static_cast<int>(loops.size());
      if (!loop.reduction) loops.push_back(loop);
    }
    loops.insert(loops.end(), {rows, lane});
    NestModel own = NestOver(loops, consumer.element_bytes);
    own.shared_loops = shared;
    AddOperations(consumer, own);
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

  static void AddOperations(const FusedConsumer& consumer, NestModel& nest) {
    nest.multiply_adds = consumer.operations.multiply_adds;
    nest.arithmetic = consumer.operations.arithmetic;
    nest.divisions = consumer.operations.divisions;
    nest.elementary = consumer.operations.elementary;
  }

  void ModelConsumer(const FusedConsumer& consumer, ScheduleModel& model) const {
    NestModel own;
    own.element_bytes = consumer.element_bytes;
    AddOperations(consumer, own);
    std::vector<std::string> axes;
    for (size_t l = 0; l < c_.spatial.size(); ++l) {
      bool lane = c_.spatial[l].var == lane_loop_;
      own.loops.push_back({static_cast<double>(c_.spatial[l].extent),
                           lane ? ModelLoopKind::kVector : ModelLoopKind::kSerial, false});
      axes.push_back(consumer.loops[l]);
    }
    auto strides = [&](const ReadStride& access) {
      std::vector<int64_t> result;
      for (const std::string& axis : axes) result.push_back(access.StrideOf(axis));
      return result;
    };
    for (size_t r = 0; r < consumer.reads.size(); ++r) {
      own.accesses.push_back(
          {consumer.read_numbers[r], consumer.element_bytes, false, strides(consumer.reads[r])});
    }
    own.accesses.push_back({c_.number, consumer.element_bytes, false, strides(consumer.output)});
    own.accesses.push_back(
        {consumer.number, consumer.element_bytes, true, strides(consumer.output)});
    model.nests.push_back(std::move(own));
  }

  const Contraction c_;
  const std::string lane_loop_, row_loop_;
  const int64_t lanes_;
  const int registers_, threads_;
};

// Whether the one consumer writes each of its elements where it has read the result,
// in a buffer of the same type and shape.
bool IsReplaced(const SpaceContext& context, const Contraction& c) {
  if (c.consumers.size() != 1 || c.keep_result) return false;
  const FusedConsumer& consumer = c.consumers.front();
  const Buffer& from = context.naive.buffers[c.number];
  const Buffer& to = context.naive.buffers[consumer.number];
  if (from.type != to.type || from.shape != to.shape || !consumer.output.affine) return false;
  for (size_t l = 0; l < c.spatial.size(); ++l) {
    if (c.spatial[l].extent == 1) continue;
    int64_t stride = c.output.StrideOf(c.spatial[l].var);
    if (stride != consumer.output.StrideOf(consumer.loops[l])) return false;
  }
  return true;
}

class StreamedContractionRule : public Rule {
 public:
  std::string_view name() const override { return "streamed"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    size_t nest = 0;
    std::optional<Contraction> contraction = MatchContraction(context, first, &nest);
    if (!contraction || contraction->reduction.size() != 1 ||
        contraction->reduction[0].extent < 4) {
      return {};
    }
    const AxisLoop& lanes = contraction->spatial.back();
    std::string rows;
    if (contraction->output.StrideOf(lanes.var) != 1 || lanes.extent == 1) return {};
    bool depends = false;
    for (const ContractionOperand& operand : contraction->operands) {
      int64_t stride = operand.StrideOf(lanes.var);
      if ((stride != 0 && stride != 1) || !operand.guards.empty()) return {};
      depends = depends || stride == 1;
    }
    if (!depends) return {};
    for (const AxisLoop& loop : contraction->spatial) {
      if (loop.var == lanes.var || loop.extent == 1) continue;
      bool reused = std::any_of(
          contraction->operands.begin(), contraction->operands.end(), [&](const auto& operand) {
            return operand.DependsOn(lanes.var) && !operand.DependsOn(loop.var);
          });
      if (reused) rows = loop.var;
    }
    std::vector<size_t> covered = FuseConsumers(context, first, nest, lanes.var, *contraction);
    auto plan = std::make_shared<StreamedContractionPlan>(
        *contraction, lanes.var, rows, IsReplaced(context, *contraction), context.options);
    return {{std::move(plan), std::move(covered)}};
  }
};

}  // namespace

std::unique_ptr<Rule> NewStreamedContractionRule() {
  return std::make_unique<StreamedContractionRule>();
}

}  // namespace lathe
