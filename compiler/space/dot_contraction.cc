// Rule: a contraction whose operands are contiguous along the reduction (a
// matrix times a vector; a product with a transposed matrix) sums in lanes,
// which are folded once for each element.
//
//   for tiles of rows {
//     for k blocks { for rows { for lanes { part += a * b } } }
//     for rows { result = sum of part's lanes } }
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/space/contraction.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/loop_plan.h"
#include "compiler/space/register_tile.h"

namespace lathe {
namespace {

enum Knobs { kRows, kOuterRows, kVectors };

constexpr int64_t kMaxTileOps = 64;

class DotContractionPlan : public Plan {
 public:
  // Rows are the last spatial loop of several iterations, and the one before.
  DotContractionPlan(Contraction contraction, const SpaceOptions& options)
      : c_(std::move(contraction)),
        lanes_(options.target.VectorLanes(c_.element_bytes)),
        registers_(options.target.vector_registers),
        threads_(options.threads) {
    for (auto loop = c_.spatial.rbegin(); loop != c_.spatial.rend(); ++loop) {
      if (loop->extent > 1 && rows_.size() < 2) rows_.push_back(*loop);
    }
    auto add = [&](const char* name, std::vector<int64_t> domain) {
      knobs_.push_back({absl::StrCat(c_.stage, ".", name), std::move(domain)});
    };
    add("rows", UpTo({1, 2, 3, 4, 5, 6, 8, 12, 16}, rows_.empty() ? 1 : rows_[0].extent));
    add("outer_rows", UpTo({1, 2, 3, 4, 6, 8}, rows_.size() < 2 ? 1 : rows_[1].extent));
    add("vectors", UpTo({1, 2, 3, 4, 6, 8}, c_.reduction.back().extent / lanes_));
  }

  std::string_view name() const override { return "dot"; }

  bool IsLegal(std::span<const int64_t> v) const override {
    // A last block of whole vectors gets a predicate without lanes, which the
    // verifier cannot trace back to the domain.
    const int64_t extent = c_.reduction.back().extent;
    const bool ends_between = extent % (v[kVectors] * lanes_) != 0 && extent % lanes_ == 0;
    if (v[kVectors] > 1 && ends_between) return false;
    int64_t tile = v[kRows] * v[kOuterRows] * v[kVectors];
    return tile <= kMaxTileOps && LiveVectors(v) <= registers_ - 1;
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override {
    MarkList marks;
    for (const FusedProducer& producer : c_.producers) trace.Mark("inline", {producer.stage});
    const int64_t block = v[kVectors] * lanes_;
    const AxisLoop& last = c_.reduction.back();
    auto [blocks, within] = trace.Split(last.var, block);
    const std::string fold = trace.RFactor(c_.stage, within);
    trace.Mark("set_scope", {fold + ".part", "register"});
    auto of_fold = [&](const std::string& loop) { return fold + loop.substr(c_.stage.size()); };

    LoopPlan plan(true);
    std::vector<std::string> inner;
    BuildTiles(v, plan, inner);
    for (const PlannedSplit& split : plan.splits()) {
      trace.Split(of_fold(split.loop), split.factor);
    }
    std::vector<std::string> order;
    for (const AxisLoop& loop : c_.spatial) {
      if (loop.extent == 1) order.push_back(of_fold(loop.var));
    }
    for (PlannedLoop& loop : plan.loops) {
      loop.name = of_fold(loop.name);
      order.push_back(loop.name);
    }
    // Where all rows are in the tile, some loop is left to stand in.
    std::string place = order.empty() ? "" : order.back();
    for (const std::string& loop : inner) {
      order.push_back(of_fold(loop));
      marks.Unroll(order.back());
    }
    order.push_back(of_fold(within));
    marks.Vectorize(order.back());
    trace.Reorder(order);
    if (!place.empty()) trace.Mark("compute_at", {c_.stage, place});

    RegisterTile tile;
    for (const AxisLoop& loop : c_.spatial) {
      (TileOf(v, loop.var) > 1 ? tile.rows : tile.outer).push_back(loop.var);
    }
    for (size_t r = 0; r + 1 < c_.reduction.size(); ++r) {
      tile.reductions.push_back({c_.reduction[r].var, c_.reduction[r].extent});
    }
    tile.reductions.push_back({blocks, (last.extent + block - 1) / block});
    tile.columns = within;
    tile.num_columns = block;
    tile.lanes = lanes_;
    EmitRegisterTile(tile, trace, marks);
    if (last.extent % block != 0) marks.Partition(blocks);
    for (const PlannedLoop& loop : plan.loops) {
      if (loop.ragged) marks.Partition(loop.name);
    }
    std::vector<std::string> parallel;
    for (const PlannedLoop& loop : plan.loops) {
      if (loop.kind == ModelLoopKind::kParallel) parallel.push_back(loop.name);
    }
    if (!parallel.empty()) EmitParallel(parallel, trace, marks);
    marks.WriteTo(trace);
  }

  void Model(std::span<const int64_t> v, ScheduleModel& model) const override {
    LoopPlan plan(true);
    std::vector<std::string> inner;
    BuildTiles(v, plan, inner);
    std::vector<PlannedLoop> outer = plan.loops, rows;
    for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
      PlannedLoop loop;
      loop.axis = row->var;
      loop.trips = static_cast<double>(TileOf(v, row->var));
      loop.kind = ModelLoopKind::kUnrolled;
      if (loop.trips > 1) rows.push_back(loop);
    }
    const int64_t block = v[kVectors] * lanes_;
    std::vector<PlannedLoop> terms;
    for (size_t r = 0; r + 1 < c_.reduction.size(); ++r) {
      terms.push_back(LoopPlan::Whole(c_.reduction[r], true));
    }
    LoopPlan reduction(true);
    auto [blocks, lanes] =
        reduction.Split(LoopPlan::Whole(c_.reduction.back(), true), block, lanes_);
    lanes.kind = ModelLoopKind::kVector;
    terms.push_back(blocks);

    std::vector<PlannedLoop> loops = outer;
    loops.insert(loops.end(), terms.begin(), terms.end());
    loops.insert(loops.end(), rows.begin(), rows.end());
    loops.push_back(lanes);
    NestModel main = ContractionNest(c_, loops);
    main.accumulators = static_cast<int>(v[kRows] * v[kOuterRows] * v[kVectors]);
    main.live_vectors = static_cast<int>(LiveVectors(v));
    model.nests.push_back(std::move(main));

    // The lanes of a vector fold in about as many steps as their logarithm.
    std::vector<PlannedLoop> folded = outer;
    folded.insert(folded.end(), rows.begin(), rows.end());
    NestModel fold = NestOver(folded, c_.element_bytes);
    fold.arithmetic = static_cast<double>(v[kVectors]);
    for (int64_t width = lanes_; width > 1; width /= 2) fold.arithmetic += 2;
    fold.accesses = {
        {c_.number, c_.element_bytes, true,
         StridesOver(folded, [&](const std::string& axis) { return c_.output.StrideOf(axis); })}};
    fold.shared_loops = static_cast<int>(outer.size());
    model.nests.push_back(std::move(fold));
  }

