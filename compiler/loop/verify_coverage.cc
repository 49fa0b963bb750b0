// Coverage: that a store's iterations are its stage's instances, one to one.
//
// The bindings are equations `axis = expression of loops`. Solving them for the
// loops shows that no instance runs twice: a sum c*x + rest with 0 <= rest < c
// gives x = v // c and rest = v % c, as split makes them; quotients and
// remainders of one value give that value, as fuse makes them. Putting the
// solution back shows that each instance has an iteration: it lies within the
// loops, passes the predicate, and yields the same axes.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/simplifier.h"
#include "compiler/loop/verify_internal.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe {
namespace {

Expr Divided(const Expr& value, int64_t by) {
  return by == 1 ? value : MakeBinary(BinaryOp::kFloorDiv, value, MakeInt(by));
}
Expr Remainder(const Expr& value, int64_t by) {
  return MakeBinary(BinaryOp::kMod, value, MakeInt(by));
}

class LoopSolver {
 public:
  // `known` holds the bounds of loops and what the predicate says of them.
  LoopSolver(Simplifier& known, const Bounds& axes) : known_(known), axes_(axes) {}

  // Takes `e` (simplified) = value as an equation.
  void Solve(const Expr& e, Expr value) {
    Linear sum;
    AddLinear(e, 1, sum);
    SolveSum(std::move(sum), std::move(value));
  }

  // Derives what follows from quotients and remainders met so far.
  void Finish() {
    while (CombineDigits()) {
    }
  }

  LoopValues values;

 private:
  // value = (whole // step) % modulus; modulus 0: no remainder was taken.
  struct Digit {
    Expr whole;
    int64_t step;
    int64_t modulus;
    Expr value;
  };

  void SolveSum(Linear sum, Expr value) {
    if (sum.constant != 0) value = value - MakeInt(sum.constant);
    sum.constant = 0;
    while (!sum.terms.empty()) {
      auto largest = std::max_element(sum.terms.begin(), sum.terms.end(),
                                      [](const Linear::Term& a, const Linear::Term& b) {
                                        return a.coefficient < b.coefficient;
                                      });
      Linear::Term term = *largest;
      if (term.coefficient <= 0) return;
      sum.terms.erase(largest);
      if (sum.terms.empty()) return SolveAtom(term.atom, Divided(value, term.coefficient));
      Interval rest = known_.BoundsOfSum(sum, 1);
      if (!rest.bounded() || *rest.min < 0 || *rest.max >= term.coefficient) return;
      SolveAtom(term.atom, Divided(value, term.coefficient));
      value = Remainder(value, term.coefficient);
    }
  }

  void SolveAtom(const Expr& atom, const Expr& value) {
    Expr simple = Simplify(value, axes_);
    if (const auto* var = atom.As<Var>()) {
      values.try_emplace(var->name, simple);
      return;
    }
    const auto* node = atom.As<Binary>();
    if (node == nullptr) return;
    auto divisor = AsConstInt(node->b);
    if (!divisor || *divisor <= 0) return;
    if (node->op == BinaryOp::kFloorDiv) {
      digits_.push_back({node->a, *divisor, 0, simple});
    } else if (node->op == BinaryOp::kMod) {
      const auto* inner = node->a.As<Binary>();
      auto step = inner ? AsConstInt(inner->b) : std::nullopt;
      if (inner && inner->op == BinaryOp::kFloorDiv && step) {
        digits_.push_back({inner->a, *step, *divisor, simple});
      } else {
        digits_.push_back({node->a, 1, *divisor, simple});
      }
    }
  }

  // Finds digits of one whole that make it up, from step 1 to the last one
  // that it has, solves for the whole, and forgets them.
  bool CombineDigits() {
    for (const Digit& first : digits_) {
      if (first.step != 1) continue;
      Expr whole = first.whole;
      Expr value;
      std::vector<const Digit*> used;
      const Digit* next = &first;
      bool complete = false;
      while (next != nullptr) {
        used.push_back(next);
        Expr part = next->step == 1 ? next->value : next->value * MakeInt(next->step);
        value = value ? value + part : part;
        int64_t covered = 0;
        complete = next->modulus == 0;
        if (complete || __builtin_mul_overflow(next->step, next->modulus, &covered)) break;
        Linear sum;
        AddLinear(whole, 1, sum);
        Interval range = known_.BoundsOfSum(sum, 1);
        complete = range.bounded() && *range.min >= 0 && *range.max < covered;
        if (complete) break;
        next = FindDigit(whole, covered);
      }
      if (!complete) continue;
      std::vector<Digit> left;
      for (const Digit& digit : digits_) {
        if (std::find(used.begin(), used.end(), &digit) == used.end()) left.push_back(digit);
      }
      digits_ = std::move(left);
      Solve(whole, value);
      return true;
    }
    return false;
  }

