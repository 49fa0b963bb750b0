// Expressions in the compact form that the interpreter evaluates: names
// resolved to slots and buffers, affine subscripts to sums.
#ifndef LATHE_COMPILER_LOOP_EXPR_CODE_H_
#define LATHE_COMPILER_LOOP_EXPR_CODE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "compiler/tensor/expr.h"

namespace lathe {

// One scalar: `f` for floating types (already rounded to the type), `i` for
// integers and bool.
union Cell {
  int64_t i;
  double f;
};
Cell IntCell(int64_t value);
Cell FloatCell(double value);
// `value` rounded to `type`, and back.
Cell CellOf(ScalarType type, double value);
double ToDouble(ScalarType type, Cell cell);

// What the interpreter must know of a buffer or tensor.
struct CodeBuffer {
  std::string name;
  ScalarType type = ScalarType::kF32;
  std::vector<int64_t> shape;
};

// An element of a buffer: one subscript for each dimension.
struct CodePlace {
  struct Dimension {
    int index = 0;  // expression
    int64_t extent = 0, stride = 0;
  };
  int buffer = 0;
  std::vector<Dimension> dimensions;
};

struct CodeRead {
  CodePlace place;
  int predicate = -1;  // expression, or none
  int otherwise = -1;
  bool guarded = false;  // without predicate: yields `otherwise` outside of the shape
};

struct CodeLoop {
  int slot = 0;
  int64_t extent = 0;
};

struct CodeReduce {
  std::vector<CodeLoop> loops;
  BinaryOp combiner = BinaryOp::kAdd;
  Cell identity;
  int body = 0;
};

enum class Opcode : uint8_t {
  kConstant,    // value
  kAffine,      // value.i + sum of terms[a .. b) ; i64
  kUnary,       // op(a)
  kArithmetic,  // a op b of integers
  kFloatArithmetic,
  kCompare,  // of integers
  kFloatCompare,
  kLogical,  // and, or
  kSelect,   // a ? b : c
  kCast,     // a, of type `from`
  kRead,     // reads[a]
  kReduce,   // reduces[a]
  kRamp,     // a + lane * value.i
  kLanes,    // lanes 0 .. value.i-1 of a, folded by op
};

struct CodeOperation {
  Opcode code;
  ScalarType type;  // of the result
  ScalarType from;  // of the operands
  uint8_t op = 0;   // UnaryOp or BinaryOp
  int a = -1, b = -1, c = -1;
  Cell value{0};
};

struct CodeTerm {
  int slot;
  int64_t coefficient;
};

// A pool of compiled expressions, each named by the index of its last operation.
struct ExprCode {
  std::vector<CodeOperation> operations;
  std::vector<CodeTerm> terms;
  std::vector<CodeRead> reads;
  std::vector<CodeReduce> reduces;
  std::vector<CodeBuffer> buffers;
  int slots = 0;  // variables
};

// Compiles expressions into a pool. Variables are those bound at the time.
class ExprCompiler {
 public:
  // `linear`: one subscript addresses a buffer of any rank, row-major.
  ExprCompiler(ExprCode* code, bool linear) : code_(*code), linear_(linear) {}

  int AddBuffer(CodeBuffer buffer);
  absl::StatusOr<int> FindBuffer(const std::string& name) const;

  // Gives `name` a fresh slot, which hides an earlier one until Unbind.
  int Bind(const std::string& name);
  void Unbind(const std::string& name);
  std::vector<std::pair<std::string, int>> Bound() const;  // innermost slots, by slot

  // FailedPrecondition for an unknown name, a wrong type or number of subscripts.
  absl::StatusOr<int> Compile(const Expr& e);
  absl::StatusOr<CodePlace> CompilePlace(const std::string& buffer,
                                         const std::vector<Expr>& indices);
  int Constant(ScalarType type, Cell value);

 private:
  // Collects `e`, times `factor`, if it is affine in bound variables.
  bool Gather(const Expr& e, int64_t factor, std::vector<CodeTerm>* terms, int64_t* constant) const;
  int Append(CodeOperation operation);
  absl::StatusOr<int> CompileRead(const Read& read);
  absl::StatusOr<int> CompileReduce(const Reduce& reduce);

  ExprCode& code_;
  const bool linear_;
  absl::flat_hash_map<std::string, int> buffers_;
  absl::flat_hash_map<std::string, std::vector<int>> slots_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_EXPR_CODE_H_
