// A tensor function: a named computation over typed, shaped tensors.
#ifndef LATHE_COMPILER_TENSOR_FUNCTION_H_
#define LATHE_COMPILER_TENSOR_FUNCTION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "compiler/tensor/expr.h"

namespace lathe {

struct Argument {
  std::string name;
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;  // all positive; empty for a scalar
  bool is_const = false;       // known before the call (weights); part of the key
};

// `const NAME: TYPE[SHAPE] = values`: row-major, one value per element.
struct Table {
  std::string name;
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;
  std::vector<double> values;  // exact for integers up to 2^53
};

// One equation: name[axes] = body. The tensor's shape is the axes' extents.
struct Stage {
  std::string name;
  ScalarType type = ScalarType::kF32;
  std::vector<Axis> axes;
  Expr body;
};

// Values only; a Function that came from ParseFunction or CheckFunction obeys
// every rule of the language (see compiler/tensor/README.md).
struct Function {
  std::string name;
  std::vector<Argument> arguments;
  std::vector<std::string> outputs;  // names of stages, in result order
  std::vector<Table> tables;
  std::vector<Stage> stages;  // in order; a stage reads arguments, tables, earlier stages

  const Argument* FindArgument(std::string_view name) const;
  const Stage* FindStage(std::string_view name) const;
  bool IsOutput(std::string_view stage) const;
};

// Parses a file of one or more functions. Errors are InvalidArgument:
// "FILE:LINE:COLUMN: what is wrong" followed by the source line and a caret.
absl::StatusOr<std::vector<Function>> ParseFunctions(std::string_view text,
                                                     std::string_view file_name);
// As above for exactly one function.
absl::StatusOr<Function> ParseFunction(std::string_view text, std::string_view file_name);
// Type, shape and bounds rules of a function built in C++ (operator library, rewrites).
absl::Status CheckFunction(const Function& function);

// The text with the header line `lathe 1`; parses back to an equal function.
std::string ToText(const Function& function);
// Numbers whose type nothing inside the expression tells are written as in
// f32(0.5), except i64 ones: a lone subscript `3` is just that.
std::string ToText(const Expr& expr);

// The identity of a function in databases.
inline constexpr int kKeyVersion = 1;
struct FunctionKey {
  std::string text;  // canonical: alpha-renamed, normalised; equal text = same function
  std::string hash;  // SHA-256 of "lathe-key 1\n" + text
};
FunctionKey CanonicalKey(const Function& function);

// Author's name -> canonical name.
using Renaming = absl::flat_hash_map<std::string, std::string>;

// The function whose text is the key, under the author's function name, and
// what became of the names. Databases hold traces in canonical names: two
// authors of one function share them.
struct CanonicalFunction {
  Function function;
  Renaming stages;
  absl::flat_hash_map<std::string, Renaming> indices;  // by the author's stage
};
CanonicalFunction Canonicalize(const Function& function);
// Hash of the canonical text with extents abstracted: the unit of transfer.
std::string FamilyKey(const Function& function);

// Floating-point and integer operations of one evaluation (multiply and add
// count one each; every scalar operation counts one), and the bytes of all
// arguments read once plus outputs written once.
struct Work {
  double flops = 0;
  double bytes = 0;
};
Work CountWork(const Function& function);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_FUNCTION_H_
