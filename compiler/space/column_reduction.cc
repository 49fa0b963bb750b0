// Rule: a reduction whose lanes run along the contiguous axis of its result.
//
// In panels, the partial results stay in registers over the whole reduction,
// pooling windows included, with elementwise consumers behind:
//   for outer { for j.o { for k { for rows { for vectors { for lanes: acc op= x }}}
//                         y = acc }}
// In bands of k, `band` rows of what is read are summed in registers, and the
// sums added to the result, which stays in the cache: few sequential streams.
//   for k.o { for j.o { for k.i { for lanes: part op= x }; y op= part }}
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/loop_plan.h"
#include "compiler/space/nest_numbers.h"
#include "compiler/space/register_tile.h"

namespace lathe {
namespace {

constexpr int64_t kMaxStride = 4;       // of reads over lanes
constexpr int64_t kMaxUnrolled = 64;    // vectors in straight-line code
constexpr int64_t kShortestColumn = 4;  // a loop in lanes

// The largest value of a knob up to `limit`, its first if there is none.
int64_t LargestUpTo(const Knob& knob, int64_t limit) {
  int64_t best = knob.domain.front();
  for (int64_t value : knob.domain) {
    if (value <= limit) best = std::max(best, value);
  }
  return best;
}

// `values`, with the last knob at the first value above 0 that the estimate likes
// better by what starting threads costs.
std::vector<int64_t> WithTasks(const Plan& plan, std::vector<int64_t> values,
                               const SpaceOptions& options) {
  constexpr double kForkSeconds = 3e-6;
  auto estimate = [&] {
    ScheduleModel model;
    plan.Model(values, model);
    return EstimateSeconds(model, options.target, options.threads);
  };
  values.back() = 0;
  double serial = estimate();
  for (int64_t tasks : plan.knobs().back().domain) {
    values.back() = tasks;
    if (tasks > 0 && estimate() + kForkSeconds < serial) return values;
  }
  values.back() = 0;
  return values;
}

// A loop by its position in the nest.
struct ColumnNest {
  std::string stage;
  std::vector<std::string> loops;
  std::vector<int64_t> extents;
  std::vector<int> outer;       // spatial, without `rows` and `columns`
  int rows = -1, columns = -1;  // rows: -1 if there is no further spatial loop
  std::vector<int> reductions;
  int lanes = 1;
  NestNumbers numbers;
  std::string Suffix(int loop) const { return loops[loop].substr(stage.size()); }
};

class PanelPlan : public Plan {
 public:
  struct Consumer {
    std::string stage, rows, columns;  // loops along the producer's
    NestNumbers numbers;
  };

  PanelPlan(ColumnNest nest, std::vector<Consumer> consumers, bool keep_result,
            const SpaceOptions& options)
      : nest_(std::move(nest)),
        consumers_(std::move(consumers)),
        keep_result_(keep_result),
        registers_(options.target.vector_registers),
        threads_(options.threads) {
    auto add = [&](const char* name, std::vector<int64_t> domain) {
      knobs_.push_back({absl::StrCat(nest_.stage, ".", name), std::move(domain)});
    };
    std::vector<int64_t> reduced;
    for (int k : nest_.reductions) reduced.push_back(nest_.extents[k]);
    add("vectors",
        UpTo({1, 2, 3, 4, 6, 8, 12, 16, 24}, CeilDiv(nest_.extents[nest_.columns], nest_.lanes)));
    add("rows", nest_.rows < 0 ? std::vector<int64_t>{1}
                               : UpTo({1, 2, 3, 4, 6, 7, 8, 14}, nest_.extents[nest_.rows]));
    add("unroll", ReductionUnrollCounts(reduced, 64));
    std::vector<int64_t> parallel{0};
    if (options.threads > 1) parallel.push_back(1);
    add("parallel", std::move(parallel));
  }

  std::string_view name() const override { return "columns"; }

  // Eight vectors, so that each line of a row is used whole and additions overlap;
  // short windows in straight-line code.
  std::vector<int64_t> Analytic(const SpaceOptions& options) const override {
    int64_t terms = 1;
    for (int k : nest_.reductions) terms *= nest_.extents[k];
    int64_t vectors = LargestUpTo(knobs_[0], 8);
    int64_t rows = terms <= 16 ? LargestUpTo(knobs_[1], 8 / vectors) : knobs_[1].domain.front();
    int64_t unroll = LargestUpTo(knobs_[2], terms <= 16 ? terms : 8);
    std::vector<int64_t> values{vectors, rows, unroll, 0};
    if (!IsLegal(values)) values = {1, 1, 1, 0};
    return WithTasks(*this, values, options);
  }

