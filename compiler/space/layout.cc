// Rule: a permuted copy, or an elementwise function of something that is read
// along another axis than it is written: in square tiles, each of which is
// turned in registers where the target has an instruction sequence for it.
//
//   for j.o { for i.o { for j.i { for i.i { y[j, i] = x[i, j] }}}}
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "compiler/intrinsic/intrinsic.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/loop_plan.h"
#include "compiler/space/nest_numbers.h"
#include "compiler/space/register_tile.h"

namespace lathe {
namespace {

struct LayoutNest {
  std::string stage;
  std::vector<std::string> loops;
  std::vector<int> outer;       // but the two of the tile
  int rows = -1, columns = -1;  // contiguous where it is read; where it is written
  int64_t num_rows = 1, num_columns = 1;
  int lanes = 1;
  NestNumbers numbers;
};

class LayoutPlan : public Plan {
 public:
  enum { kRowsOutside = 0, kColumnsOutside = 1 };

  // `tiles` are sizes; with `intrinsics`, one name for each.
  LayoutPlan(LayoutNest nest, std::string name, std::vector<int64_t> tiles,
             std::vector<std::string> intrinsics, int threads)
      : nest_(std::move(nest)),
        name_(std::move(name)),
        tiles_(std::move(tiles)),
        intrinsics_(std::move(intrinsics)),
        threads_(threads) {
    auto add = [&](const char* name, std::vector<int64_t> domain) {
      knobs_.push_back({absl::StrCat(nest_.stage, ".", name), std::move(domain)});
    };
    add("tile", tiles_);
    add("order", {kRowsOutside, kColumnsOutside});
    add("band", {1, 2, 4, 8, 16});  // tiles of the inner order that run first
    std::vector<int64_t> parallel{0};
    if (threads > 1) parallel.push_back(1);
    add("parallel", std::move(parallel));
  }

  std::string_view name() const override { return name_; }

