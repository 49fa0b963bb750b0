#include "compiler/space/row_plan.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/space/knob_domain.h"
#include "compiler/space/loop_plan.h"
#include "compiler/space/register_tile.h"

namespace lathe {
namespace {

constexpr double kForkSeconds = 3e-6;  // to start and join the threads

class RowPlan : public Plan {
 public:
  RowPlan(RowGroup group, const SpaceOptions& options)
      : group_(std::move(group)), threads_(options.threads) {
    for (const RowStage& stage : group_.stages) vectors_.push_back(AddVectors(stage));
    num_rows_ = 1;
    for (int64_t extent : group_.rows) num_rows_ *= extent;
    if (group_.stages.size() > 1) {
      rows_ = Add(Sink().name + ".rows", UpTo({1, 2, 4, 8}, group_.rows.back()));
    }
    if (group_.replaced >= 0) in_place_ = Add(Sink().name + ".in_place", {0, 1});
    if (threads_ > 1 && !Tasks().empty()) tasks_ = Add(Sink().name + ".tasks", Tasks());
  }

  std::string_view name() const override { return group_.name; }

  bool IsLegal(std::span<const int64_t> v) const override {
    if ((group_.has_outputs || IsInPlace(v)) && !BlocksArePartition(v)) return false;
    for (size_t s = 0; s < group_.stages.size(); ++s) {
      const RowStage& stage = group_.stages[s];
      if (stage.kind != RowStageKind::kFold) continue;
      bool divided = group_.rows.empty() && NumTasks(v) > 0 && stage.other_loops.empty();
      int64_t extent = divided ? stage.extent / NumTasks(v) : stage.extent;
      if (!CanFoldRows(extent, stage.lanes, Vectors(v, s))) return false;
    }
    return true;
  }

  // Four vectors hide the latency of what folds and of polynomials; where they do
  // not fit the extent, the most that do.
  std::vector<int64_t> Analytic(const SpaceOptions& options) const override;
  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override;
  void Model(std::span<const int64_t> v, ScheduleModel& model) const override;

 private:
  int Add(std::string name, std::vector<int64_t> domain) {
    knobs_.push_back({std::move(name), std::move(domain)});
    return static_cast<int>(knobs_.size()) - 1;
  }

  int AddVectors(const RowStage& stage) {
    if (stage.vector_loop < 0) return -1;
    std::vector<int64_t> domain = {1, 2, 3, 4, 6, 8};
    // Lanes fold in halves.
    if (stage.kind == RowStageKind::kFold) domain = {1, 2, 4, 8};
    std::vector<int64_t> vectors = UpTo(domain, CeilDiv(stage.extent, stage.lanes));
    if (stage.gathers) vectors.insert(vectors.begin(), 0);  // scalar code
    return Add(stage.name + ".vectors", std::move(vectors));
  }

  // Tasks for each thread; 0: serial.
  std::vector<int64_t> Tasks() const {
    if (CutsRows()) return UpTo({0, 1, 4, 16}, num_rows_ * (Sink().extent / Sink().lanes));
    if (num_rows_ > 1) return UpTo({0, 1, 4, 16}, num_rows_);
    if (group_.stages.size() > 1 || Sink().vector_loop < 0 || !group_.rows.empty()) return {};
    if (Sink().kind == RowStageKind::kMap) {
      return UpTo({0, 1, 4}, Sink().extent / Sink().lanes / threads_);
    }
    std::vector<int64_t> tasks = {0};
    int64_t extent = FirstReduced().second;
    for (int64_t t : {1, 4}) {
      if (extent % (t * threads_) == 0 && extent > t * threads_) tasks.push_back(t);
    }
    return tasks;
  }