  bool IsLegal(std::span<const int64_t> v) const override {
    int64_t accumulators = v[0] * v[1];
    return accumulators + 2 <= registers_ &&
           (accumulators == 1 || accumulators * v[2] <= 4 * kMaxUnrolled);
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override {
    MarkList marks;
    int64_t width = v[0] * nest_.lanes, extent = nest_.extents[nest_.columns];
    RegisterTile tile;
    for (int loop : nest_.outer) tile.outer.push_back(nest_.loops[loop]);
    if (nest_.rows >= 0) {
      auto [outer, inner] = trace.Split(nest_.loops[nest_.rows], v[1]);
      tile.outer.push_back(outer);
      tile.rows.push_back(inner);
      if (nest_.extents[nest_.rows] % v[1] != 0) marks.Partition(outer);
    }
    auto [outer, block] = trace.Split(nest_.loops[nest_.columns], width);
    tile.outer.push_back(outer);
    if (extent > width && extent % width != 0) marks.Partition(outer);
    for (int k : nest_.reductions) tile.reductions.emplace_back(nest_.loops[k], nest_.extents[k]);
    tile.columns = block;
    tile.num_columns = width;
    tile.lanes = nest_.lanes;
    tile.unroll = v[2];
    EmitRegisterTile(tile, trace, marks);

    std::vector<Consumer> stages = consumers_;
    if (keep_result_) {
      Consumer copy{trace.CacheWrite(nest_.stage, "register"), "", "", {}};
      if (nest_.rows >= 0) copy.rows = copy.stage + nest_.Suffix(nest_.rows);
      copy.columns = copy.stage + nest_.Suffix(nest_.columns);
      stages.insert(stages.begin(), std::move(copy));
    } else {
      trace.Mark("set_scope", {nest_.stage, "register"});
    }
    for (const Consumer& consumer : stages) {
      trace.ReverseComputeAt(consumer.stage, outer);
      std::vector<std::string> rows;
      if (!consumer.rows.empty()) rows.push_back(consumer.rows);
      EmitTileCopy(rows, consumer.columns, width, nest_.lanes, trace, marks);
    }
    size_t parallel = ParallelLoops(v);
    if (parallel > 0) EmitParallel(std::span(tile.outer).first(parallel), trace, marks);
    marks.WriteTo(trace);
  }

  void Model(std::span<const int64_t> v, ScheduleModel& model) const override {
    int64_t width = v[0] * nest_.lanes;
    std::vector<TileLoop> loops;
    const size_t parallel = ParallelLoops(v);
    auto kind = [&] {
      return loops.size() < parallel ? ModelLoopKind::kParallel : ModelLoopKind::kSerial;
    };
    for (int loop : nest_.outer) {
      loops.push_back({loop, 1, static_cast<double>(nest_.extents[loop]), kind()});
    }
    if (nest_.rows >= 0) {
      loops.push_back({nest_.rows, v[1], Blocks(nest_.extents[nest_.rows], v[1]), kind()});
    }
    loops.push_back({nest_.columns, width, Blocks(nest_.extents[nest_.columns], width), kind()});
    size_t outside = loops.size();
    // As many of the innermost terms as are unrolled.
    int64_t unrolled = v[2];
    std::vector<TileLoop> terms;
    for (auto k = nest_.reductions.rbegin(); k != nest_.reductions.rend(); ++k) {
      int64_t part = std::min(unrolled, nest_.extents[*k]);
      unrolled = std::max<int64_t>(1, unrolled / part);
      if (part > 1) {
        terms.insert(terms.begin(), {*k, 1, static_cast<double>(part), ModelLoopKind::kUnrolled});
      }
      if (part < nest_.extents[*k]) {
        terms.insert(terms.begin(), {*k, part, Blocks(nest_.extents[*k], part)});
      }
    }
    loops.insert(loops.end(), terms.begin(), terms.end());
    std::vector<TileLoop> lanes;
    if (v[1] > 1) {
      lanes.push_back({nest_.rows, 1, static_cast<double>(v[1]), ModelLoopKind::kUnrolled});
    }
    if (v[0] > 1) {
      lanes.push_back(
          {nest_.columns, nest_.lanes, static_cast<double>(v[0]), ModelLoopKind::kUnrolled});
    }
    lanes.push_back({nest_.columns, 1, static_cast<double>(nest_.lanes), ModelLoopKind::kVector});
    loops.insert(loops.end(), lanes.begin(), lanes.end());
    NestModel nest = ModelOf(nest_.numbers, loops);
    nest.accumulators = static_cast<int>(v[0] * v[1]);
    nest.live_vectors = nest.accumulators + 1;
    std::erase_if(nest.accesses, [](const ModelAccess& access) { return access.write; });
    model.nests.push_back(std::move(nest));
    loops.resize(outside);
    loops.insert(loops.end(), lanes.begin(), lanes.end());
    NestNumbers copy = nest_.numbers;
    copy.operations = {};
    copy.accesses = {copy.accesses.back()};
    auto push = [&] {
      model.nests.push_back(ModelOf(copy, loops));
      model.nests.back().shared_loops = static_cast<int>(outside);
    };
    if (keep_result_) push();
    for (const Consumer& consumer : consumers_) {
      copy.operations = consumer.numbers.operations;
      copy.accesses = {consumer.numbers.accesses.back()};
      copy.accesses.back().strides.resize(nest_.loops.size());
      push();
    }
  }

 private:
  // How many of the loops around a tile are the parallel loop.
  size_t ParallelLoops(std::span<const int64_t> v) const {
    if (v[3] == 0) return 0;
    std::vector<int64_t> extents;
    for (int loop : nest_.outer) extents.push_back(nest_.extents[loop]);
    if (nest_.rows >= 0) extents.push_back(CeilDiv(nest_.extents[nest_.rows], v[1]));
    extents.push_back(CeilDiv(nest_.extents[nest_.columns], v[0] * nest_.lanes));
    return LoopsForThreads(extents, threads_);
  }

  const ColumnNest nest_;
  const std::vector<Consumer> consumers_;
  const bool keep_result_;
  const int registers_, threads_;
};

class BandPlan : public Plan {
 public:
  BandPlan(ColumnNest nest, const SpaceOptions& options)
      : nest_(std::move(nest)), threads_(options.threads) {
    auto add = [&](const char* name, std::vector<int64_t> domain) {
      knobs_.push_back({absl::StrCat(nest_.stage, ".", name), std::move(domain)});
    };
    std::vector<int64_t> bands;
    for (int64_t band : {2, 4, 6, 8, 12, 16, 24, 32}) {
      if (nest_.extents[nest_.reductions.front()] % band == 0) bands.push_back(band);
    }
    if (bands.empty()) bands = {1};
    add("band", std::move(bands));
    int64_t columns = nest_.extents[nest_.columns];
    add("vectors", UpTo({1, 2, 3, 4, 6, 8}, CeilDiv(columns, nest_.lanes)));
    if (threads_ > 1) add("tasks", UpTo({0, 1, 4}, columns / nest_.lanes / threads_));
  }

