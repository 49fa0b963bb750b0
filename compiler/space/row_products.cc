// Plan: stages that share rows, products among them: attention and its kin. One
// loop over blocks of rows; the results of products for a block stay in the caches
// until later stages have read them, so that no matrix of them is ever made.
//
//   for heads { copy of the shared operand, turned
//     for blocks of rows {
//       for j.o { for d { rows x vectors: s += q * k }}     # registers, then the block
//       for rows { top, e, total in lanes }
//       for d.o { for j { rows x vectors: t += e * v }}
//       y }}
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/intrinsic/intrinsic.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/loop_plan.h"
#include "compiler/space/row_plan.h"

namespace lathe {
namespace {

class RowProductsPlan : public Plan {
 public:
  RowProductsPlan(RowGroup group, const SpaceContext& context)
      : group_(std::move(group)),
        registers_(context.options.target.vector_registers),
        threads_(context.options.threads) {
    for (const RowStage& stage : group_.stages) {
      std::vector<int64_t> vectors;
      for (int64_t v : {1, 2, 3, 4, 6}) {
        bool halves = v != 3 && v != 6;  // as lanes fold
        if (stage.kind == RowStageKind::kFold && !halves) continue;
        if (v == 1 || v <= CeilDiv(stage.extent, stage.lanes)) vectors.push_back(v);
      }
      vectors_.push_back(stage.vector_loop < 0 ? -1 : Add(stage.name + ".vectors", vectors));
      bool product = stage.kind == RowStageKind::kProduct;
      unroll_.push_back(product ? Add(stage.name + ".unroll", {1, 2, 4}) : -1);
      if (product && stage.packed >= 0) turn_ = TurnOf(stage, context);
      if (product) buffers_ = static_cast<int>(context.naive.buffers.size());
    }
    std::vector<int64_t> rows;
    for (int64_t r : {1, 2, 3, 4, 5, 6, 8, 10, 12, 13, 14, 16, 20, 24, 28}) {
      if (group_.rows.back() % r == 0) rows.push_back(r);
    }
    rows_ = Add(group_.stages.back().name + ".rows", std::move(rows));
    std::vector<int64_t> parallel{0};
    if (threads_ > 1) parallel.push_back(1);
    parallel_ = Add(group_.stages.back().name + ".parallel", std::move(parallel));
  }

  std::string_view name() const override { return group_.name; }

  bool IsLegal(std::span<const int64_t> v) const override {
    for (size_t s = 0; s < group_.stages.size(); ++s) {
      const RowStage& stage = group_.stages[s];
      int64_t vectors = Vectors(v, s);
      if (stage.kind == RowStageKind::kFold && !CanFoldRows(stage.extent, stage.lanes, vectors)) {
        return false;
      }
      if (stage.kind != RowStageKind::kProduct) continue;
      if (v[rows_] * vectors + vectors + 1 > registers_) return false;
      bool ends_between =
          stage.extent % (vectors * stage.lanes) != 0 && stage.extent % stage.lanes == 0;
      if (vectors > 1 && ends_between) return false;
    }
    return true;
  }