  const RowStage& Sink() const { return group_.stages.back(); }
  int64_t Vectors(std::span<const int64_t> v, size_t stage) const {
    return vectors_[stage] < 0 ? 0 : v[vectors_[stage]];
  }
  // Whether the sink replaces values of an earlier stage, which live in its buffer.
  bool IsInPlace(std::span<const int64_t> v) const { return in_place_ >= 0 && v[in_place_] == 1; }
  int64_t RowsPerBlock(std::span<const int64_t> v) const { return rows_ < 0 ? 1 : v[rows_]; }
  int64_t NumTasks(std::span<const int64_t> v) const {
    return tasks_ < 0 ? 0 : v[tasks_] * threads_;
  }
  // The outermost loop that a sink without rows reduces over: name, extent.
  std::pair<std::string, int64_t> FirstReduced() const {
    if (Sink().other_loops.empty()) return {"", Sink().extent};
    int loop = Sink().other_loops.front();
    return {Sink().loops[loop], Sink().numbers.extents[loop]};
  }
  // How many leading row loops become one for the tasks.
  size_t FusedRows() const { return LoopsForThreads(group_.rows, threads_); }
  // Iterations of the fused rows in one task.
  int64_t Grain(int64_t tasks) const {
    int64_t extent = 1;
    for (size_t r = 0; r < FusedRows(); ++r) extent *= group_.rows[r];
    return std::max<int64_t>(1, extent / tasks);
  }
  // Whether each row is in one block, and blocks are boxes: rows that were fused, or
  // that tasks divide otherwise, are computed twice at the ends of blocks.
  bool BlocksArePartition(std::span<const int64_t> v) const {
    if (NumTasks(v) == 0 || RowsPerBlock(v) == 1 || FusedRows() < group_.rows.size()) return true;
    int64_t grain = Grain(NumTasks(v));
    return FusedRows() == 1 && (grain == 1 || grain % RowsPerBlock(v) == 0);
  }
  // Whether tasks are parts of rows: of one elementwise stage with few rows.
  bool CutsRows() const {
    return group_.stages.size() == 1 && !group_.rows.empty() && Sink().kind == RowStageKind::kMap &&
           Sink().other_loops.empty() && FusedRows() == group_.rows.size() &&
           num_rows_ < kTasksPerThread * threads_;
  }
  // Tasks that each row makes; 1: rows are not cut.
  int64_t TasksPerRow(std::span<const int64_t> v) const {
    return CutsRows() ? CeilDiv(NumTasks(v), num_rows_) : 1;
  }
  // Elements of one task of `tasks` that share the sink's axis: whole blocks.
  int64_t Chunk(std::span<const int64_t> v, int64_t tasks) const {
    int64_t block = std::max<int64_t>(Vectors(v, group_.stages.size() - 1) * Sink().lanes, 1);
    return CeilDiv(CeilDiv(Sink().extent, block), tasks) * block;
  }

  // The numbers of a stage where the values of the replaced one live in the sink's buffer.
  NestNumbers InPlace(const RowStage& stage) const {
    NestNumbers numbers = stage.numbers;
    const NestNumbers::Access& to = Sink().numbers.accesses.back();
    int from = group_.stages[group_.replaced].numbers.accesses.back().buffer;
    for (NestNumbers::Access& access : numbers.accesses) {
      if (access.buffer != from) continue;
      access.buffer = to.buffer;
      for (size_t r = 0; r < group_.rows.size(); ++r) {
        access.strides[stage.row_positions[r]] = to.strides[Sink().row_positions[r]];
      }
    }
    return numbers;
  }

  std::string MakeTasks(std::vector<std::string>& rows, int64_t tasks, TraceBuilder& trace) const;