  std::string_view name() const override { return "columns.bands"; }

  std::vector<int64_t> Analytic(const SpaceOptions& options) const override {
    std::vector<int64_t> values{LargestUpTo(knobs_[0], 4), 1};
    if (threads_ < 2) return values;
    values.push_back(0);
    return WithTasks(*this, values, options);
  }

  // A block that ends at a multiple of the lanes, but not of the block, would get a
  // predicate that the verifier cannot trace back to the domain.
  bool IsLegal(std::span<const int64_t> v) const override {
    int64_t columns = nest_.extents[nest_.columns];
    bool ends_between = columns % (v[1] * nest_.lanes) != 0 && columns % nest_.lanes == 0;
    return v[0] * v[1] <= kMaxUnrolled && (v[1] == 1 || !ends_between);
  }

  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override {
    MarkList marks;
    int64_t width = v[1] * nest_.lanes, extent = nest_.extents[nest_.columns];
    auto [bands, band] = trace.Split(nest_.loops[nest_.reductions.front()], v[0]);
    std::string sum = trace.RFactor(nest_.stage, bands);
    std::string sum_bands = sum + bands.substr(nest_.stage.size());
    std::string columns = sum + nest_.Suffix(nest_.columns);
    std::vector<std::string> order;
    for (int loop : nest_.outer) order.push_back(sum + nest_.Suffix(loop));
    int64_t tasks = Tasks(v);
    if (tasks > 0) {
      auto [outer, inner] = trace.Split(columns, Chunk(v));
      columns = inner;
      order.push_back(outer);
      extent = Chunk(v);
    }
    auto [outer, block] = trace.Split(columns, width);
    order.insert(order.end(), {sum_bands, outer, block});
    trace.Reorder(order);
    trace.Mark("compute_at", {nest_.stage, outer});
    std::vector<std::string> inner{bands, band};
    for (size_t k = 1; k < nest_.reductions.size(); ++k) {
      inner.push_back(nest_.loops[nest_.reductions[k]]);
    }
    inner.push_back(nest_.loops[nest_.columns]);
    trace.Reorder(inner);
    trace.Mark("set_scope", {sum + ".part", "register"});
    SplitLanes(nest_.loops[nest_.columns], width, nest_.lanes, trace, marks);
    SplitLanes(block, width, nest_.lanes, trace, marks);
    marks.Unroll(band);
    marks.Unroll(bands);
    if (extent > width && extent % width != 0) marks.Partition(outer);
    size_t parallel = ParallelLoops(v);
    marks.Add("peel", {sum_bands, "first"});
    if (parallel > 0) EmitParallel(std::span(order).first(parallel), trace, marks);
    marks.WriteTo(trace);
  }