 private:
  int64_t TileOf(std::span<const int64_t> v, const std::string& axis) const {
    if (!rows_.empty() && rows_[0].var == axis) return v[kRows];
    if (rows_.size() > 1 && rows_[1].var == axis) return v[kOuterRows];
    return 1;
  }

  int64_t LiveVectors(std::span<const int64_t> v) const {
    int64_t tile = v[kRows] * v[kOuterRows] * v[kVectors];
    int64_t least = tile;
    for (const ContractionOperand& operand : c_.operands) {
      int64_t vectors = v[kVectors];
      for (const AxisLoop& row : rows_) {
        if (operand.DependsOn(row.var)) vectors *= TileOf(v, row.var);
      }
      least = std::min(least, vectors);
    }
    return tile + least + 1;
  }

  // Loops around a tile, at least one, and those of its rows.
  void BuildTiles(std::span<const int64_t> v, LoopPlan& plan,
                  std::vector<std::string>& inner) const {
    for (const AxisLoop& loop : c_.spatial) {
      if (loop.extent == 1) continue;
      int64_t tile = TileOf(v, loop.var);
      PlannedLoop whole = LoopPlan::Whole(loop);
      if (tile == 1) {
        plan.loops.push_back(whole);
      } else {
        auto [outer, row] = plan.Split(whole, tile);
        plan.loops.push_back(outer);
        inner.push_back(row.name);
      }
    }
    if (threads_ > 1 && !plan.loops.empty()) plan.MakeParallel(0, plan.loops.size(), threads_);
  }

  const Contraction c_;
  const int64_t lanes_;
  const int registers_, threads_;
  std::vector<AxisLoop> rows_;  // innermost first, at most two
};

class DotContractionRule : public Rule {
 public:
  std::string_view name() const override { return "dot"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    size_t nest = 0;
    std::optional<Contraction> contraction = MatchContraction(context, first, &nest);
    if (!contraction) return {};
    const AxisLoop& last = contraction->reduction.back();
    if (last.extent < context.options.target.VectorLanes(contraction->element_bytes)) return {};
    for (const ContractionOperand& operand : contraction->operands) {
      int64_t stride = operand.StrideOf(last.var);
      if ((stride != 0 && stride != 1) || !operand.guards.empty()) return {};
    }
    std::vector<size_t> covered;
    for (size_t n = first; n <= nest; ++n) covered.push_back(n);
    return {
        {std::make_shared<DotContractionPlan>(*contraction, context.options), std::move(covered)}};
  }
};

}  // namespace

std::unique_ptr<Rule> NewDotContractionRule() { return std::make_unique<DotContractionRule>(); }

}  // namespace lathe
