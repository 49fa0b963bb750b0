// Traces of single stages of a row group.
#include "absl/strings/str_cat.h"
#include "compiler/space/row_plan.h"

namespace lathe {
namespace {

constexpr int64_t kMaxFoldLanes = 256;  // of one vector that is folded

}  // namespace

bool CanFoldRows(int64_t extent, int64_t lanes, int64_t vectors) {
  int64_t width = vectors * lanes;
  // A block that ends at a multiple of the lanes, but not of the block, would get a
  // predicate that the verifier cannot trace back to the domain.
  bool ends_between = extent % width != 0 && extent % lanes == 0;
  return width <= kMaxFoldLanes && (vectors == 1 || !ends_between);
}

RowNames EmitRowFold(const RowStage& stage, int64_t vectors, TraceBuilder& trace) {
  RowNames names;
  std::string vector = stage.fused.front();
  for (size_t f = 1; f < stage.fused.size(); ++f) {
    vector = trace.Fuse(vector, stage.fused[f], absl::StrCat(stage.fused.front(), ".f", f));
  }
  std::tie(names.outer, names.block) = trace.Split(vector, vectors * stage.lanes);
  names.fold = trace.RFactor(stage.name, names.block);
  for (const std::string& row : stage.row_loops) {
    names.fold_rows.push_back(names.fold + row.substr(stage.name.size()));
  }
  names.fold_block = names.fold + names.block.substr(stage.name.size());
  return names;
}

void EmitRowLanes(const RowStage& stage, const RowNames& names, int64_t vectors,
                  TraceBuilder& trace, MarkList& marks) {
  if (vectors == 0) return;
  std::string outer = names.outer, block = names.block;
  if (stage.kind == RowStageKind::kMap) {
    std::string vector = outer.empty() ? stage.vector : outer;
    std::vector<std::string> order;
    for (int loop : stage.other_loops) {
      if (loop > stage.vector_loop) order.push_back(stage.loops[loop]);
    }
    order.push_back(vector);
    if (order.size() > 1) trace.Reorder(order);
    std::tie(outer, block) = trace.Split(vector, vectors * stage.lanes);
  }
  SplitLanes(block, vectors * stage.lanes, stage.lanes, trace, marks);
  int64_t width = vectors * stage.lanes;
  if (stage.extent > width && stage.extent % width != 0) marks.Partition(outer);
}

}  // namespace lathe