  void Model(std::span<const int64_t> v, ScheduleModel& model) const override {
    int64_t width = v[1] * nest_.lanes, extent = nest_.extents[nest_.columns];
    std::vector<TileLoop> loops;
    for (int loop : nest_.outer) {
      loops.push_back({loop, 1, static_cast<double>(nest_.extents[loop])});
    }
    if (Tasks(v) > 0) {
      loops.push_back({nest_.columns, Chunk(v), Blocks(extent, Chunk(v))});
      extent = Chunk(v);
    }
    for (size_t l = 0; l < ParallelLoops(v); ++l) loops[l].kind = ModelLoopKind::kParallel;
    int k0 = nest_.reductions.front();
    loops.push_back({k0, v[0], Blocks(nest_.extents[k0], v[0])});
    loops.push_back({nest_.columns, width, Blocks(extent, width)});
    size_t outside = loops.size();
    loops.push_back({k0, 1, static_cast<double>(v[0]), ModelLoopKind::kUnrolled});
    for (size_t k = 1; k < nest_.reductions.size(); ++k) {
      int loop = nest_.reductions[k];
      loops.push_back({loop, 1, static_cast<double>(nest_.extents[loop])});
    }
    std::vector<TileLoop> lanes;
    if (v[1] > 1) {
      lanes.push_back(
          {nest_.columns, nest_.lanes, static_cast<double>(v[1]), ModelLoopKind::kUnrolled});
    }
    lanes.push_back({nest_.columns, 1, static_cast<double>(nest_.lanes), ModelLoopKind::kVector});
    loops.insert(loops.end(), lanes.begin(), lanes.end());
    NestModel nest = ModelOf(nest_.numbers, loops);
    nest.live_vectors = static_cast<int>(v[1]) + 1;
    std::erase_if(nest.accesses, [](const ModelAccess& access) { return access.write; });
    model.nests.push_back(std::move(nest));
    // The sums are added to what stands in memory: read and write.
    loops.resize(outside);
    loops.insert(loops.end(), lanes.begin(), lanes.end());
    NestNumbers sum = nest_.numbers;
    sum.operations = {};
    sum.operations.arithmetic = 1;
    sum.num_spatial = sum.extents.size();
    sum.accesses = {sum.accesses.back(), sum.accesses.back()};
    sum.accesses.front().write = false;
    model.nests.push_back(ModelOf(sum, loops));
    model.nests.back().shared_loops = static_cast<int>(outside);
  }

 private:
  int64_t Tasks(std::span<const int64_t> v) const { return threads_ > 1 ? v[2] * threads_ : 0; }
  // Columns of one task, whole blocks.
  int64_t Chunk(std::span<const int64_t> v) const {
    int64_t width = v[1] * nest_.lanes;
    return CeilDiv(CeilDiv(nest_.extents[nest_.columns], width), Tasks(v)) * width;
  }
  // How many of the loops around the bands are the parallel loop.
  size_t ParallelLoops(std::span<const int64_t> v) const {
    if (Tasks(v) == 0) return 0;
    std::vector<int64_t> extents;
    for (int loop : nest_.outer) extents.push_back(nest_.extents[loop]);
    extents.push_back(CeilDiv(nest_.extents[nest_.columns], Chunk(v)));
    return LoopsForThreads(extents, threads_);
  }

