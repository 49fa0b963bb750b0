// Rule: a contraction computes tiles of its result in registers over all of the
// reduction, with what comes before and after fused.
//
//   for row blocks { for panels { for rows {        # order and blocks: knobs
//     for reduction { for tile { acc += a * b } }   # tile: rows x rows x vectors
//     consumers of the tile }}}
//
// The lanes are a spatial axis that operands are contiguous along, or that a copy
// of them makes contiguous (knob pack); rows are axes over which some operand in
// vectors is reused. Guarded reads stay, in code of their own for the border, or
// read a padded copy (knob border).
#include "compiler/space/tiled_contraction.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/register_tile.h"

namespace lathe {
void TiledContractionPlan::FindRoles() {
  std::vector<std::string> rows;  // innermost first
  for (auto loop = c_.spatial.rbegin(); loop != c_.spatial.rend(); ++loop) {
    if (loop->var == lane_loop_) continue;
    if (loop->extent == 1) {
      single_.insert(single_.begin(), *loop);
      continue;
    }
    natural_.insert(natural_.begin(), *loop);
    bool reused = std::any_of(c_.operands.begin(), c_.operands.end(), [&](const auto& operand) {
      return operand.DependsOn(lane_loop_) && !operand.DependsOn(loop->var);
    });
    if (reused) rows.push_back(loop->var);
  }
  if (!rows.empty()) row_loop_ = rows[0];
  if (rows.size() > 1) outer_row_loop_ = rows[1];
  for (const ContractionOperand& operand : c_.operands) {
    if (!operand.guards.empty()) guarded_.push_back(operand.buffer);
    int dimension = operand.DimensionOf(lane_loop_);
    if (operand.owned && dimension >= 0 && packable_.size() < kMaxPacked) {
      packable_.push_back(&operand);
    }
  }
}

void TiledContractionPlan::AddKnobs() {
  auto add = [&](const char* name, std::vector<int64_t> domain) {
    knobs_.push_back({absl::StrCat(c_.stage, ".", name), std::move(domain)});
  };
  auto extent_of = [&](const std::string& loop) {
    return loop.empty() ? int64_t{1} : c_.FindSpatial(loop)->extent;
  };
  add("rows",
      UpTo({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 16, 20, 24, 28}, extent_of(row_loop_)));
  add("outer_rows", UpTo({1, 2, 3, 4, 5, 6, 7, 8}, extent_of(outer_row_loop_)));
  int64_t vectors = CeilDiv(extent_of(lane_loop_), lanes_);
  add("vectors", UpTo({1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14}, vectors));
  std::vector<int64_t> extents;
  for (const AxisLoop& loop : c_.reduction) extents.push_back(loop.extent);
  add("unroll", ReductionUnrollCounts(extents, kMaxTileOps));
  std::vector<int64_t> places;
  for (size_t p = 0; p <= natural_.size(); ++p) places.push_back(static_cast<int64_t>(p));
  if (vectors == 1) places = {0};
  add("panel", places);
  int64_t longest = 1;
  for (const AxisLoop& loop : natural_) longest = std::max(longest, loop.extent);
  std::vector<int64_t> blocks{0};
  for (int64_t block : {2, 4, 8, 16, 32, 64}) {
    if (2 * block <= longest && vectors > 1) blocks.push_back(block);
  }
  add("row_block", blocks);
  std::vector<int64_t> panel_blocks{0};
  for (int64_t block : {2, 4, 8, 16}) {
    if (2 * block <= vectors && !natural_.empty()) panel_blocks.push_back(block);
  }
  add("panel_block", panel_blocks);
  for (size_t p = 0; p < kMaxPacked; ++p) {
    std::vector<int64_t> domain{kNoPack};
    if (p < packable_.size()) {
      if (packable_[p]->StrideOf(lane_loop_) != 1) domain.clear();
      domain.push_back(kPackInLoops);
      if (packable_[p]->is_const) domain.push_back(kPackAhead);
    }
    add(p == 0 ? "pack" : "second_pack", domain);
  }
  add("producers", c_.producers.empty() ? std::vector<int64_t>{0} : std::vector<int64_t>{0, 1});
  add("border", guarded_.empty() ? std::vector<int64_t>{0} : std::vector<int64_t>{0, 1, 2, 3});
  add("tail", {0, 1});
  std::vector<int64_t> depths{0};
  for (size_t d = 1; d < natural_.size() + 2 && threads_ > 1 && d < 4; ++d) {
    depths.push_back(static_cast<int64_t>(d));
  }
  add("parallel", depths);
}

int64_t TiledContractionPlan::TileOf(std::span<const int64_t> v, const std::string& axis) const {
  if (axis == lane_loop_) return v[kVectors] * lanes_;
  if (axis == row_loop_) return v[kRows];
  if (axis == outer_row_loop_) return v[kOuterRows];
  return 1;
}

bool TiledContractionPlan::IsGuardAxis(const std::string& axis) const {
  return std::any_of(c_.operands.begin(), c_.operands.end(), [&](const auto& operand) {
    return std::find(operand.guards.begin(), operand.guards.end(), axis) != operand.guards.end();
  });
}

const ContractionOperand* TiledContractionPlan::PackedBy(std::span<const int64_t> v,
                                                         const std::string& buffer) const {
  for (size_t p = 0; p < packable_.size(); ++p) {
    if (packable_[p]->buffer == buffer && PackKnob(v, p) != kNoPack) return packable_[p];
  }
  return nullptr;
}

int64_t TiledContractionPlan::LiveVectors(std::span<const int64_t> v) const {
  int64_t tile = v[kRows] * v[kOuterRows] * v[kVectors];
  int64_t least = tile;  // vectors of the operand that stays while the others stream
  for (const ContractionOperand& operand : c_.operands) {
    if (!operand.DependsOn(lane_loop_)) continue;
    int64_t vectors = v[kVectors];
    if (operand.DependsOn(row_loop_)) vectors *= v[kRows];
    if (operand.DependsOn(outer_row_loop_)) vectors *= v[kOuterRows];
    least = std::min(least, vectors);
  }
  return tile + least + 1;
}

TiledContractionPlan::Nest TiledContractionPlan::BuildNest(std::span<const int64_t> v) const {
  Nest nest{LoopPlan(v[kTail] == 0), 0, {}, 0};
  LoopPlan& plan = nest.plan;
  std::vector<PlannedLoop> tiles, rows;
  for (const AxisLoop& loop : natural_) {
    PlannedLoop whole = LoopPlan::Whole(loop);
    int64_t tile = TileOf(v, loop.var);
    if (tile == loop.extent) {
      rows.push_back(whole);
    } else if (tile == 1) {
      tiles.push_back(whole);
    } else {
      auto [outer, inner] = plan.Split(whole, tile);
      tiles.push_back(outer);
      rows.push_back(inner);
    }
  }
  auto [panel, columns] =
      plan.Split(LoopPlan::Whole(*c_.FindSpatial(lane_loop_)), v[kVectors] * lanes_, lanes_);
  size_t at = std::min(static_cast<size_t>(v[kPanel]), tiles.size());
  if (v[kRowBlock] > 0 && at < tiles.size()) {
    auto [outer, inner] = plan.Split(tiles[at], v[kRowBlock]);
    tiles[at] = inner;
    tiles.insert(tiles.begin() + static_cast<int64_t>(at), outer);
    ++at;
  }
  if (v[kPanelBlock] > 0) {
    auto [outer, inner] = plan.Split(panel, v[kPanelBlock]);
    tiles.insert(tiles.begin() + static_cast<int64_t>(at), inner);
    tiles.insert(tiles.begin(), outer);
  } else {
    tiles.insert(tiles.begin() + static_cast<int64_t>(at), panel);
  }
  for (PlannedLoop& loop : tiles) {
    if (v[kBorder] == kBorderPartition && IsGuardAxis(loop.axis)) loop.ragged = true;
  }
  // Copies stand right outside of the outermost loop that reuses them.
  for (const ContractionOperand* operand : packable_) {
    size_t depth = 0;
    while (depth < tiles.size() &&
           (tiles[depth].extent == 1 || operand->DependsOn(tiles[depth].axis))) {
      ++depth;
    }
    nest.copy_depth.push_back(depth);
  }
  nest.pad_depth = v[kBorder] == kBorderPadInLoop ? 1 : 0;
  nest.num_tile_loops = tiles.size();
  plan.loops = std::move(tiles);
  if (threads_ > 1) {
    // Loops that a copy stands between stay two.
    auto copies_at = [&](size_t depth) {
      if (IsPadded(v) && nest.pad_depth == depth) return true;
      for (size_t p = 0; p < packable_.size(); ++p) {
        if (PackKnob(v, p) == kPackInLoops && nest.copy_depth[p] == depth) return true;
      }
      return false;
    };
    size_t at = std::min(static_cast<size_t>(v[kParallelAt]), nest.num_tile_loops - 1);
    size_t end = at + 1;
    while (end < nest.num_tile_loops && !copies_at(end)) ++end;
    plan.MakeParallel(at, end, threads_);
  }

  // The reduction: whole loops unrolled from the innermost on, and a part of one.
  std::vector<PlannedLoop> serial, unrolled;
  int64_t count = v[kUnroll];
  for (auto loop = c_.reduction.rbegin(); loop != c_.reduction.rend(); ++loop) {
    PlannedLoop whole = LoopPlan::Whole(*loop, true);
    if (!serial.empty() || (count == 1 && loop->extent > 1)) {
      serial.insert(serial.begin(), whole);
    } else if (count >= loop->extent) {
      unrolled.insert(unrolled.begin(), whole);
      count /= loop->extent;
    } else {
      auto [outer, inner] = plan.Split(whole, count);
      serial.push_back(outer);
      unrolled.insert(unrolled.begin(), inner);
    }
  }
  for (PlannedLoop& loop : unrolled) loop.kind = ModelLoopKind::kUnrolled;
  for (PlannedLoop& loop : rows) loop.kind = ModelLoopKind::kUnrolled;
  auto append = [&plan](const std::vector<PlannedLoop>& loops) {
    plan.loops.insert(plan.loops.end(), loops.begin(), loops.end());
  };
  append(serial);
  append(unrolled);
  append(rows);
  if (v[kVectors] > 1) {
    auto [vectors, lane] = plan.Split(columns, lanes_);
    vectors.kind = ModelLoopKind::kUnrolled;
    columns = lane;
    plan.loops.push_back(vectors);
  }
  columns.kind = ModelLoopKind::kVector;
  plan.loops.push_back(columns);
  return nest;
}

bool TiledContractionPlan::IsLegal(std::span<const int64_t> v) const {
  if (LiveVectors(v) > registers_ - 1) return false;
  int64_t body = v[kRows] * v[kOuterRows] * v[kVectors] * v[kUnroll];
  if (body > kMaxTileOps) return false;
  Nest nest = BuildNest(v);
  size_t natural = nest.num_tile_loops - 1 - (v[kRowBlock] > 0) - (v[kPanelBlock] > 0);
  // Each schedule once: knobs that would do nothing are off.
  auto place = static_cast<size_t>(v[kPanel]);
  if (place > natural) return false;
  if (v[kRowBlock] > 0 && place >= natural) return false;
  if (v[kPanelBlock] > 0 && place + (v[kRowBlock] > 0) == 0) return false;
  if (v[kParallelAt] >= static_cast<int64_t>(nest.num_tile_loops)) return false;
  bool ragged = false;
  int64_t copies = 1;
  for (const PlannedLoop& loop : nest.plan.loops) {
    if (loop.kind == ModelLoopKind::kUnrolled || loop.kind == ModelLoopKind::kVector) continue;
    bool guard = v[kBorder] == kBorderPartition && IsGuardAxis(loop.axis);
    ragged = ragged || loop.ragged;
    if (v[kTail] == 0 && loop.ragged) copies *= guard ? 3 : 2;
  }
  if (v[kRowBlock] > 0) {
    // The block holds several iterations, and there are several blocks.
    const PlannedLoop& outer = nest.plan.loops[place + (v[kPanelBlock] > 0)];
    if (outer.extent < 2) return false;
  }
  if (v[kPanelBlock] > 0 && nest.plan.loops[0].extent < 2) return false;
  if (v[kTail] == 1 && !ragged) return false;
  // Borders in code of their own take the same mark as tails.
  if (v[kBorder] == kBorderPartition && v[kTail] == 1 && !guarded_.empty()) return false;
  if (v[kBorder] == kBorderPadInLoop) {
    bool moves = std::any_of(c_.operands.begin(), c_.operands.end(), [&](const auto& operand) {
      return !operand.guards.empty() && operand.DependsOn(nest.plan.loops[0].axis);
    });
    if (!moves || nest.num_tile_loops < 2) return false;
    // Of a last block of fewer whole vectors the verifier cannot tell that it is all.
    const PlannedLoop& outer = nest.plan.loops[0];
    bool hidden = std::any_of(c_.operands.begin(), c_.operands.end(), [&](const auto& operand) {
      return !operand.guards.empty() && operand.StrideOf(outer.axis) == 1 &&
             operand.shape.back() % lanes_ == 0;
    });
    if (hidden && outer.ragged) return false;
  }
  return copies * body <= kMaxCopies;
}

void TiledContractionPlan::Emit(std::span<const int64_t> v, TraceBuilder& trace) const {
  Nest nest = BuildNest(v);
  MarkList marks;
  const int64_t columns = v[kVectors] * lanes_;
  std::vector<std::string> pads;
  std::vector<std::string> copies(packable_.size());
  if (IsPadded(v)) {
    for (const std::string& buffer : guarded_) pads.push_back(trace.Pad(buffer));
  }
  for (size_t p = 0; p < packable_.size(); ++p) {
    if (PackKnob(v, p) == kNoPack) continue;
    copies[p] =
        trace.Pack(packable_[p]->buffer, {{packable_[p]->DimensionOf(lane_loop_), columns}});
  }
  if (v[kProducers] == 0) {
    for (const FusedProducer& producer : c_.producers) trace.Mark("inline", {producer.stage});
  } else {
    for (const FusedProducer& producer : c_.producers) {
      if (producer.inner_loop.empty()) continue;
      SplitLanes(producer.inner_loop, producer.inner_extent, lanes_, trace, marks, false);
    }
  }
  std::vector<FusedConsumer> behind;
  if (c_.keep_result) {
    FusedConsumer copy;
    copy.stage = trace.CacheWrite(c_.stage, "register");
    for (const AxisLoop& loop : c_.spatial) {
      copy.loops.push_back(copy.stage + loop.var.substr(c_.stage.size()));
    }
    behind.push_back(std::move(copy));
  } else {
    trace.Mark("set_scope", {c_.buffer, "register"});
  }
  behind.insert(behind.end(), c_.consumers.begin(), c_.consumers.end());

  nest.plan.EmitSplits(trace);
  {
    LoopPlan order = nest.plan;
    for (auto loop = single_.rbegin(); loop != single_.rend(); ++loop) {
      order.loops.insert(order.loops.begin(), LoopPlan::Whole(*loop));
    }
    order.EmitOrder(trace);
  }
  const std::string place = nest.plan.loops[nest.num_tile_loops - 1].name;
  for (const FusedConsumer& consumer : behind) {
    if (consumer.in_register) trace.Mark("set_scope", {consumer.stage, "register"});
    trace.Mark("reverse_compute_at", {consumer.stage, place});
    for (size_t l = 0; l < c_.spatial.size(); ++l) {
      const std::string& axis = c_.spatial[l].var;
      if (axis == lane_loop_) {
        SplitLanes(consumer.loops[l], columns, lanes_, trace, marks);
      } else if (TileOf(v, axis) > 1) {
        marks.Unroll(consumer.loops[l]);
      }
    }
  }
  for (size_t p = 0; p < packable_.size(); ++p) {
    if (copies[p].empty()) continue;
    if (PackKnob(v, p) == kPackAhead) {
      trace.Mark("prepare", {copies[p]});
    } else if (nest.copy_depth[p] > 0) {
      trace.Mark("compute_at", {copies[p], nest.plan.loops[nest.copy_depth[p] - 1].name});
    }
    int dimension = packable_[p]->DimensionOf(lane_loop_);
    if (columns > 1) {
      SplitLanes(absl::StrCat(copies[p], ".d", dimension, "i"), columns, lanes_, trace, marks,
                 false);
    }
  }
  for (size_t p = 0; p < pads.size(); ++p) {
    if (nest.pad_depth > 0) trace.Mark("compute_at", {pads[p], nest.plan.loops[0].name});
    const ContractionOperand& operand = *std::find_if(
        c_.operands.begin(), c_.operands.end(),
        [&](const ContractionOperand& candidate) { return candidate.buffer == guarded_[p]; });
    size_t last = operand.shape.size() - 1;
    SplitLanes(absl::StrCat(pads[p], ".d", last), operand.shape[last], lanes_, trace, marks, false);
  }
  nest.plan.Mark(trace, marks);
  marks.WriteTo(trace);
}

namespace {

// Whether operands can be read in vectors along the loop, perhaps from copies.
bool IsLaneLoop(const Contraction& c, const AxisLoop& loop) {
  bool depends = false;
  for (const ContractionOperand& operand : c.operands) {
    if (!operand.DependsOn(loop.var)) continue;
    depends = true;
    if (operand.StrideOf(loop.var) == 1) continue;
    if (!operand.owned || operand.DimensionOf(loop.var) < 0) return false;
  }
  return depends;
}

class TiledContractionRule : public Rule {
 public:
  std::string_view name() const override { return "tiled"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    size_t nest = 0;
    std::optional<Contraction> contraction = MatchContraction(context, first, &nest);
    if (!contraction) return {};
    std::vector<PlanMatch> matches;
    for (auto loop = contraction->spatial.rbegin(); loop != contraction->spatial.rend(); ++loop) {
      if (!IsLaneLoop(*contraction, *loop) || contraction->output.StrideOf(loop->var) != 1)
        continue;
      std::vector<size_t> covered = FuseConsumers(context, first, nest, loop->var, *contraction);
      auto plan =
          std::make_shared<TiledContractionPlan>(*contraction, loop->var, "tiled", context.options);
      return {{std::move(plan), std::move(covered)}};
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<Rule> NewTiledContractionRule() { return std::make_unique<TiledContractionRule>(); }

}  // namespace lathe
