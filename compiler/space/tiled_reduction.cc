// Rule: a reduction that reuses what it reads over two spatial axes (matmul
// and its kin) computes a register tile of rows x vectors, with elementwise
// consumers fused behind the tile.
//
//   for j.o { for i.o {                    # tiles (or i.o outside: a knob)
//     for k.o { for k.i { for i.i { for j.v { for j.l: acc += a * b }}}}
//     consumers of the tile }}
//
// The vector axis j is contiguous in the result and in everything that depends
// on it; the row axis i is one that some j-contiguous read does not depend on.
#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/space/plan.h"

namespace lathe {
namespace {

// Knob positions.
enum { kRows, kVectors, kUnroll, kOrder };
enum { kPanelsOutside = 0, kRowsOutside = 1 };

constexpr int64_t kMaxTileOps = 256;  // multiply-adds in the unrolled body

struct TiledLoops {
  std::string rows, vector, innermost_reduction;  // rows may be empty
  int64_t num_rows = 1, num_columns = 1, reduction_extent = 1;
  std::vector<std::string> batch, outer_reductions;
};

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

class TiledReductionPlan : public Plan {
 public:
  std::string_view name() const override { return "tiled_reduction"; }

  TiledReductionPlan(std::string stage, TiledLoops loops,
                     std::vector<std::vector<std::string>> consumer_loops,
                     std::vector<std::string> consumers, bool keep_result, int lanes, int registers,
                     int threads)
      : stage_(std::move(stage)),
        loops_(std::move(loops)),
        consumer_loops_(std::move(consumer_loops)),
        consumers_(std::move(consumers)),
        keep_result_(keep_result),
        lanes_(lanes),
        registers_(registers),
        threads_(threads) {
    auto add = [&](const char* name, std::vector<int64_t> domain) {
      knobs_.push_back({stage_ + "." + name, std::move(domain)});
    };
    add("rows", UpTo({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 16, 20, 24, 28}, loops_.num_rows));
    add("vectors",
        UpTo({1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14}, CeilDiv(loops_.num_columns, lanes_)));
    add("unroll", UpTo({1, 2, 4, 8}, loops_.reduction_extent));
    bool ordered = !loops_.rows.empty() && loops_.num_columns > lanes_;
    add("order", ordered ? std::vector<int64_t>{kPanelsOutside, kRowsOutside}
                         : std::vector<int64_t>{kPanelsOutside});
  }

  // Accumulators, one vector of each column and one broadcast must fit, with
  // two to spare when unrolling lets loads move ahead.
  bool IsLegal(std::span<const int64_t> v) const override {
    int64_t live = v[kRows] * v[kVectors] + v[kVectors] + 1;
    int64_t usable = registers_ - (v[kUnroll] > 1 ? 3 : 1);
    return live <= usable && v[kRows] * v[kVectors] * v[kUnroll] <= kMaxTileOps;
  }

  std::vector<int64_t> Analytic(const SpaceOptions&) const override {
    std::vector<int64_t> best;
    double best_cost = std::numeric_limits<double>::infinity();
    for (int64_t rows : knobs_[kRows].domain) {
      for (int64_t vectors : knobs_[kVectors].domain) {
        int64_t unroll = 1;
        for (int64_t u : knobs_[kUnroll].domain) {
          if (loops_.reduction_extent % u == 0 && rows * vectors * u <= 64) unroll = u;
        }
        std::vector<int64_t> values{rows, vectors, unroll, kPanelsOutside};
        double cost = Cost(rows, vectors, unroll);
        if (IsLegal(values) && cost < best_cost) {
          best_cost = cost;
          best = values;
        }
      }
    }
    return best;
  }