  RowGroup group_;
  int64_t num_rows_ = 1;
  int threads_;
  // Where the knobs stand among the values; -1: there is none.
  std::vector<int> vectors_;  // by stage
  int rows_ = -1, in_place_ = -1, tasks_ = -1;
};

std::vector<int64_t> RowPlan::Analytic(const SpaceOptions& options) const {
  std::vector<int64_t> values;
  for (const Knob& knob : knobs_) values.push_back(knob.domain.front());
  for (size_t s = 0; s < group_.stages.size(); ++s) {
    const RowStage& stage = group_.stages[s];
    if (vectors_[s] < 0) continue;
    int64_t best = 0, least = 0;
    for (int64_t vectors : {4, 3, 2, 6, 8, 1}) {
      const std::vector<int64_t>& domain = knobs_[vectors_[s]].domain;
      if (std::find(domain.begin(), domain.end(), vectors) == domain.end()) continue;
      if (stage.kind == RowStageKind::kFold && !CanFoldRows(stage.extent, stage.lanes, vectors)) {
        continue;
      }
      int64_t computed = CeilDiv(stage.extent, vectors * stage.lanes) * vectors * stage.lanes;
      if (best == 0 || computed < least) {
        best = vectors;
        least = computed;
      }
    }
    values[vectors_[s]] = best;
  }
  if (tasks_ < 0) return values;
  double serial = 0;
  for (int64_t tasks : knobs_[tasks_].domain) {
    std::vector<int64_t> tried = values;
    tried[tasks_] = tasks;
    if (!IsLegal(tried)) continue;
    ScheduleModel model;
    Model(tried, model);
    double seconds = EstimateSeconds(model, options.target, options.threads);
    if (tasks == 0) {
      serial = seconds;
    } else if (seconds + kForkSeconds < serial) {
      return tried;
    }
  }
  return values;
}

// Returns the loop over tasks; `rows` are what is left below it.
std::string RowPlan::MakeTasks(std::vector<std::string>& rows, int64_t tasks,
                               TraceBuilder& trace) const {
  size_t fused = FusedRows();
  std::string loop = FuseLoops(std::span(rows).first(fused), trace);
  rows.erase(rows.begin(), rows.begin() + static_cast<int64_t>(fused) - 1);
  rows.front() = std::move(loop);
  int64_t grain = Grain(tasks);
  if (grain == 1) return rows.front();
  auto [outer, inner] = trace.Split(rows.front(), grain);
  rows.front() = inner;
  return outer;
}

void RowPlan::Emit(std::span<const int64_t> v, TraceBuilder& trace) const {
  for (const std::string& stage : group_.inlined) trace.Mark("inline", {stage});
  size_t last = group_.stages.size() - 1;
  std::vector<RowNames> names(last + 1);
  int64_t tasks = NumTasks(v);
  std::string parallel;

  std::vector<std::string> rows = Sink().row_loops;
  RowStage sink = Sink();
  bool chunks = tasks > 0 && group_.rows.empty();  // of the sink's own axis
  bool parts = tasks > 0 && TasksPerRow(v) > 1;
  if (parts) {
    auto [part, inner] = trace.Split(sink.vector, Chunk(v, TasksPerRow(v)));
    names[last].outer = inner;
    rows.push_back(part);
    parallel = FuseLoops(rows, trace);
  } else if (chunks && sink.kind == RowStageKind::kMap) {
    std::tie(parallel, names[last].outer) = trace.Split(sink.vector, Chunk(v, tasks));
  } else if (chunks) {
    auto [loop, extent] = FirstReduced();
    if (loop.empty()) {
      loop = sink.fused.front();
      for (size_t f = 1; f < sink.fused.size(); ++f) {
        loop = trace.Fuse(loop, sink.fused[f], absl::StrCat(sink.fused.front(), ".t", f));
      }
    }
    auto [outer, inner] = trace.Split(loop, extent / tasks);
    trace.RFactor(sink.name, outer, ".join");
    if (sink.other_loops.empty()) {
      sink.fused = {inner};
      sink.extent = extent / tasks;
    }
    sink.row_loops = {outer};
  }
  for (size_t s = 0; s <= last; ++s) {
    const RowStage& stage = s == last ? sink : group_.stages[s];
    if (stage.kind == RowStageKind::kFold) names[s] = EmitRowFold(stage, Vectors(v, s), trace);
  }
  if (sink.kind == RowStageKind::kFold) rows = names[last].fold_rows;
  if (chunks && sink.kind == RowStageKind::kFold) parallel = rows.front();
  if (tasks > 0 && !chunks && !parts) parallel = MakeTasks(rows, tasks, trace);

  std::string at = rows.empty() ? "" : rows.back();
  std::string innermost = at;
  if (RowsPerBlock(v) > 1) {
    auto [outer, inner] = trace.Split(at, RowsPerBlock(v));
    if (parallel == at) parallel = outer;
    at = outer;
    innermost = inner;
  }
  for (size_t s = last + 1; s-- > 0;) {
    const RowStage& stage = group_.stages[s];
    if (s < last) {
      const std::string& moved = stage.kind == RowStageKind::kFold ? names[s].fold : stage.name;
      trace.Mark("compute_at", {moved, at});
    }
    if (stage.kind != RowStageKind::kFold) continue;
    std::string row = s == last                    ? innermost
                      : names[s].fold_rows.empty() ? ""
                                                   : names[s].fold_rows.back();
    if (!row.empty()) trace.Mark("compute_at", {stage.name, row});
  }
  if (IsInPlace(v)) {
    trace.Mark("store_in", {group_.stages[group_.replaced].name, sink.buffer});
  }
  for (size_t s = 0; s <= last; ++s) {
    if (!names[s].fold.empty()) trace.Mark("set_scope", {names[s].fold + ".part", "register"});
  }
  MarkList marks;
  for (size_t s = 0; s <= last; ++s) {
    const RowStage& stage = s == last ? sink : group_.stages[s];
    EmitRowLanes(stage, names[s], Vectors(v, s), trace, marks);
    if (!names[s].fold.empty()) marks.Vectorize(names[s].fold_block);
  }
  // The last task may be shorter.
  if ((parts || chunks) && sink.kind == RowStageKind::kMap &&
      sink.extent % Chunk(v, parts ? TasksPerRow(v) : tasks) != 0) {
    marks.Partition(parallel);
  }
  marks.WriteTo(trace);
  if (!parallel.empty()) trace.Mark("parallel", {parallel});
}

void RowPlan::Model(std::span<const int64_t> v, ScheduleModel& model) const {
  int64_t tasks = NumTasks(v), block_rows = RowsPerBlock(v);
  for (size_t s = 0; s < group_.stages.size(); ++s) {
    const RowStage& stage = group_.stages[s];
    std::vector<TileLoop> loops;
    size_t parallel = tasks > 0 && !group_.rows.empty() ? FusedRows() : 0;
    for (size_t r = 0; r < group_.rows.size(); ++r) {
      ModelLoopKind kind = r < parallel ? ModelLoopKind::kParallel : ModelLoopKind::kSerial;
      int position = stage.row_positions[r];
      if (r + 1 == group_.rows.size() && block_rows > 1) {
        loops.push_back({position, block_rows, Blocks(group_.rows[r], block_rows), kind});
        loops.push_back({position, 1, static_cast<double>(block_rows), ModelLoopKind::kSerial});
      } else {
        loops.push_back({position, 1, static_cast<double>(group_.rows[r]), kind});
      }
    }
    size_t num_rows = loops.size();
    bool chunks = tasks > 0 && (group_.rows.empty() || TasksPerRow(v) > 1);
    int64_t parts = group_.rows.empty() ? tasks : TasksPerRow(v);
    double extent = static_cast<double>(stage.extent);
    for (int loop : stage.other_loops) {
      double trips = static_cast<double>(stage.numbers.extents[loop]);
      if (chunks && stage.kind == RowStageKind::kFold && loop == stage.other_loops.front()) {
        loops.push_back({loop, static_cast<int64_t>(trips / tasks), static_cast<double>(tasks),
                         ModelLoopKind::kParallel});
        trips /= static_cast<double>(tasks);
        chunks = false;
      }
      loops.push_back({loop, 1, trips, ModelLoopKind::kSerial});
    }
    int64_t vectors = Vectors(v, s);
    if (stage.vector_loop >= 0) {
      int64_t width = std::max<int64_t>(1, vectors * stage.lanes);
      if (chunks) {
        loops.push_back({stage.vector_loop, static_cast<int64_t>(extent / parts),
                         static_cast<double>(parts), ModelLoopKind::kParallel});
        extent /= static_cast<double>(parts);
      }
      loops.push_back({stage.vector_loop, width, Blocks(static_cast<int64_t>(extent), width),
                       ModelLoopKind::kSerial});
      if (vectors > 1) {
        loops.push_back({stage.vector_loop, stage.lanes, static_cast<double>(vectors),
                         ModelLoopKind::kUnrolled});
      }
      if (vectors > 0) {
        loops.push_back(
            {stage.vector_loop, 1, static_cast<double>(stage.lanes), ModelLoopKind::kVector});
      }
    }
    NestModel nest = ModelOf(IsInPlace(v) ? InPlace(stage) : stage.numbers, loops);
    int reads = static_cast<int>(stage.numbers.accesses.size()) - 1;
    bool folds = stage.kind == RowStageKind::kFold;
    if (folds) nest.accumulators = static_cast<int>(vectors);
    nest.live_vectors = static_cast<int>(vectors) * (folds ? 1 : 2) + reads;
    if (folds) std::erase_if(nest.accesses, [](const ModelAccess& access) { return access.write; });
    int shared = static_cast<int>(block_rows > 1 ? num_rows - 1 : num_rows);
    if (s > 0) nest.shared_loops = shared;
    model.nests.push_back(std::move(nest));
    if (!folds) continue;
    // Vectors are folded into one, and its lanes in halves.
    loops.resize(num_rows);
    double steps = static_cast<double>(vectors + 2 * std::bit_width<uint64_t>(stage.lanes));
    loops.push_back({-1, 1, steps, ModelLoopKind::kUnrolled});
    NestNumbers fold;
    fold.num_spatial = stage.numbers.num_spatial;
    fold.extents = stage.numbers.extents;
    fold.accesses = {stage.numbers.accesses.back()};
    fold.operations.arithmetic = 1;
    fold.element_bytes = stage.numbers.element_bytes;
    model.nests.push_back(ModelOf(fold, loops));
    model.nests.back().accumulators = 1;
    model.nests.back().shared_loops = static_cast<int>(num_rows);
  }
}

}  // namespace

std::shared_ptr<const Plan> NewRowPlan(RowGroup group, const SpaceContext& context) {
  auto plan = std::make_shared<RowPlan>(group, context.options);
  if (ReplaysAtEnds(*plan, context.naive)) return plan;
  if (group.replaced < 0) return nullptr;
  group.replaced = -1;
  return NewRowPlan(std::move(group), context);
}

}  // namespace lathe