  const ColumnNest nest_;
  const int threads_;
};

std::optional<ColumnNest> AsColumnNest(const SpaceContext& context, const StageNest& nest) {
  if (nest.stage->reduction.empty() || !nest.output.affine) return std::nullopt;
  ColumnNest result;
  result.stage = nest.stage->name;
  result.numbers = NumbersOf(context, nest);
  result.lanes = context.options.target.VectorLanes(result.numbers.element_bytes);
  int num_spatial = static_cast<int>(nest.stage->spatial.size());
  for (size_t l = 0; l < nest.loops.size(); ++l) {
    int loop = static_cast<int>(l);
    result.loops.push_back(nest.loops[l]->var);
    result.extents.push_back(nest.loops[l]->extent);
    if (loop >= num_spatial) {
      result.reductions.push_back(loop);
    } else if (nest.loops[l]->extent > 1) {
      result.columns = loop;
    }
  }
  if (result.lanes < 2 || result.columns < 0) return std::nullopt;
  const For& columns = *nest.loops[result.columns];
  if (columns.extent < kShortestColumn || nest.output.StrideOf(columns.var) != 1) {
    return std::nullopt;
  }
  bool moves = false;
  for (const ReadStride& read : nest.reads) {
    int64_t stride = read.StrideOf(columns.var);
    if (!read.affine || stride < 0 || stride > kMaxStride) return std::nullopt;
    moves = moves || stride > 0;
  }
  if (!moves) return std::nullopt;
  for (int l = 0; l < num_spatial; ++l) {
    if (l != result.columns) result.outer.push_back(l);
  }
  // The innermost other loop, if it may be tiled.
  if (!result.outer.empty() && nest.loops[result.outer.back()]->extent > 1) {
    result.rows = result.outer.back();
    result.outer.pop_back();
  }
  return result;
}

// What is loaded for one row serves others: rules for register tiles do better.
bool HasReuse(const StageNest& nest, const ColumnNest& columns) {
  for (size_t l = 0; l < nest.stage->spatial.size(); ++l) {
    if (static_cast<int>(l) == columns.columns || nest.loops[l]->extent == 1) continue;
    for (const ReadStride& read : nest.reads) {
      if (read.StrideOf(nest.loops[l]->var) == 0) return true;
    }
  }
  return false;
}

class ColumnReductionRule : public Rule {
 public:
  std::string_view name() const override { return "column_reduction"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    const StageNest& nest = context.nests[first];
    std::optional<ColumnNest> columns = AsColumnNest(context, nest);
    if (!columns || HasReuse(nest, *columns)) return {};
    std::vector<PlanMatch> matches;
    std::vector<size_t> covered =
        FusableConsumers(context.nests, first, columns->loops[columns->columns]);
    std::vector<PanelPlan::Consumer> consumers;
    for (size_t c : covered) {
      const StageNest& consumer = context.nests[c];
      consumers.push_back(
          {consumer.stage->name,
           columns->rows < 0 ? "" : LoopAlong(consumer, nest, columns->loops[columns->rows]),
           LoopAlong(consumer, nest, columns->loops[columns->columns]),
           NumbersOf(context, consumer)});
    }
    // Further consumers read what the first ones store: their loops are found there.
    if (consumers.size() > 1) {
      consumers.resize(1);
      covered.resize(1);
    }
    bool keep = consumers.empty() || context.IsReadElsewhere(first, covered);
    auto panel = std::make_shared<PanelPlan>(*columns, consumers, keep, context.options);
    covered.insert(covered.begin(), first);
    if (ReplaysAtEnds(*panel, context.naive)) matches.push_back({panel, covered});
    if (nest.loops[columns->reductions.front()]->extent >= 8 && columns->rows < 0) {
      auto bands = std::make_shared<BandPlan>(*columns, context.options);
      if (ReplaysAtEnds(*bands, context.naive)) matches.push_back({bands, {first}});
    }
    return matches;
  }
};

}  // namespace

std::unique_ptr<Rule> NewColumnReductionRule() { return std::make_unique<ColumnReductionRule>(); }

}  // namespace lathe