  void Model(std::span<const int64_t> v, ScheduleModel& model) const override {
    NestModel nest;
    auto tiles = [](int64_t extent, int64_t tile) { return static_cast<double>(extent) / tile; };
    nest.loops = {{tiles(loops_.num_columns, v[kVectors] * lanes_), ModelLoopKind::kSerial, false},
                  {tiles(loops_.num_rows, v[kRows]), ModelLoopKind::kSerial, false},
                  {static_cast<double>(loops_.reduction_extent), ModelLoopKind::kSerial, true},
                  {static_cast<double>(v[kRows]), ModelLoopKind::kUnrolled, false},
                  {static_cast<double>(v[kVectors] * lanes_), ModelLoopKind::kVector, false}};
    nest.multiply_adds = 1;
    nest.accumulators = static_cast<int>(v[kRows] * v[kVectors]);
    nest.live_vectors = nest.accumulators + static_cast<int>(v[kVectors]) + 1;
    model.nests.push_back(std::move(nest));
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override {
    std::vector<std::string> outer, unrolled, partitioned;
    std::string row_outer;
    std::vector<std::string> inner;
    if (!loops_.rows.empty()) {
      auto [o, i] = trace.Split(loops_.rows, v[kRows]);
      row_outer = o;
      inner.push_back(i);
      unrolled.push_back(i);
      if (loops_.num_rows % v[kRows] != 0) partitioned.push_back(o);
    }
    int64_t tile = v[kVectors] * lanes_;
    auto [column_outer, columns] = trace.Split(loops_.vector, tile);
    if (loops_.num_columns % tile != 0) partitioned.push_back(column_outer);
    std::string lanes_loop = SplitVectors(trace, columns, v[kVectors], inner, unrolled);

    std::vector<std::string> reductions = loops_.outer_reductions;
    if (v[kUnroll] > 1) {
      auto [o, i] = trace.Split(loops_.innermost_reduction, v[kUnroll]);
      reductions.insert(reductions.end(), {o, i});
      unrolled.push_back(i);
      if (loops_.reduction_extent % v[kUnroll] != 0) partitioned.push_back(o);
    } else {
      reductions.push_back(loops_.innermost_reduction);
    }

    std::vector<std::string> order = loops_.batch;
    std::vector<std::string> tiles{column_outer};
    if (!row_outer.empty()) {
      tiles.insert(v[kOrder] == kRowsOutside ? tiles.begin() : tiles.end(), row_outer);
    }
    order.insert(order.end(), tiles.begin(), tiles.end());
    std::string parallel = order.front();
    order.insert(order.end(), reductions.begin(), reductions.end());
    order.insert(order.end(), inner.begin(), inner.end());
    trace.Reorder(order);

    FuseConsumers(trace, tiles.back(), v);
    trace.Mark("vectorize", {lanes_loop});
    for (const std::string& loop : unrolled) trace.Mark("unroll", {loop});
    for (const std::string& loop : partitioned) trace.Mark("tail", {loop, "partition"});
    if (threads_ > 1) trace.Mark("parallel", {parallel});
  }

 private:
  static std::vector<int64_t> UpTo(std::vector<int64_t> domain, int64_t limit) {
    std::erase_if(domain, [limit](int64_t value) { return value > std::max<int64_t>(limit, 1); });
    return domain;
  }

  // Cycles of the whole nest per reduction step, up to a factor: multiply-adds
  // of all tiles, no fewer than the pipeline needs independent (8), a share of
  // the loads, and the loop's own instructions.
  double Cost(int64_t rows, int64_t vectors, int64_t unroll) const {
    auto tile_cost = [&](int64_t r) {
      double ops = static_cast<double>(r * vectors);
      return std::max(ops, 8.0) + 0.15 * static_cast<double>(r + vectors) + 2.0 / unroll;
    };
    int64_t panels = CeilDiv(loops_.num_columns, vectors * lanes_);
    double full = static_cast<double>(loops_.num_rows / rows);
    int64_t rest = loops_.num_rows % rows;
    return panels * (full * tile_cost(rows) + (rest ? tile_cost(rest) : 0));
  }

  // Splits `columns` into vectors of lanes_; returns the loop over lanes.
  std::string SplitVectors(TraceBuilder& trace, const std::string& columns, int64_t vectors,
                           std::vector<std::string>& inner,
                           std::vector<std::string>& unrolled) const {
    if (vectors == 1) {
      inner.push_back(columns);
      return columns;
    }
    auto [v, l] = trace.Split(columns, lanes_);
    inner.insert(inner.end(), {v, l});
    unrolled.push_back(v);
    return l;
  }

  void FuseConsumers(TraceBuilder& trace, const std::string& tile_loop,
                     std::span<const int64_t> v) const {
    std::vector<std::string> stages = consumers_;
    std::vector<std::vector<std::string>> loops = consumer_loops_;
    if (keep_result_) {
      std::string copy = trace.CacheWrite(stage_, "register");
      stages.insert(stages.begin(), copy);
      std::vector<std::string> copy_loops;  // named like the stage's own
      for (const std::string& loop : {loops_.rows, loops_.vector}) {
        copy_loops.push_back(loop.empty() ? "" : copy + loop.substr(stage_.size()));
      }
      loops.insert(loops.begin(), copy_loops);
    } else {
      trace.Mark("set_scope", {stage_, "register"});
    }
    for (size_t c = 0; c < stages.size(); ++c) {
      trace.ReverseComputeAt(stages[c], tile_loop);
      std::vector<std::string> inner, unrolled;
      if (!loops[c][0].empty()) unrolled.push_back(loops[c][0]);
      std::string lanes = SplitVectors(trace, loops[c][1], v[kVectors], inner, unrolled);
      trace.Mark("vectorize", {lanes});
      for (const std::string& loop : unrolled) trace.Mark("unroll", {loop});
    }
  }

  const std::string stage_;
  const TiledLoops loops_;
  const std::vector<std::vector<std::string>> consumer_loops_;  // {rows, vector} of each
  const std::vector<std::string> consumers_;
  const bool keep_result_;
  const int lanes_, registers_, threads_;
};

bool AllAffine(const StageNest& nest) {
  return nest.output.affine && std::all_of(nest.reads.begin(), nest.reads.end(),
                                           [](const ReadStride& read) { return read.affine; });
}

// Contiguous or constant everywhere, and contiguous somewhere.
bool IsVectorAxis(const StageNest& nest, const std::string& loop) {
  if (nest.output.StrideOf(loop) != 1) return false;
  bool contiguous = false;
  for (const ReadStride& read : nest.reads) {
    int64_t stride = read.StrideOf(loop);
    if (stride != 0 && stride != 1) return false;
    contiguous = contiguous || stride == 1;
  }
  return contiguous;
}

bool IsRowAxis(const StageNest& nest, const std::string& loop, const std::string& vector) {
  return std::any_of(nest.reads.begin(), nest.reads.end(), [&](const ReadStride& read) {
    return read.StrideOf(vector) == 1 && read.StrideOf(loop) == 0;
  });
}

// The consumer's loop that runs along `producer_loop` of the producer's result.
std::string LoopAlong(const StageNest& consumer, const StageNest& producer,
                      const std::string& producer_loop) {
  const std::vector<Expr>& written = producer.store->indices;
  for (size_t d = 0; d < written.size(); ++d) {
    const auto* var = written[d].As<Var>();
    if (!var || var->name != producer_loop) continue;
    for (const ReadStride& read : consumer.reads) {
      if (read.read->buffer != producer.store->buffer) continue;
      if (const auto* index = read.read->indices[d].As<Var>()) return index->name;
    }
  }
  return "";
}

std::shared_ptr<const Plan> NewTiledReductionPlan(const StageNest& nest,
                                                  const std::vector<const StageNest*>& consumers,
                                                  bool result_is_read_elsewhere,
                                                  const SpaceOptions& options) {
  if (nest.stage->reduction.empty() || nest.reads.size() < 2 || !AllAffine(nest)) return nullptr;
  int lanes = options.target.VectorLanes(ByteSize(nest.store->value.type().scalar));
  if (lanes < 2) return nullptr;

  TiledLoops loops;
  size_t num_spatial = nest.stage->spatial.size();
  for (size_t i = num_spatial; i-- > 0 && loops.vector.empty();) {
    if (IsVectorAxis(nest, nest.loops[i]->var) && nest.loops[i]->extent > 1) {
      loops.vector = nest.loops[i]->var;
      loops.num_columns = nest.loops[i]->extent;
    }
  }
  if (loops.vector.empty()) return nullptr;
  for (size_t i = num_spatial; i-- > 0;) {
    const For& loop = *nest.loops[i];
    if (loop.var == loops.vector) continue;
    if (loops.rows.empty() && loop.extent > 1 && IsRowAxis(nest, loop.var, loops.vector)) {
      loops.rows = loop.var;
      loops.num_rows = loop.extent;
    } else {
      loops.batch.insert(loops.batch.begin(), loop.var);
    }
  }
  for (size_t i = num_spatial; i + 1 < nest.loops.size(); ++i) {
    loops.outer_reductions.push_back(nest.loops[i]->var);
  }
  loops.innermost_reduction = nest.loops.back()->var;
  loops.reduction_extent = nest.loops.back()->extent;

  std::vector<std::vector<std::string>> consumer_loops;
  std::vector<std::string> names;
  for (const StageNest* consumer : consumers) {
    std::string rows = loops.rows.empty() ? "" : LoopAlong(*consumer, nest, loops.rows);
    std::string vector = LoopAlong(*consumer, nest, loops.vector);
    if (vector.empty()) return nullptr;
    consumer_loops.push_back({rows, vector});
    names.push_back(consumer->stage->name);
  }
  return std::make_shared<TiledReductionPlan>(
      nest.stage->name, std::move(loops), std::move(consumer_loops), std::move(names),
      result_is_read_elsewhere, lanes, options.target.vector_registers, options.threads);
}

// Elementwise consumers that follow `nests[producer]` and read nothing that is
// computed between, so that they can run tile by tile.
std::vector<size_t> FusableConsumers(const std::vector<StageNest>& nests, size_t producer) {
  std::vector<size_t> fused;
  for (size_t c = producer + 1; c < nests.size(); ++c) {
    if (!IsElementwiseConsumer(nests[c], nests[producer])) break;
    bool contiguous = true;
    for (const ReadStride& read : nests[c].reads) {
      bool between = std::any_of(fused.begin(), fused.end(), [&](size_t f) {
        return nests[f].store->buffer == read.read->buffer;
      });
      contiguous = contiguous && read.affine && !between;
    }
    if (!contiguous) break;
    fused.push_back(c);
  }
  return fused;
}

class TiledReductionRule : public Rule {
 public:
  std::string_view name() const override { return "tiled_reduction"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    std::vector<size_t> covered = FusableConsumers(context.nests, first);
    std::vector<const StageNest*> consumers;
    for (size_t c : covered) consumers.push_back(&context.nests[c]);
    bool elsewhere = consumers.empty() || context.IsReadElsewhere(first, covered);
    auto plan = NewTiledReductionPlan(context.nests[first], consumers, elsewhere, context.options);
    if (plan == nullptr) return {};
    covered.insert(covered.begin(), first);
    return {{std::move(plan), std::move(covered)}};
  }
};

}  // namespace

std::unique_ptr<Rule> NewTiledReductionRule() { return std::make_unique<TiledReductionRule>(); }

}  // namespace lathe
