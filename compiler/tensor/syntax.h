// The syntax tree of tensor functions: what the text says, before names are
// resolved, numbers get types and extents are inferred.
#ifndef LATHE_COMPILER_TENSOR_SYNTAX_H_
#define LATHE_COMPILER_TENSOR_SYNTAX_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "compiler/tensor/expr.h"
#include "compiler/tensor/lexer.h"

namespace lathe {

// Expressions nest at most this deep, so that recursion over them is safe.
inline constexpr int kMaxExpressionHeight = 512;
inline constexpr size_t kMaxRank = 16;

// A name with an extent, if stated: an axis, or one dimension of a tensor.
struct SyntaxAxis {
  std::string name;
  std::optional<int64_t> extent;
  size_t offset = 0;
};

struct SyntaxExpr;
using SyntaxExprPtr = std::unique_ptr<SyntaxExpr>;

struct SyntaxExpr {
  enum class Kind : uint8_t {
    kNumber,  // `text`, with `negative` for a minus right before it
    kBool,
    kVariable,    // `text`
    kRead,        // `text`[children], guarded if `otherwise`
    kUnary,       // children: a
    kBinary,      // children: a, b
    kSelect,      // children: condition, a, b
    kCast,        // children: value
    kReduce,      // children: body
    kRamp,        // loop programs: children: base, then two numbers: stride and lanes
    kBroadcast,   // loop programs: children: value, then one number: lanes
    kLaneReduce,  // loop programs: `reduce` of the lanes of children: value
  };
  Kind kind = Kind::kNumber;
  size_t offset = 0;  // where an error about this node points
  int height = 1;
  std::string_view text;
  bool negative = false;
  bool value = false;  // kBool
  UnaryOp unary = UnaryOp::kNeg;
  BinaryOp binary = BinaryOp::kAdd;
  ReduceOp reduce = ReduceOp::kSum;
  Type type;                     // kCast: the target
  std::vector<SyntaxAxis> axes;  // kReduce
  std::vector<SyntaxExprPtr> children;
  SyntaxExprPtr predicate;  // kRead in a loop program: (x[i] if predicate else otherwise)
  SyntaxExprPtr otherwise;  // kRead
};

struct SyntaxTensor {  // an argument, or a table
  std::string name;
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;
  bool is_const = false;
  std::vector<double> values;  // tables
  size_t offset = 0;
};

struct SyntaxEquation {
  std::string name;
  std::vector<SyntaxAxis> axes;
  SyntaxExprPtr body;
  size_t offset = 0;
};

struct SyntaxName {
  std::string name;
  size_t offset = 0;
};

struct SyntaxFunction {
  SyntaxName name;
  std::vector<SyntaxTensor> arguments;
  std::vector<SyntaxName> outputs;
  std::vector<SyntaxTensor> tables;
  std::vector<SyntaxEquation> equations;
};

// Whether a name is an index (or loop variable) at this place: what tells the
// call max(i, j) from the reduction `max(i, j) x[i, j]`.
using IsVariableFn = absl::FunctionRef<bool(std::string_view)>;

// One expression, as far right as it reaches.
absl::StatusOr<SyntaxExprPtr> ParseSyntaxExpr(TokenStream& tokens, IsVariableFn is_variable);

// A whole file: the header line and at least one function.
absl::StatusOr<std::vector<SyntaxFunction>> ParseSyntaxFile(TokenStream& tokens);

// `NAME[: EXTENT], ...` up to `close`, which is consumed; the opening bracket has been.
absl::StatusOr<std::vector<SyntaxAxis>> ParseSyntaxAxes(TokenStream& tokens,
                                                        std::string_view close);

// Words of the language, which name nothing else.
bool IsReservedName(std::string_view name);

// "f32" or "f32x16".
std::optional<Type> TypeFromName(std::string_view name);

// The constant that the text of a number means in a scalar type, or why not.
absl::StatusOr<Expr> ConstantFromText(std::string_view text, bool negative, ScalarType type);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_SYNTAX_H_