  // The tile that loads least for each multiply-add; four vectors elsewhere.
  std::vector<int64_t> Analytic(const SpaceOptions&) const override {
    std::vector<int64_t> values;
    for (const Knob& knob : knobs_) values.push_back(knob.domain.front());
    double best = -1;
    std::vector<int64_t> chosen = values;
    for (int64_t rows : knobs_[rows_].domain) {
      for (int64_t vectors : {1, 2, 3, 4}) {
        std::vector<int64_t> tried = values;
        tried[rows_] = rows;
        for (size_t s = 0; s < group_.stages.size(); ++s) {
          bool product = group_.stages[s].kind == RowStageKind::kProduct;
          if (product) tried[unroll_[s]] = 2;
          if (vectors_[s] < 0) continue;
          for (int64_t value : knobs_[vectors_[s]].domain) {
            if (value > (product ? vectors : 4)) break;
            std::vector<int64_t> longer = tried;
            longer[vectors_[s]] = value;
            if (IsLegal(longer)) tried = std::move(longer);
          }
        }
        double reuse = Reuse(tried);
        if (IsLegal(tried) && reuse > best) {
          best = reuse;
          chosen = std::move(tried);
        }
      }
    }
    return chosen;
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override;
  void Model(std::span<const int64_t> v, ScheduleModel& model) const override;

 private:
  // How the copy of a shared operand is turned in registers.
  struct Turn {
    std::string intrinsic;  // empty: by loops
    int64_t tile = 1;
    bool in_rows = false;  // once for each outermost row
  };

  int Add(std::string name, std::vector<int64_t> domain) {
    knobs_.push_back({std::move(name), std::move(domain)});
    return static_cast<int>(knobs_.size()) - 1;
  }
  int64_t Vectors(std::span<const int64_t> v, size_t stage) const {
    return vectors_[stage] < 0 ? 0 : v[vectors_[stage]];
  }

  // Multiply-adds for each load, of all products together.
  double Reuse(std::span<const int64_t> v) const {
    double reuse = 0;
    for (size_t s = 0; s < group_.stages.size(); ++s) {
      if (group_.stages[s].kind != RowStageKind::kProduct) continue;
      double rows = static_cast<double>(v[rows_]), vectors = static_cast<double>(Vectors(v, s));
      reuse += rows * vectors / (rows + vectors);
    }
    return reuse;
  }

  static Turn TurnOf(const RowStage& stage, const SpaceContext& context) {
    Turn turn;
    const Buffer& buffer = *context.naive.FindBuffer(stage.shared);
    int64_t inner = buffer.shape[stage.packed], outer = buffer.shape[stage.packed - 1];
    for (const std::string& name : IntrinsicNames()) {
      const HardwareIntrinsic& intrinsic = *FindIntrinsic(name);
      const Stage& tile = intrinsic.stage();
      if (tile.axes.size() != 2 || !context.options.target.Has(intrinsic.feature)) continue;
      int64_t extent = tile.axes[0].extent;
      bool fits = tile.type == buffer.type && inner % extent == 0 && outer % extent == 0;
      if (!fits || extent <= turn.tile) continue;
      turn.intrinsic = name;
      turn.tile = extent;
    }
    turn.in_rows = buffer.shape.size() == 3 && stage.row_loops.size() == 2;
    return turn;
  }

  // How many of the loops over rows, blocks last, are the parallel loop. A copy
  // within the first of them is made ahead of all where they are several.
  size_t ParallelLoops(std::span<const int64_t> v) const {
    std::vector<int64_t> extents = group_.rows;
    extents.back() /= v[rows_];
    return v[parallel_] == 1 ? LoopsForThreads(extents, threads_) : 0;
  }

  void EmitTurn(const RowStage& stage, const std::string& copy, bool in_rows, TraceBuilder& trace,
                MarkList& marks) const {
    std::string inner = absl::StrCat(copy, ".d", stage.packed, "o");
    std::string outer = absl::StrCat(copy, ".d", stage.packed - 1);
    if (in_rows) trace.Mark("compute_at", {copy, group_.stages.back().row_loops.front()});
    int64_t tile = turn_.tile > 1 ? turn_.tile : stage.lanes;
    auto [o, i] = trace.Split(outer, tile);
    if (turn_.intrinsic.empty()) {
      marks.Vectorize(i);
      return;
    }
    auto [io, ii] = trace.Split(inner, tile);
    trace.Reorder({o, io, ii, i});
    marks.Add("tensorize", {ii, turn_.intrinsic});
  }

  // Moves a product and the stage that writes its tiles; returns the latter.
  void MoveProduct(const RowStage& stage, const std::string& copy, int64_t width,
                   const std::string& at, TraceBuilder& trace, MarkList& marks) const;
  void TileProduct(const RowStage& stage, int64_t vectors, int64_t unroll, TraceBuilder& trace,
                   MarkList& marks) const;

  RowGroup group_;
  const int registers_, threads_;
  int buffers_ = 0;  // the number of the turned copy
  Turn turn_;
  std::vector<int> vectors_, unroll_;  // knobs, by stage; -1: none
  int rows_ = -1, parallel_ = -1;
};

void RowProductsPlan::MoveProduct(const RowStage& stage, const std::string& copy, int64_t width,
                                  const std::string& at, TraceBuilder& trace,
                                  MarkList& marks) const {
  trace.Mark("compute_at", {copy, at});
  auto of_copy = [&](const std::string& loop) { return copy + loop.substr(stage.name.size()); };
  auto [outer, block] = trace.Split(of_copy(stage.vector), width);
  std::vector<std::string> order;
  for (const std::string& row : stage.row_loops) order.push_back(of_copy(row));
  std::string row = order.back();
  order.back() = outer;
  order.insert(order.end(), {row, block});
  trace.Reorder(order);
  trace.Mark("compute_at", {stage.name, outer});
  EmitTileCopy({row}, block, width, stage.lanes, trace, marks);
}

void RowProductsPlan::TileProduct(const RowStage& stage, int64_t vectors, int64_t unroll,
                                  TraceBuilder& trace, MarkList& marks) const {
  RegisterTile tile;
  tile.outer.assign(stage.row_loops.begin(), stage.row_loops.end() - 1);
  tile.reductions = {{stage.loops[stage.reduced], stage.numbers.extents[stage.reduced]}};
  tile.rows = {stage.row_loops.back()};
  tile.columns = stage.vector;
  tile.num_columns = vectors * stage.lanes;
  tile.lanes = stage.lanes;
  tile.unroll = std::min(unroll, stage.numbers.extents[stage.reduced]);
  EmitRegisterTile(tile, trace, marks);
}

void RowProductsPlan::Emit(std::span<const int64_t> v, TraceBuilder& trace) const {
  for (const std::string& stage : group_.inlined) trace.Mark("inline", {stage});
  size_t last = group_.stages.size() - 1;
  std::vector<RowNames> names(last + 1);
  std::vector<std::string> copies(last + 1);
  const size_t parallel = ParallelLoops(v);
  std::string turned;
  for (size_t s = 0; s <= last; ++s) {
    const RowStage& stage = group_.stages[s];
    if (stage.kind == RowStageKind::kFold) names[s] = EmitRowFold(stage, Vectors(v, s), trace);
    if (stage.kind != RowStageKind::kProduct) continue;
    if (stage.packed >= 0) turned = trace.Pack(stage.shared, {{stage.packed, 1}});
    copies[s] = trace.CacheWrite(stage.name, "register");
  }
  MarkList marks;
  const RowStage& sink = group_.stages[last];
  auto [at, in_block] = trace.Split(sink.row_loops.back(), v[rows_]);
  for (size_t s = last; s-- > 0;) {
    const RowStage& stage = group_.stages[s];
    if (stage.kind == RowStageKind::kProduct) {
      MoveProduct(stage, copies[s], Vectors(v, s) * stage.lanes, at, trace, marks);
      continue;
    }
    bool folds = stage.kind == RowStageKind::kFold;
    trace.Mark("compute_at", {folds ? names[s].fold : stage.name, at});
    if (folds) trace.Mark("compute_at", {stage.name, names[s].fold_rows.back()});
  }
  for (size_t s = 0; s <= last; ++s) {
    const RowStage& stage = group_.stages[s];
    if (stage.kind == RowStageKind::kProduct) {
      if (stage.packed >= 0) EmitTurn(stage, turned, turn_.in_rows && parallel < 2, trace, marks);
      TileProduct(stage, Vectors(v, s), v[unroll_[s]], trace, marks);
      continue;
    }
    if (!names[s].fold.empty()) trace.Mark("set_scope", {names[s].fold + ".part", "register"});
    EmitRowLanes(stage, names[s], Vectors(v, s), trace, marks);
    if (!names[s].fold.empty()) marks.Vectorize(names[s].fold_block);
  }
  if (parallel > 0) {
    std::vector<std::string> rows = sink.row_loops;
    rows.back() = at;
    EmitParallel(std::span(rows).first(parallel), trace, marks);
  }
  marks.WriteTo(trace);
}

void RowProductsPlan::Model(std::span<const int64_t> v, ScheduleModel& model) const {
  int64_t block = v[rows_];
  for (size_t s = 0; s < group_.stages.size(); ++s) {
    const RowStage& stage = group_.stages[s];
    std::vector<TileLoop> loops;
    for (size_t r = 0; r < group_.rows.size(); ++r) {
      bool parallel = r < ParallelLoops(v);
      int64_t step = r + 1 == group_.rows.size() ? block : 1;
      loops.push_back({stage.row_positions[r], step, Blocks(group_.rows[r], step),
                       parallel ? ModelLoopKind::kParallel : ModelLoopKind::kSerial});
    }
    int shared = static_cast<int>(loops.size());
    bool product = stage.kind == RowStageKind::kProduct;
    int row = stage.row_positions.back();
    double rows = static_cast<double>(block);
    int64_t vectors = Vectors(v, s), width = std::max<int64_t>(1, vectors) * stage.lanes;
    if (!product) loops.push_back({row, 1, rows});
    for (int loop : stage.other_loops) {
      if (loop == stage.reduced) continue;
      loops.push_back({loop, 1, static_cast<double>(stage.numbers.extents[loop])});
    }
    if (stage.vector_loop >= 0) {
      loops.push_back({stage.vector_loop, width, Blocks(stage.extent, width)});
    }
    NestNumbers numbers = stage.numbers;
    if (product) {
      int64_t terms = numbers.extents[stage.reduced];
      int64_t unroll = std::min(v[unroll_[s]], terms);
      loops.push_back({stage.reduced, unroll, Blocks(terms, unroll)});
      loops.push_back({stage.reduced, 1, static_cast<double>(unroll), ModelLoopKind::kUnrolled});
      loops.push_back({row, 1, rows, ModelLoopKind::kUnrolled});
      for (NestNumbers::Access& access : numbers.accesses) {
        if (stage.packed < 0 || access.strides[row] != 0 || access.write) continue;
        // Of the turned copy.
        access.buffer = buffers_;
        access.strides[stage.vector_loop] = 1;
        access.strides[stage.reduced] = stage.extent;
      }
    }
    if (vectors > 1) {
      loops.push_back(
          {stage.vector_loop, stage.lanes, static_cast<double>(vectors), ModelLoopKind::kUnrolled});
    }
    if (vectors > 0) {
      loops.push_back(
          {stage.vector_loop, 1, static_cast<double>(stage.lanes), ModelLoopKind::kVector});
    }
    NestModel nest = ModelOf(numbers, loops);
    nest.shared_loops = s > 0 ? shared : 0;
    if (product) nest.accumulators = static_cast<int>(block * vectors);
    if (stage.kind == RowStageKind::kFold) nest.accumulators = static_cast<int>(vectors);
    nest.live_vectors =
        product ? nest.accumulators + static_cast<int>(vectors) + 1 : static_cast<int>(2 * vectors);
    model.nests.push_back(std::move(nest));
  }
}

}  // namespace

std::shared_ptr<const Plan> NewRowProductsPlan(RowGroup group, const SpaceContext& context) {
  if (group.stages.back().kind != RowStageKind::kMap || group.rows.empty()) return nullptr;
  int turned = 0;
  for (const RowStage& stage : group.stages) turned += stage.packed >= 0;
  if (turned > 1) return nullptr;
  auto plan = std::make_shared<RowProductsPlan>(std::move(group), context);
  return ReplaysAtEnds(*plan, context.naive) ? plan : nullptr;
}

}  // namespace lathe