  bool IsLegal(std::span<const int64_t> v) const override {
    int64_t extent = v[1] == kRowsOutside ? nest_.num_columns : nest_.num_rows;
    return v[2] == 1 || v[2] * v[0] < extent;
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override {
    MarkList marks;
    auto [rows, row] = trace.Split(nest_.loops[nest_.rows], v[0]);
    auto [columns, column] = trace.Split(nest_.loops[nest_.columns], v[0]);
    bool rest = nest_.num_rows % v[0] != 0 || nest_.num_columns % v[0] != 0;
    std::string first = v[1] == kRowsOutside ? rows : columns;
    std::string second = v[1] == kRowsOutside ? columns : rows;
    std::vector<std::string> order;
    for (int loop : nest_.outer) order.push_back(nest_.loops[loop]);
    if (v[2] > 1) {
      auto [bands, band] = trace.Split(second, v[2]);
      order.push_back(bands);
      if (rest || NumTiles(v[1] != kRowsOutside, v[0]) % v[2] != 0) marks.Partition(bands);
      second = band;
    }
    order.insert(order.end(), {first, second, row, column});
    trace.Reorder(order);
    marks.Vectorize(column);
    if (rest) {
      marks.Partition(first);
      marks.Partition(second);
    }
    if (!intrinsics_.empty()) {
      size_t at = std::find(tiles_.begin(), tiles_.end(), v[0]) - tiles_.begin();
      marks.Add("tensorize", {row, intrinsics_[at]});
    }
    if (v[3] == 1) EmitParallel(std::span(order).first(ParallelLoops(v)), trace, marks);
    marks.WriteTo(trace);
  }

  void Model(std::span<const int64_t> v, ScheduleModel& model) const override {
    std::vector<TileLoop> loops;
    const size_t parallel = v[3] == 1 ? ParallelLoops(v) : 0;
    auto kind = [&] {
      return loops.size() < parallel ? ModelLoopKind::kParallel : ModelLoopKind::kSerial;
    };
    for (int loop : nest_.outer) {
      loops.push_back({loop, 1, static_cast<double>(nest_.numbers.extents[loop]), kind()});
    }
    bool rows_outside = v[1] == kRowsOutside;
    int first = rows_outside ? nest_.rows : nest_.columns;
    int second = rows_outside ? nest_.columns : nest_.rows;
    double num_first = static_cast<double>(NumTiles(rows_outside, v[0]));
    double num_second = static_cast<double>(NumTiles(!rows_outside, v[0]));
    double band = v[2] > 1 ? static_cast<double>(v[2]) : num_second;
    if (v[2] > 1) loops.push_back({second, v[2] * v[0], num_second / band, kind()});
    loops.push_back({first, v[0], num_first, kind()});
    loops.push_back({second, v[0], band, kind()});
    double tile = static_cast<double>(v[0]);
    if (intrinsics_.empty()) {
      loops.push_back({nest_.rows, 1, tile});
      loops.push_back({nest_.columns, 1, tile, ModelLoopKind::kVector});
      model.nests.push_back(ModelOf(nest_.numbers, loops));
      return;
    }
    // A tile is that many vector loads, shuffles in log2 rounds, and stores.
    loops.push_back({nest_.rows, 1, tile, ModelLoopKind::kUnrolled});
    loops.push_back({nest_.columns, 1, tile, ModelLoopKind::kVector});
    NestNumbers numbers = nest_.numbers;
    for (NestNumbers::Access& access : numbers.accesses) {
      if (!access.write) std::swap(access.strides[nest_.rows], access.strides[nest_.columns]);
    }
    numbers.operations.arithmetic += v[0] >= 16 ? 4 : 3;
    NestModel nest = ModelOf(numbers, loops);
    nest.live_vectors = static_cast<int>(v[0]);
    model.nests.push_back(std::move(nest));
  }

 private:
  int64_t NumTiles(bool rows, int64_t tile) const {
    return CeilDiv(rows ? nest_.num_rows : nest_.num_columns, tile);
  }

  // How many of the loops around a tile are the parallel loop.
  size_t ParallelLoops(std::span<const int64_t> v) const {
    std::vector<int64_t> extents;
    for (int loop : nest_.outer) extents.push_back(nest_.numbers.extents[loop]);
    bool rows_outside = v[1] == kRowsOutside;
    int64_t second = NumTiles(!rows_outside, v[0]);
    if (v[2] > 1) extents.push_back(CeilDiv(second, v[2]));
    extents.push_back(NumTiles(rows_outside, v[0]));
    extents.push_back(v[2] > 1 ? v[2] : second);
    return LoopsForThreads(extents, threads_);
  }

  const LayoutNest nest_;
  const std::string name_;
  const std::vector<int64_t> tiles_;
  const std::vector<std::string> intrinsics_;
  const int threads_;
};

std::optional<LayoutNest> AsLayoutNest(const SpaceContext& context, const StageNest& nest) {
  if (!nest.stage->reduction.empty() || !nest.output.affine) return std::nullopt;
  LayoutNest result;
  result.stage = nest.stage->name;
  result.numbers = NumbersOf(context, nest);
  result.lanes = context.options.target.VectorLanes(result.numbers.element_bytes);
  for (size_t l = 0; l < nest.loops.size(); ++l) {
    result.loops.push_back(nest.loops[l]->var);
    if (nest.loops[l]->extent > 1 && nest.output.StrideOf(nest.loops[l]->var) == 1) {
      result.columns = static_cast<int>(l);
    }
  }
  if (result.columns < 0 || result.lanes < 2) return std::nullopt;
  for (const ReadStride& read : nest.reads) {
    if (!read.affine) return std::nullopt;
    if (read.StrideOf(nest.loops[result.columns]->var) <= 1) continue;
    for (size_t l = 0; l < nest.loops.size(); ++l) {
      bool contiguous = nest.loops[l]->extent > 1 && read.StrideOf(nest.loops[l]->var) == 1;
      if (contiguous && static_cast<int>(l) != result.columns) result.rows = static_cast<int>(l);
    }
  }
  if (result.rows < 0) return std::nullopt;
  result.num_rows = nest.loops[result.rows]->extent;
  result.num_columns = nest.loops[result.columns]->extent;
  for (size_t l = 0; l < nest.loops.size(); ++l) {
    int loop = static_cast<int>(l);
    if (loop != result.rows && loop != result.columns) result.outer.push_back(loop);
  }
  return result;
}

class LayoutRule : public Rule {
 public:
  std::string_view name() const override { return "layout"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    std::optional<LayoutNest> nest = AsLayoutNest(context, context.nests[first]);
    if (!nest) return {};
    int64_t shorter = std::min(nest->num_rows, nest->num_columns);
    std::vector<PlanMatch> matches;
    auto try_plan = [&](const char* name, std::vector<int64_t> tiles,
                        std::vector<std::string> intrinsics) {
      auto plan = std::make_shared<LayoutPlan>(*nest, name, std::move(tiles), std::move(intrinsics),
                                               context.options.threads);
      if (!ReplaysAtEnds(*plan, context.naive)) return false;
      matches.push_back({std::move(plan), {first}});
      return true;
    };
    std::vector<int64_t> sizes;
    std::vector<std::string> names;
    for (const std::string& name : IntrinsicNames()) {
      const HardwareIntrinsic& intrinsic = *FindIntrinsic(name);
      const Stage& stage = intrinsic.stage();
      bool square = stage.axes.size() == 2 && stage.axes[0].extent == stage.axes[1].extent;
      if (!square || stage.axes[0].extent > shorter ||
          !context.options.target.Has(intrinsic.feature)) {
        continue;
      }
      // Which of them computes this, only the primitive can tell.
      LayoutPlan probe(*nest, "layout", {stage.axes[0].extent}, {name}, 1);
      if (!ReplaysAtEnds(probe, context.naive)) continue;
      sizes.push_back(stage.axes[0].extent);
      names.push_back(name);
    }
    if (!sizes.empty()) try_plan("layout.in_registers", sizes, names);
    std::vector<int64_t> tiles;
    for (int64_t tile : {4, 8, 16, 32, 64}) {
      if (tile <= std::max<int64_t>(shorter, 4)) tiles.push_back(tile);
    }
    try_plan("layout", tiles, {});
    return matches;
  }
};

}  // namespace

std::unique_ptr<Rule> NewLayoutRule() { return std::make_unique<LayoutRule>(); }

}  // namespace lathe
