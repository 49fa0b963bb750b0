#include "compiler/space/register_tile.h"

#include <algorithm>
#include <utility>

namespace lathe {
namespace {

bool IsContiguousOver(const StageNest& nest, const std::string& loop) {
  if (!nest.output.affine || nest.output.StrideOf(loop) != 1) return false;
  return std::all_of(nest.reads.begin(), nest.reads.end(), [&](const ReadStride& read) {
    int64_t stride = read.StrideOf(loop);
    return read.affine && (stride == 0 || stride == 1);
  });
}

// Each dimension at a loop of its own.
bool ReadsAtLoops(const StageNest& nest, const std::string& buffer) {
  for (const ReadStride& read : nest.reads) {
    if (read.read->buffer != buffer) continue;
    for (const Expr& index : read.read->indices) {
      if (!index.As<Var>()) return false;
    }
  }
  return true;
}

bool ReadsBuffer(const StageNest& nest, const std::string& buffer) {
  return std::any_of(nest.reads.begin(), nest.reads.end(),
                     [&](const ReadStride& read) { return read.read->buffer == buffer; });
}

}  // namespace

void MarkList::Redirect(std::span<const std::string> loops, const std::string& loop) {
  std::vector<Entry> marks;
  for (Entry& mark : marks_) {
    std::string& target = mark.arguments.front();
    if (std::find(loops.begin(), loops.end(), target) != loops.end()) target = loop;
    if (std::find(marks.begin(), marks.end(), mark) == marks.end()) marks.push_back(mark);
  }
  marks_ = std::move(marks);
}

void MarkList::WriteTo(TraceBuilder& trace) const {
  for (const Entry& mark : marks_) trace.Mark(mark.primitive, mark.arguments);
}

std::vector<std::string> SplitLanes(const std::string& loop, int64_t extent, int64_t lanes,
                                    TraceBuilder& trace, MarkList& marks, bool unroll) {
  if (extent <= lanes) {
    marks.Vectorize(loop);
    return {loop};
  }
  auto [outer, inner] = trace.Split(loop, lanes);
  marks.Vectorize(inner);
  if (unroll) marks.Unroll(outer);
  return {outer, inner};
}

ReductionUnroll SplitReductions(const std::vector<std::pair<std::string, int64_t>>& loops,
                                int64_t count, TraceBuilder& trace, MarkList& marks) {
  ReductionUnroll result;
  for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
    const auto& [name, extent] = *loop;
    if (!result.serial.empty() || (count == 1 && extent > 1)) {
      result.serial.insert(result.serial.begin(), name);
    } else if (count >= extent) {
      result.unrolled.insert(result.unrolled.begin(), name);
      count /= extent;
    } else {
      auto [outer, inner] = trace.Split(name, count);
      result.serial.push_back(outer);
      result.unrolled.insert(result.unrolled.begin(), inner);
      if (extent % count != 0) marks.Partition(outer);
    }
  }
  for (const std::string& name : result.unrolled) marks.Unroll(name);
  return result;
}

std::vector<int64_t> ReductionUnrollCounts(const std::vector<int64_t>& extents, int64_t limit) {
  std::vector<int64_t> counts{1};
  int64_t whole = 1;
  for (auto extent = extents.rbegin(); extent != extents.rend() && whole <= limit; ++extent) {
    if (whole == 1) {
      for (int64_t part : {2, 4, 8}) {
        if (part < *extent) counts.push_back(part);
      }
    }
    whole *= *extent;
    if (whole <= limit) counts.push_back(whole);
  }
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

void EmitRegisterTile(const RegisterTile& tile, TraceBuilder& trace, MarkList& marks) {
  std::vector<std::string> lanes =
      SplitLanes(tile.columns, tile.num_columns, tile.lanes, trace, marks);
  ReductionUnroll reductions = SplitReductions(tile.reductions, tile.unroll, trace, marks);
  std::vector<std::string> order = tile.outer;
  auto append = [&order](const std::vector<std::string>& loops) {
    order.insert(order.end(), loops.begin(), loops.end());
  };
  append(reductions.serial);
  append(reductions.unrolled);
  append(tile.rows);
  append(lanes);
  if (order.size() > 1) trace.Reorder(order);
  for (const std::string& row : tile.rows) marks.Unroll(row);
}

void EmitTileCopy(const std::vector<std::string>& rows, const std::string& columns,
                  int64_t num_columns, int64_t lanes, TraceBuilder& trace, MarkList& marks) {
  SplitLanes(columns, num_columns, lanes, trace, marks);
  for (const std::string& row : rows) marks.Unroll(row);
}

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

std::vector<size_t> FusableConsumers(const std::vector<StageNest>& nests, size_t producer,
                                     const std::string& lane_loop) {
  std::vector<size_t> fused;
  std::vector<std::pair<size_t, std::string>> within{{producer, lane_loop}};  // with their lanes
  for (size_t c = producer + 1; c < nests.size(); ++c) {
    std::string lanes;
    bool elementwise = true;
    for (const auto& [nest, loop] : within) {
      if (!ReadsBuffer(nests[c], nests[nest].store->buffer)) continue;
      elementwise = elementwise && IsElementwiseConsumer(nests[c], nests[nest]) &&
                    ReadsAtLoops(nests[c], nests[nest].store->buffer) &&
                    nests[c].loops.size() == nests[nest].stage->spatial.size();
      std::string along = LoopAlong(nests[c], nests[nest], loop);
      if (!lanes.empty() && along != lanes) elementwise = false;
      lanes = along;
    }
    if (lanes.empty() || !elementwise || nests[c].loops.back()->var != lanes ||
        !IsContiguousOver(nests[c], lanes)) {
      break;
    }
    fused.push_back(c);
    within.emplace_back(c, lanes);
  }
  return fused;
}

}  // namespace lathe
