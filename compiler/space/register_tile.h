// Emission that several rules share: a nest as a register tile, elementwise
// consumers behind it, and marks, which come after all rewrites.
#ifndef LATHE_COMPILER_SPACE_REGISTER_TILE_H_
#define LATHE_COMPILER_SPACE_REGISTER_TILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compiler/space/structure.h"
#include "compiler/space/trace_builder.h"

namespace lathe {

// Marks, collected while a plan rewrites: a rewrite refuses marked loops.
class MarkList {
 public:
  void Add(std::string primitive, std::vector<std::string> arguments) {
    marks_.push_back({std::move(primitive), std::move(arguments)});
  }
  void Vectorize(const std::string& loop) { Add("vectorize", {loop}); }
  void Unroll(const std::string& loop) { Add("unroll", {loop}); }
  void Partition(const std::string& loop) { Add("tail", {loop, "partition"}); }
  // Marks of `loops` are about `loop` from now on, each once.
  void Redirect(std::span<const std::string> loops, const std::string& loop);
  void WriteTo(TraceBuilder& trace) const;

 private:
  struct Entry {
    std::string primitive;
    std::vector<std::string> arguments;
    bool operator==(const Entry&) const = default;
  };
  std::vector<Entry> marks_;
};

// Splits `loop`, of `extent` iterations, into vectors of `lanes`: the loop over
// them, if there are several, is unrolled where wanted. Returns the new loops,
// lanes last.
std::vector<std::string> SplitLanes(const std::string& loop, int64_t extent, int64_t lanes,
                                    TraceBuilder& trace, MarkList& marks, bool unroll = true);

// How the reduction loops of a nest unroll: whole loops from the innermost on,
// and a part of the next one.
struct ReductionUnroll {
  std::vector<std::string> serial, unrolled;  // outermost first
};
// `loops` with their extents, outermost first; about `count` terms are unrolled.
// Marks what it unrolls; a part that does not divide its loop is partitioned.
ReductionUnroll SplitReductions(const std::vector<std::pair<std::string, int64_t>>& loops,
                                int64_t count, TraceBuilder& trace, MarkList& marks);
// The values of `count` that mean different things: 1, 2, 4, 8 and whole loops.
std::vector<int64_t> ReductionUnrollCounts(const std::vector<int64_t>& extents, int64_t limit);

// A reduction as straight-line code over `rows` loops, all unrolled, times the
// loop over columns, in vectors: order `outer`, reductions, rows, columns.
struct RegisterTile {
  std::vector<std::string> outer;                           // stay as they are
  std::vector<std::pair<std::string, int64_t>> reductions;  // with extents
  std::vector<std::string> rows;
  std::string columns;
  int64_t num_columns = 0;  // iterations of `columns`
  int64_t lanes = 1;
  int64_t unroll = 1;  // terms
};
void EmitRegisterTile(const RegisterTile& tile, TraceBuilder& trace, MarkList& marks);

// An elementwise nest over a tile: `rows` loops unrolled, `columns` in vectors.
// The loops are in this order already.
void EmitTileCopy(const std::vector<std::string>& rows, const std::string& columns,
                  int64_t num_columns, int64_t lanes, TraceBuilder& trace, MarkList& marks);

// Elementwise nests behind nests[producer] that can run tile by tile behind it:
// each reads its result, or that of one before, at its own axes, and nothing
// that is computed between. `lane_loop` stays contiguous in them.
std::vector<size_t> FusableConsumers(const std::vector<StageNest>& nests, size_t producer,
                                     const std::string& lane_loop);

// The loop of `consumer` that runs along `producer_loop` of what `producer`
// stores; empty when there is none.
std::string LoopAlong(const StageNest& consumer, const StageNest& producer,
                      const std::string& producer_loop);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_REGISTER_TILE_H_
