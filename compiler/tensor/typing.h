// From syntax to typed expressions: resolves names, gives numbers the type of
// what they meet, and refuses operands that do not mix. Serves tensor
// functions and loop programs.
#ifndef LATHE_COMPILER_TENSOR_TYPING_H_
#define LATHE_COMPILER_TENSOR_TYPING_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/tensor/syntax.h"

namespace lathe {

// What names mean where an expression stands. Errors carry the message only;
// the position is added.
class ExprEnvironment {
 public:
  virtual ~ExprEnvironment() = default;
  // The scalar type of a tensor or buffer.
  virtual absl::StatusOr<ScalarType> TypeOf(std::string_view tensor) const = 0;
  virtual absl::Status CheckVariable(std::string_view name) const = 0;
  // The whole read is wrong: the number of its subscripts, say.
  virtual absl::Status CheckRead(const Read& read) const = 0;
  // One subscript is wrong.
  virtual absl::Status CheckSubscript(const Read& read, size_t dimension) const = 0;
  // The axis of a reduction, entered and left around its body.
  virtual absl::StatusOr<Axis> EnterAxis(const SyntaxAxis& axis) = 0;
  virtual void LeaveAxis(const Axis& axis) = 0;
  // Vectors and predicates are for loop programs.
  virtual bool IsLoopProgram() const = 0;
};

// `expected` is the type of numbers that meet nothing else, if the place gives
// one; the result may still have another type.
absl::StatusOr<Expr> TypeExpr(const SyntaxExpr& syntax, const SourceText& source,
                              ExprEnvironment& environment, std::optional<Type> expected);

// The first byte of an expression, where errors about all of it point.
size_t BeginOf(const SyntaxExpr& syntax);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_TYPING_H_
