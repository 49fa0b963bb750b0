// The simplifier's inside: one object per set of bounds. Users include
// simplify.h.
#ifndef LATHE_COMPILER_LOOP_SIMPLIFIER_H_
#define LATHE_COMPILER_LOOP_SIMPLIFIER_H_

#include <optional>
#include <vector>

#include "compiler/loop/affine.h"
#include "compiler/loop/simplify.h"

namespace lathe {

class Simplifier {
 public:
  // `bounds` must outlive the object and may change between calls.
  explicit Simplifier(const Bounds& bounds) : bounds_(bounds) {}

  Expr Simplify(const Expr& e);

  // Takes `condition` as known to hold until Forget(mark), for the mark that
  // this call returns: a condition equal to one of its conjuncts becomes true,
  // and a conjunct a < b narrows the bounds of sums. An absent one is true.
  size_t Assume(const Expr& condition);
  void Forget(size_t mark) { facts_.resize(mark); }
  // Whether one of the conditions taken is known to be false.
  bool IsImpossible() const;

  // Bounds of a sum over all lanes, under what is known.
  Interval BoundsOfSum(const Linear& sum, int lanes) const;

 private:
  // i64, scalar or vector (simplify_integer.cc, simplify_compare.cc). SimplifySum and
  // CompareIntegers return null, ToLinear false, where a vector is not a ramp,
  // a broadcast, or a sum of such.
  Expr SimplifySum(const Expr& e);
  static bool IsSumOfRamps(const Expr& e);
  bool ToLinear(const Expr& e, int64_t scale, Linear& sum);
  bool BinaryToLinear(const Binary& node, const Expr& e, int64_t scale, Linear& sum);
  std::optional<Linear> Divide(const Linear& x, int64_t divisor, int lanes);
  std::optional<Linear> Modulo(const Linear& x, int64_t divisor, int lanes);
  void PairQuotientsWithRemainders(Linear& sum);
  std::optional<int64_t> UpperBound(const Linear& sum, int lanes) const;
  bool CannotWrap(const Linear& sum, int lanes) const;
  Expr CompareIntegers(BinaryOp op, const Expr& a, const Expr& b, const Expr& e);
  void TightenLess(Linear& difference) const;
  bool UnwrapQuotient(Linear& difference) const;

  // All other types and nodes (simplify_expr.cc).
  Expr SimplifyNode(const Expr& e);
  Expr SimplifyUnary(const Unary& node, const Expr& e);
  Expr SimplifyBinary(const Binary& node, const Expr& e);
  Expr SimplifyLogical(const Binary& node, const Expr& e);
  Expr SimplifySelect(const Select& node, const Expr& e);
  Expr SimplifyCast(const Cast& node, const Expr& e);
  Expr SimplifyRead(const Read& node, const Expr& e);
  Expr SimplifyReduce(const Reduce& node, const Expr& e);
  // True instead of a condition that is a known fact.
  Expr UseFacts(Expr condition) const;

  struct Fact {
    Expr condition;
    std::optional<Linear> negative;  // this sum is below zero
  };
  const Bounds& bounds_;
  std::vector<Fact> facts_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_SIMPLIFIER_H_
