// Which stages share rows, and how each of them runs in lanes.
#include <algorithm>

#include "compiler/loop/simplify.h"
#include "compiler/space/row_plan.h"

namespace lathe {
namespace {

constexpr int64_t kShortest = 4;  // a loop in lanes

// For each nest, by position among its loops: the sink's loop that runs along
// the same rows, or -1.
using RowMap = std::vector<std::vector<int>>;

int LoopPosition(const StageNest& nest, const std::string& var) {
  for (size_t l = 0; l < nest.loops.size(); ++l) {
    if (nest.loops[l]->var == var) return static_cast<int>(l);
  }
  return -1;
}

// The sink's loops along the dimensions of nests[producer], agreed on by all
// readers among first..last.
std::vector<int> RowsOf(const std::vector<StageNest>& nests, size_t producer, size_t last,
                        const RowMap& map, size_t base) {
  const StageNest& nest = nests[producer];
  size_t rank = nest.stage->spatial.size();
  constexpr int kUnknown = -2;
  std::vector<int> rows(nest.loops.size(), -1);
  std::vector<int> along(rank, kUnknown);
  for (size_t reader = producer + 1; reader <= last; ++reader) {
    for (const ReadStride& read : nests[reader].reads) {
      if (read.read->buffer != nest.store->buffer) continue;
      for (size_t d = 0; d < rank; ++d) {
        int found = -1;
        if (const auto* var = read.read->indices[d].As<Var>()) {
          int loop = LoopPosition(nests[reader], var->name);
          if (loop >= 0) found = map[reader - base][loop];
        }
        along[d] = along[d] == kUnknown || along[d] == found ? found : -1;
      }
    }
  }
  for (size_t d = 0; d < rank; ++d) rows[d] = along[d] == kUnknown ? -1 : along[d];
  return rows;
}

// How many of the sink's leading loops every stage has.
size_t SharedRows(const std::vector<StageNest>& nests, size_t first, size_t last,
                  const RowMap& map) {
  const StageNest& sink = nests[last];
  size_t shared = sink.stage->spatial.size();
  for (size_t n = first; n < last; ++n) {
    size_t prefix = 0;
    for (; prefix < shared; ++prefix) {
      const std::vector<int>& rows = map[n - first];
      auto found = std::find(rows.begin(), rows.end(), static_cast<int>(prefix));
      if (found == rows.end()) break;
      size_t loop = static_cast<size_t>(found - rows.begin());
      if (nests[n].loops[loop]->extent != sink.loops[prefix]->extent) break;
    }
    shared = prefix;
  }
  return shared;
}

// Strides of all reads over the loop: whether each is 0 or 1, some 1.
struct Contiguity {
  bool all = true, some = false;
};
Contiguity ContiguityOver(const StageNest& nest, const std::string& loop) {
  Contiguity result;
  for (const ReadStride& read : nest.reads) {
    int64_t stride = read.StrideOf(loop);
    result.all = result.all && read.affine && (stride == 0 || stride == 1);
    result.some = result.some || (read.affine && stride == 1);
  }
  return result;
}

// Whether the two loops run through memory like one, in every read.
bool AreOneLoop(const StageNest& nest, const For& outer, const For& inner) {
  return std::all_of(nest.reads.begin(), nest.reads.end(), [&](const ReadStride& read) {
    return read.affine && !read.read->predicate &&
           read.StrideOf(outer.var) == read.StrideOf(inner.var) * inner.extent;
  });
}

class Classifier {
 public:
  Classifier(const SpaceContext& context, const StageNest& nest, const std::vector<int>& rows,
             size_t num_rows, bool products)
      : nest_(nest), products_(products) {
    stage_.name = nest.stage->name;
    stage_.buffer = nest.store->buffer;
    stage_.numbers = NumbersOf(context, nest);
    stage_.lanes = context.options.target.VectorLanes(std::max(1, stage_.numbers.element_bytes));
    for (const For* loop : nest.loops) stage_.loops.push_back(loop->var);
    for (size_t r = 0; r < num_rows; ++r) {
      auto found = std::find(rows.begin(), rows.end(), static_cast<int>(r));
      stage_.row_positions.push_back(static_cast<int>(found - rows.begin()));
      stage_.row_loops.push_back(stage_.loops[stage_.row_positions.back()]);
    }
  }