  const Digit* FindDigit(const Expr& whole, int64_t step) const {
    for (const Digit& digit : digits_) {
      if (digit.step == step && StructurallyEqual(digit.whole, whole)) return &digit;
    }
    return nullptr;
  }

  Simplifier& known_;
  const Bounds& axes_;
  std::vector<Digit> digits_;
};

Expr Less(const Expr& a, int64_t b) { return MakeBinary(BinaryOp::kLt, a, MakeInt(b)); }
Expr Within(const Expr& e, int64_t extent) {
  return MakeBinary(BinaryOp::kAnd, MakeBinary(BinaryOp::kGe, e, MakeInt(0)), Less(e, extent));
}

}  // namespace

std::string AxisVariable(std::string_view axis) { return absl::StrCat("@", ToAbsl(axis)); }

absl::StatusOr<LoopValues> VerifyCoverage(const StageInfo& stage, const StoreSite& site) {
  auto broken = [&](const std::string& what) {
    return Broken("coverage", absl::StrCat("stage ", stage.name, ": ", what));
  };
  Bounds loops = BoundsOfLoops(site.loops);
  Simplifier known(loops);
  Expr predicate = site.store->predicate ? known.Simplify(site.store->predicate) : Expr();
  if (predicate) NarrowBounds(predicate, loops);
  known.Assume(predicate);
  std::vector<Axis> axes = stage.spatial;
  axes.insert(axes.end(), stage.reduction.begin(), stage.reduction.end());
  Bounds axis_bounds;
  for (const Axis& axis : axes) {
    axis_bounds[AxisVariable(axis.name)] = Interval::Of(0, axis.extent - 1);
  }

  // Every iteration makes an instance.
  LoopSolver solver(known, axis_bounds);
  std::vector<Expr> bound;
  for (size_t i = 0; i < axes.size(); ++i) {
    bound.push_back(known.Simplify(site.store->bindings[i].second));
    auto inside = AsConstInt(known.Simplify(Within(bound[i], axes[i].extent)));
    if (inside != 1) {
      return broken(absl::StrCat("axis ", axes[i].name, " = ", ToText(bound[i]),
                                 " may leave its extent ", axes[i].extent));
    }
    solver.Solve(bound[i], MakeVar(AxisVariable(axes[i].name)));
  }
  solver.Finish();
  for (const For* loop : site.loops) {
    const Interval& range = loops[loop->var];
    if (loop->extent > 1 && range.min == range.max) {  // the predicate leaves one iteration
      solver.values.try_emplace(loop->var, MakeInt(*range.min));
    }
    if (loop->extent > 1 && !solver.values.contains(loop->var)) {
      return broken(absl::StrCat("the axes do not determine loop ", loop->var,
                                 ", so instances may run more than once"));
    }
  }

  // Every instance has its iteration.
  Substitution solution(solver.values.begin(), solver.values.end());
  for (const For* loop : site.loops) {
    if (loop->extent == 1) continue;
    if (!ProvablyTrue(Within(solution.at(loop->var), loop->extent), axis_bounds)) {
      return broken(absl::StrCat("loop ", loop->var, " of extent ", loop->extent,
                                 " does not reach every instance"));
    }
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    // Simplified before it is compared: a difference would take its digits apart.
    Expr again = Simplify(Substitute(bound[i], solution), axis_bounds);
    Expr same = MakeBinary(BinaryOp::kEq, again, MakeVar(AxisVariable(axes[i].name)));
    if (!ProvablyTrue(same, axis_bounds)) {
      return broken(absl::StrCat("axis ", axes[i].name, " = ", ToText(bound[i]),
                                 " does not take every value"));
    }
  }
  if (predicate && !ProvablyTrue(Substitute(predicate, solution), axis_bounds)) {
    return broken(absl::StrCat("predicate ", ToText(predicate), " removes instances"));
  }
  return std::move(solver.values);
}

}  // namespace lathe
