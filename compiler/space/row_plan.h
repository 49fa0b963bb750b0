// Stages that share their outer row axes, all under the row loops of the last
// one, in lanes and unrolled vectors: elementwise functions, reductions over the
// contiguous axis, and chains of both (softmax, normalisation).
//
//   for rows {                          # blocks of them, parallel: knobs
//     for j.o { for j.v { for lanes: parts[j.v * L + lane] op= x }}; top op= parts
//     for j.o { for j.v { for lanes: e = f(x, top) }}
//     ... }
#ifndef LATHE_COMPILER_SPACE_ROW_PLAN_H_
#define LATHE_COMPILER_SPACE_ROW_PLAN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/space/nest_numbers.h"
#include "compiler/space/plan.h"
#include "compiler/space/register_tile.h"

namespace lathe {

enum class RowStageKind : uint8_t {
  kScalar,  // one element a row
  kMap,     // lanes along the contiguous axis of the result
  kFold,    // lanes along the contiguous axis that is reduced; folded at the end
  kLoops,   // scalar loops
  // A sum of products whose second operand all rows of a block share: a register
  // tile of rows by lanes along the contiguous axis of the result.
  kProduct,
};

struct RowStage {
  std::string name, buffer;
  RowStageKind kind = RowStageKind::kScalar;
  std::vector<std::string> row_loops;  // its own, in the sink's order
  std::vector<int> row_positions;      // of those among its loops
  std::vector<int> other_loops;        // outermost first, without rows and `vector`
  std::string vector;                  // the loop in lanes; empty for kScalar, kLoops
  int vector_loop = -1;                // its position
  // kFold: loops of the nest that are one contiguous reduction, outermost
  // first; the last is `vector`, the others are fused into it.
  std::vector<std::string> fused;
  int64_t extent = 1;  // of the vector loop, fused
  int lanes = 1;
  bool gathers = false;  // some read is not contiguous: scalar code may be better
  // kProduct: the loop that is reduced; the shared operand, which is read from a
  // copy with dimension `packed` outermost where that is not negative.
  int reduced = -1;
  std::string shared;
  int packed = -1;
  std::vector<std::string> loops;  // names of all loops
  NestNumbers numbers;             // strides over rows are 0 for what lives in the group
};

struct RowGroup {
  std::string name;                  // of the plan
  std::vector<std::string> inlined;  // stages, in the order of inlining
  std::vector<RowStage> stages;      // in order; the last is the sink
  std::vector<int64_t> rows;         // extents of the row loops
  bool has_outputs = false;          // stages before the sink are outputs too
  int replaced = -1;                 // a stage whose values the sink may replace in its buffer
};

// Stages first..last of `context` as one group, after inlining; nullopt when they
// share no rows or one of them fits no kind. A single stage always fits.
// With `products`, stages may be kProduct.
std::optional<RowGroup> GroupRows(const SpaceContext& context, size_t first, size_t last,
                                  bool products = false);

// Null when a trace of the group does not replay on `naive`, or when no setting
// would do anything.
std::shared_ptr<const Plan> NewRowPlan(RowGroup group, const SpaceContext& context);
// Of a group with products: blocks of rows, over which the results of products
// stay in the caches (attention without its matrix of scores).
std::shared_ptr<const Plan> NewRowProductsPlan(RowGroup group, const SpaceContext& context);

// Traces of single stages. What one emission names:
struct RowNames {
  std::string outer, block;            // of the split vector loop
  std::string fold;                    // the folding stage, of kFold
  std::vector<std::string> fold_rows;  // its row loops
  std::string fold_block;
};
// Whether so many vectors of lanes can be kept apart over `extent` elements.
bool CanFoldRows(int64_t extent, int64_t lanes, int64_t vectors);
// Lanes of the reduction stay apart until a stage of its own folds them.
RowNames EmitRowFold(const RowStage& stage, int64_t vectors, TraceBuilder& trace);
// Splits the vector loop of a kMap or kFold into vectors and lanes.
void EmitRowLanes(const RowStage& stage, const RowNames& names, int64_t vectors,
                  TraceBuilder& trace, MarkList& marks);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_ROW_PLAN_H_
