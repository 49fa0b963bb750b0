// Coverage: that a store's iterations are its stage's instances, one to one.
//
// The bindings are equations `axis = expression of loops`. Solving them for the
// loops shows that no instance runs twice: a sum c*x + rest with 0 <= rest < c
// gives x = v // c and rest = v % c, as split makes them; quotients and
// remainders of one value give that value, as fuse makes them. Putting the
// solution back shows that each instance has an iteration: it lies within the
// loops, passes the predicate, and yields the same axes.
//
// A store with a region (compute_at) does so once in each iteration of the
// loops outside, for the part of the domain within the region: the equations
// are then `axis - base = offset`, the loops outside parameters.
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

class CoverageChecker {
 public:
  CoverageChecker(const StageInfo& stage, const StoreSite& site)
      : stage_(stage), site_(site), loops_(BoundsOfLoops(site.loops)), known_(loops_) {
    axes_ = stage.spatial;
    axes_.insert(axes_.end(), stage.reduction.begin(), stage.reduction.end());
  }

  absl::StatusOr<LoopValues> Run() {
    if (site_.store->predicate) {
      predicate_ = known_.Simplify(site_.store->predicate);
      NarrowBounds(predicate_, loops_);
      known_.Assume(predicate_);
    }
    RETURN_IF_ERROR(CheckRegion());
    RETURN_IF_ERROR(CheckIterations());
    LoopSolver solver(known_, instances_);
    for (size_t i = 0; i < axes_.size(); ++i) solver.Solve(offsets_[i], AxisValue(i));
    solver.Finish();
    for (const For* loop : site_.loops) {
      const Interval& range = loops_[loop->var];
      if (loop->extent > 1 && range.min == range.max) {  // the predicate leaves one iteration
        solver.values.try_emplace(loop->var, MakeInt(*range.min));
      }
      if (Chooses(*loop) && !solver.values.contains(loop->var)) {
        return Broken(absl::StrCat("the axes do not determine loop ", loop->var,
                                   ", so instances may run more than once"));
      }
    }
    RETURN_IF_ERROR(CheckInstances(solver.values));
    return std::move(solver.values);
  }

 private:
  absl::Status Broken(const std::string& what) const {
    return lathe::Broken("coverage", absl::StrCat("stage ", stage_.name, ": ", what));
  }
  Expr AxisValue(size_t i) const { return MakeVar(AxisVariable(axes_[i].name)); }

  // Whether different iterations of the loop make different instances: loops
  // outside of a region make the same ones again.
  bool Chooses(const For& loop) const {
    return loop.extent > 1 && (site_.store->region.empty() || inside_.contains(loop.var));
  }

  // Finds what each axis is beyond the base of its span, and the loops inside.
  absl::Status CheckRegion() {
    const std::vector<AxisSpan>& region = site_.store->region;
    if (!region.empty() && region.size() != stage_.spatial.size()) {
      return Broken("its region does not have one span for each spatial axis");
    }
    for (size_t i = 0; i < axes_.size(); ++i) {
      Expr value = site_.store->bindings[i].second;
      int64_t extent = axes_[i].extent;
      if (i < region.size()) {
        value = value - region[i].base;
        extent = region[i].extent;
      }
      offsets_.push_back(known_.Simplify(value));
      inside_.merge(FreeVars(offsets_.back()));
      instances_[AxisVariable(axes_[i].name)] = Interval::Of(0, extent - 1);
    }
    if (region.empty()) return absl::OkStatus();
    for (const AxisSpan& span : region) {
      for (const std::string& var : FreeVars(span.base)) {
        if (!inside_.contains(var)) continue;
        return Broken(absl::StrCat("loop ", var, " is inside of its region, which depends on it"));
      }
    }
    for (const For* loop : site_.loops) {  // parameters of an instance
      if (!inside_.contains(loop->var)) {
        instances_[loop->var] = Interval::Of(0, loop->extent - 1);
      }
    }
    return absl::OkStatus();
  }

  // Every iteration makes an instance.
  absl::Status CheckIterations() {
    Substitution axes;
    for (size_t i = 0; i < axes_.size(); ++i) {
      const Expr& bound = site_.store->bindings[i].second;
      axes[axes_[i].name] = bound;
      auto provable = [&](const Expr& e, int64_t extent) {
        return AsConstInt(known_.Simplify(Within(e, extent))) == 1;
      };
      if (!provable(bound, axes_[i].extent)) {
        return Broken(absl::StrCat("axis ", axes_[i].name, " = ", ToText(known_.Simplify(bound)),
                                   " may leave its extent ", axes_[i].extent));
      }
      if (i < site_.store->region.size() && !provable(offsets_[i], site_.store->region[i].extent)) {
        return Broken(absl::StrCat("axis ", axes_[i].name, " may leave its region"));
      }
    }
    if (stage_.where && AsConstInt(known_.Simplify(Substitute(stage_.where, axes))) != 1) {
      return Broken(absl::StrCat("an iteration may leave the domain: ", ToText(stage_.where)));
    }
    return absl::OkStatus();
  }

  // Every instance has its iteration.
  absl::Status CheckInstances(const LoopValues& values) const {
    Substitution solution(values.begin(), values.end());
    for (const For* loop : site_.loops) {
      if (!Chooses(*loop)) continue;
      if (!ProvablyTrue(Within(solution.at(loop->var), loop->extent), instances_)) {
        return Broken(absl::StrCat("loop ", loop->var, " of extent ", loop->extent,
                                   " does not reach every instance"));
      }
    }
    for (size_t i = 0; i < axes_.size(); ++i) {
      // Simplified before it is compared: a difference would take its digits apart.
      Expr again = Simplify(Substitute(offsets_[i], solution), instances_);
      if (!ProvablyTrue(MakeBinary(BinaryOp::kEq, again, AxisValue(i)), instances_)) {
        return Broken(absl::StrCat("axis ", axes_[i].name, " = ", ToText(offsets_[i]),
                                   " does not take every value"));
      }
    }
    if (!predicate_) return absl::OkStatus();
    Simplifier instance(instances_);
    Substitution axes;
    for (size_t i = 0; i < axes_.size(); ++i) {
      Expr value = AxisValue(i);
      if (i < site_.store->region.size()) {
        value = site_.store->region[i].base + value;
        instance.Assume(instance.Simplify(Within(value, axes_[i].extent)));
      }
      axes[axes_[i].name] = value;
    }
    if (stage_.where) instance.Assume(instance.Simplify(Substitute(stage_.where, axes)));
    if (AsConstInt(instance.Simplify(Substitute(predicate_, solution))) == 1) {
      return absl::OkStatus();
    }
    return Broken(absl::StrCat("predicate ", ToText(predicate_), " removes instances"));
  }

  const StageInfo& stage_;
  const StoreSite& site_;
  Bounds loops_;  // narrowed by the predicate
  Simplifier known_;
  std::vector<Axis> axes_;  // spatial, then reduction
  Expr predicate_;
  std::vector<Expr> offsets_;  // of each axis, beyond the base of its span
  absl::flat_hash_set<std::string> inside_;
  Bounds instances_;  // of the offsets, and of the loops outside of the region
};

}  // namespace

std::string AxisVariable(std::string_view axis) { return absl::StrCat("@", ToAbsl(axis)); }

absl::StatusOr<LoopValues> VerifyCoverage(const StageInfo& stage, const StoreSite& site) {
  return CoverageChecker(stage, site).Run();
}

}  // namespace lathe