  RowStage Classify() && {
    Choose();
    if (products_ && stage_.kind == RowStageKind::kLoops) ChooseProduct();
    for (size_t l = 0; l < nest_.loops.size(); ++l) {
      int loop = static_cast<int>(l);
      bool fused = std::find(stage_.fused.begin(), stage_.fused.end(), stage_.loops[l]) !=
                   stage_.fused.end();
      if (!IsRow(loop) && loop != stage_.vector_loop && !fused) stage_.other_loops.push_back(loop);
    }
    return std::move(stage_);
  }

 private:
  bool IsRow(int loop) const {
    return std::find(stage_.row_positions.begin(), stage_.row_positions.end(), loop) !=
           stage_.row_positions.end();
  }

  void Choose() {
    int inner = -1;
    for (size_t l = 0; l < nest_.loops.size(); ++l) {
      if (!IsRow(static_cast<int>(l)) && nest_.loops[l]->extent > 1) inner = static_cast<int>(l);
    }
    bool reduces = !nest_.stage->reduction.empty();
    if (inner < 0) {
      stage_.kind = reduces ? RowStageKind::kLoops : RowStageKind::kScalar;
      return;
    }
    stage_.kind = RowStageKind::kLoops;
    if (stage_.lanes < 2) return;
    const std::string& loop = nest_.loops[inner]->var;
    Contiguity contiguity = ContiguityOver(nest_, loop);
    if (!reduces) {
      if (!nest_.output.affine || nest_.output.StrideOf(loop) != 1) return;
      if (nest_.loops[inner]->extent < kShortest) return;
      stage_.kind = RowStageKind::kMap;
      stage_.gathers = !contiguity.all;
    } else {
      if (inner < static_cast<int>(nest_.stage->spatial.size())) return;
      if (!contiguity.all || !contiguity.some || HasSpatialColumns()) return;
      stage_.extent = 1;
      FindFused(inner);
      if (stage_.extent < kShortest) return;
      stage_.kind = RowStageKind::kFold;
    }
    stage_.vector_loop = inner;
    stage_.vector = loop;
    if (!reduces) stage_.extent = nest_.loops[inner]->extent;
  }

  // A sum over one loop of products of two reads, the second of which does not
  // depend on the innermost row, over one column loop.
  void ChooseProduct() {
    const StageInfo& info = *nest_.stage;
    if (info.reduction.size() != 1 || info.reduce_op != ReduceOp::kSum) return;
    if (nest_.reads.size() != 2 || stage_.lanes < 2 || stage_.row_loops.empty()) return;
    int columns = -1, reduced = static_cast<int>(nest_.loops.size()) - 1;
    for (int l = 0; l < reduced; ++l) {
      if (IsRow(l)) continue;
      if (columns >= 0) return;
      columns = l;
    }
    if (columns < 0 || nest_.loops[columns]->extent < stage_.lanes) return;
    const std::string &lanes = stage_.loops[columns], &terms = stage_.loops[reduced];
    const std::string& row = stage_.row_loops.back();
    for (const ReadStride& read : nest_.reads) {
      const ReadStride& other = nest_.reads[&read == &nest_.reads.front() ? 1 : 0];
      if (!read.affine || !other.affine || read.read->predicate) continue;
      if (read.StrideOf(row) != 0 || other.StrideOf(lanes) != 0) continue;
      if (read.StrideOf(lanes) != 1 && !FindPacked(*read.read, lanes, terms)) continue;
      stage_.kind = RowStageKind::kProduct;
      stage_.shared = read.read->buffer;
      stage_.vector_loop = columns;
      stage_.vector = lanes;
      stage_.reduced = reduced;
      stage_.extent = nest_.loops[columns]->extent;
      return;
    }
  }

  // Whether lanes are contiguous once the last dimension stands first.
  bool FindPacked(const Read& read, const std::string& lanes, const std::string& terms) {
    size_t rank = read.indices.size();
    if (rank < 2) return false;
    const auto* last = read.indices[rank - 1].As<Var>();
    const auto* before = read.indices[rank - 2].As<Var>();
    if (!last || !before || last->name != terms || before->name != lanes) return false;
    stage_.packed = static_cast<int>(rank) - 1;
    return true;
  }

  bool HasSpatialColumns() const {
    for (size_t l = 0; l < nest_.stage->spatial.size(); ++l) {
      if (!IsRow(static_cast<int>(l)) && nest_.loops[l]->extent > 1) return true;
    }
    return false;
  }

