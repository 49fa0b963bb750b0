// Rules of the language that the parser and CheckFunction share. Errors carry
// the message only; the parser adds the position.
#ifndef LATHE_COMPILER_TENSOR_RULES_H_
#define LATHE_COMPILER_TENSOR_RULES_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/subscript.h"

namespace lathe {

inline constexpr int64_t kMaxElements = int64_t{1} << 40;   // of one tensor
inline constexpr int64_t kMaxInstances = int64_t{1} << 60;  // of one equation, reductions included
inline constexpr size_t kMaxTensors = 4096;                 // of one function
inline constexpr size_t kMaxIndices = 32;                   // of one equation

struct TensorInfo {
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;
};

// An argument, table or stage of `function` as it stands.
std::optional<TensorInfo> FindTensor(const Function& function, std::string_view name);
std::vector<int64_t> ShapeOf(const std::vector<Axis>& axes);

// At most kMaxTensors arguments, tables and stages together.
absl::Status CheckTensorCount(size_t count);
// Extents positive, rank and product within bounds. `what` begins the message.
absl::Status CheckShape(std::string_view what, const std::vector<int64_t>& shape);
// `extents` of all indices of an equation, reductions included.
absl::Status CheckInstances(std::string_view stage, const Extents& extents);
absl::Status CheckRank(const Read& read, const TensorInfo& tensor);
// The subscript is affine, and stays inside the tensor unless guarded.
absl::Status CheckSubscript(const Read& read, size_t dimension, const TensorInfo& tensor,
                            const Extents& extents);
// The index of a stage that is neither an output nor read, if there is one.
std::optional<size_t> FindUnusedStage(const Function& function);
absl::Status UnusedStage(std::string_view name);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_RULES_H_
