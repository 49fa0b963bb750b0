#include "compiler/tensor/rules.h"

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/syntax.h"

namespace lathe {
namespace {

absl::Status Wrong(const std::string& message) { return absl::InvalidArgumentError(message); }

// Multiplies unless the product exceeds `limit`.
bool MultiplyWithin(int64_t limit, int64_t factor, int64_t& product) {
  if (factor > limit / product) return false;
  product *= factor;
  return true;
}

}  // namespace

std::vector<int64_t> ShapeOf(const std::vector<Axis>& axes) {
  std::vector<int64_t> shape;
  for (const Axis& axis : axes) shape.push_back(axis.extent);
  return shape;
}

std::optional<TensorInfo> FindTensor(const Function& function, std::string_view name) {
  if (const Argument* argument = function.FindArgument(name)) {
    return TensorInfo{argument->type, argument->shape};
  }
  if (const Stage* stage = function.FindStage(name)) {
    return TensorInfo{stage->type, ShapeOf(stage->axes)};
  }
  for (const Table& table : function.tables) {
    if (table.name == name) return TensorInfo{table.type, table.shape};
  }
  return std::nullopt;
}

absl::Status CheckShape(std::string_view what, const std::vector<int64_t>& shape) {
  if (shape.size() > kMaxRank) {
    return Wrong(absl::StrCat(ToAbsl(what), " has more than ", kMaxRank, " dimensions"));
  }
  int64_t elements = 1;
  for (int64_t extent : shape) {
    if (extent <= 0) return Wrong(absl::StrCat(ToAbsl(what), " has the extent ", extent));
    if (!MultiplyWithin(kMaxElements, extent, elements)) {
      return Wrong(absl::StrCat(ToAbsl(what), " has more than 2^40 elements"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckInstances(std::string_view stage, const Extents& extents) {
  if (extents.size() > kMaxIndices) {
    return Wrong(absl::StrCat(ToAbsl(stage), " has more than ", kMaxIndices, " indices"));
  }
  int64_t instances = 1;
  for (const auto& [name, extent] : extents) {
    if (extent <= 0) {
      return Wrong(
          absl::StrCat("the index ", name, " of ", ToAbsl(stage), " has the extent ", extent));
    }
    if (!MultiplyWithin(kMaxInstances, extent, instances)) {
      return Wrong(absl::StrCat(ToAbsl(stage), " takes more than 2^60 steps"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRank(const Read& read, const TensorInfo& tensor) {
  if (read.indices.size() == tensor.shape.size()) return absl::OkStatus();
  return Wrong(absl::StrCat(read.buffer, " has ", tensor.shape.size(),
                            tensor.shape.size() == 1 ? " dimension, not " : " dimensions, not ",
                            read.indices.size()));
}

absl::Status CheckSubscript(const Read& read, size_t dimension, const TensorInfo& tensor,
                            const Extents& extents) {
  ASSIGN_OR_RETURN(Subscript subscript, ParseSubscript(read.indices[dimension]));
  ASSIGN_OR_RETURN(ValueRange range, RangeOf(subscript, extents));
  int64_t extent = tensor.shape[dimension];
  if (read.otherwise || (range.min >= 0 && range.max < extent)) return absl::OkStatus();
  std::string values = range.min == range.max
                           ? absl::StrCat("is ", range.min)
                           : absl::StrCat("runs from ", range.min, " to ", range.max);
  return Wrong(absl::StrCat("this subscript ", values, ", but dimension ", dimension, " of ",
                            read.buffer, " has the extent ", extent, "; guard the read, as in (",
                            read.buffer, "[...] else 0), or state a smaller extent"));
}

std::optional<size_t> FindUnusedStage(const Function& function) {
  absl::flat_hash_set<std::string> used(function.outputs.begin(), function.outputs.end());
  for (const Stage& stage : function.stages) {
    for (const std::string& name : BuffersRead(stage.body)) used.insert(name);
  }
  for (size_t i = 0; i < function.stages.size(); ++i) {
    if (!used.contains(function.stages[i].name)) return i;
  }
  return std::nullopt;
}

absl::Status UnusedStage(std::string_view name) {
  return Wrong(absl::StrCat(ToAbsl(name), " is neither an output nor read by an equation"));
}

absl::Status CheckTensorCount(size_t count) {
  if (count <= kMaxTensors) return absl::OkStatus();
  return Wrong(
      absl::StrCat("a function has at most ", kMaxTensors, " arguments, tables and equations"));
}

}  // namespace lathe
