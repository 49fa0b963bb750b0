// Evaluates compiled expressions, one lane at a time.
#ifndef LATHE_COMPILER_LOOP_EVALUATOR_H_
#define LATHE_COMPILER_LOOP_EVALUATOR_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "compiler/loop/expr_code.h"

namespace lathe {

// Where the elements of buffers come from.
class ElementSource {
 public:
  virtual ~ElementSource() = default;
  // False if the element was never written. `offset` lies inside the buffer.
  virtual bool Load(int buffer, int64_t offset, Cell* value) = 0;
};

// One operation on cells, rounded or wrapped to `type`. Integer `//` and `%`
// need a positive divisor.
Cell Combine(BinaryOp op, ScalarType type, Cell a, Cell b);

// After the first error, results are meaningless and `status()` says what it was.
class Evaluator {
 public:
  enum class Arms : uint8_t {
    kTaken,  // of a select: the one that counts
    kBoth,   // the other too, whose accesses must lie inside their buffers as well
  };
  // `code` may grow after construction, up to the first Eval. Both outlive this.
  Evaluator(const ExprCode* code, ElementSource* source, Arms arms)
      : code_(*code), source_(*source), arms_(arms) {}

  Cell Eval(int expression, int lane = 0);
  bool EvalBool(int expression, int lane = 0) { return Eval(expression, lane).i != 0; }
  // The row-major offset of `place`; `verb` ("reads", "writes") is for the error.
  bool Locate(const CodePlace& place, int lane, std::string_view verb, int64_t* offset);

  void SetSlot(int slot, int64_t value) { slots_[slot] = value; }
  int64_t slot(int slot) const { return slots_[slot]; }
  void ReserveSlots() { slots_.resize(code_.slots); }

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  // Keeps the first error.
  void Fail(absl::Status status);
  // "A[1, 2]", for messages.
  std::string Describe(int buffer, int64_t offset) const;

 private:
  Cell EvalUnary(const CodeOperation& o, int lane);
  Cell EvalArithmetic(const CodeOperation& o, int lane);
  Cell EvalLogical(const CodeOperation& o, int lane);
  Cell EvalSelect(const CodeOperation& o, int lane);
  Cell EvalRead(const CodeRead& read, int lane);
  Cell EvalReduce(const CodeReduce& reduce, ScalarType type);
  bool Inside(const CodePlace& place, int lane);
  // Evaluates what does not count, for its errors.
  void Speculate(int expression, int lane);

  const ExprCode& code_;
  ElementSource& source_;
  const Arms arms_;
  std::vector<int64_t> slots_;
  absl::Status status_;
  int speculating_ = 0;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_EVALUATOR_H_