  void FindFused(int inner) {
    stage_.extent = nest_.loops[inner]->extent;
    stage_.fused = {stage_.loops[inner]};
    if (inner + 1 != static_cast<int>(nest_.loops.size())) return;
    for (int l = inner - 1; l >= static_cast<int>(nest_.stage->spatial.size()); --l) {
      if (!AreOneLoop(nest_, *nest_.loops[l], *nest_.loops[l + 1])) break;
      stage_.fused.insert(stage_.fused.begin(), stage_.loops[l]);
      stage_.extent *= nest_.loops[l]->extent;
    }
  }

  const StageNest& nest_;
  const bool products_;
  RowStage stage_;
};

// Whether the sink reads each value of the stage right where it writes its own, in a
// buffer of the same type and shape.
bool IsReplaced(const SpaceContext& context, const StageNest& nest, const StageNest& sink) {
  if (!nest.stage->reduction.empty() || !sink.stage->reduction.empty()) return false;
  if (context.function.IsOutput(nest.stage->name)) return false;
  const Buffer& from = *context.naive.FindBuffer(nest.store->buffer);
  const Buffer& to = *context.naive.FindBuffer(sink.store->buffer);
  if (from.type != to.type || from.shape != to.shape) return false;
  bool reads = false;
  for (const ReadStride& read : sink.reads) {
    if (read.read->buffer != from.name) continue;
    reads = true;
    if (read.read->predicate) return false;
    for (size_t d = 0; d < read.read->indices.size(); ++d) {
      if (!StructurallyEqual(read.read->indices[d], sink.store->indices[d])) return false;
    }
  }
  return reads;
}

}  // namespace

std::optional<RowGroup> GroupRows(const SpaceContext& context, size_t first, size_t last,
                                  bool products) {
  const std::vector<StageNest>& nests = context.nests;
  RowMap map(last - first + 1);
  for (size_t n = last + 1; n-- > first;) {
    if (n == last) {
      std::vector<int>& own = map[n - first];
      own.assign(nests[n].loops.size(), -1);
      for (size_t d = 0; d < nests[n].stage->spatial.size(); ++d) own[d] = static_cast<int>(d);
    } else {
      map[n - first] = RowsOf(nests, n, last, map, first);
    }
  }
  RowGroup group;
  size_t num_rows = SharedRows(nests, first, last, map);
  if (first < last && num_rows == 0) return std::nullopt;
  const StageNest& sink = nests[last];
  if (first == last && sink.stage->reduction.empty()) {
    // The innermost loop with more than one iteration is for the lanes.
    while (num_rows > 0 && sink.loops[num_rows - 1]->extent == 1) --num_rows;
    if (num_rows > 0) --num_rows;
  }
  for (size_t n = first; n < last; ++n) {
    group.has_outputs = group.has_outputs || context.function.IsOutput(nests[n].stage->name);
  }
  for (size_t r = 0; r < num_rows; ++r) group.rows.push_back(sink.loops[r]->extent);
  for (size_t n = first; n <= last; ++n) {
    group.stages.push_back(
        Classifier(context, nests[n], map[n - first], num_rows, products).Classify());
    RowStage& stage = group.stages.back();
    bool serial = stage.kind == RowStageKind::kLoops;
    if (serial && first < last) {
      // Long scalar loops are not what rows are fused for.
      for (int loop : stage.other_loops) {
        if (stage.numbers.extents[loop] >= kShortest) return std::nullopt;
      }
    }
  }
  for (size_t n = first; n < last; ++n) {
    bool map = group.stages[n - first].kind == RowStageKind::kMap;
    if (map && IsReplaced(context, nests[n], sink)) group.replaced = static_cast<int>(n - first);
  }
  // What a row leaves for later stages of the same row is small.
  for (RowStage& stage : group.stages) {
    for (NestNumbers::Access& access : stage.numbers.accesses) {
      bool local = std::any_of(nests.begin() + first, nests.begin() + last, [&](const auto& nest) {
        return context.BufferNumber(nest.store->buffer) == access.buffer &&
               !context.function.IsOutput(nest.stage->name);
      });
      if (!local) continue;
      for (int row : stage.row_positions) access.strides[row] = 0;
    }
  }
  return group;
}

}  // namespace lathe
