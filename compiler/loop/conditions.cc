#include "compiler/loop/conditions.h"

#include <algorithm>

#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/scalar_math.h"

namespace lathe {

std::vector<Expr> Conjuncts(const Expr& predicate) {
  std::vector<Expr> conditions, pending;
  if (predicate) pending.push_back(predicate);
  while (!pending.empty()) {
    Expr e = std::move(pending.back());
    pending.pop_back();
    const auto* node = e.As<Binary>();
    if (node && node->op == BinaryOp::kAnd) {
      pending.push_back(node->b);
      pending.push_back(node->a);
    } else {
      conditions.push_back(std::move(e));
    }
  }
  return conditions;
}

Expr Conjunction(const std::vector<Expr>& conditions) {
  int lanes = 1;
  for (const Expr& c : conditions) lanes = std::max(lanes, c.type().lanes);
  Expr all;
  for (const Expr& c : conditions) {
    Expr wide = c.type().lanes == lanes ? c : MakeBroadcast(c, lanes);
    all = all ? MakeBinary(BinaryOp::kAnd, std::move(all), std::move(wide)) : std::move(wide);
  }
  return all;
}

Linear LinearOf(const Expr& e) {
  Linear sum;
  AddLinear(e, 1, sum);
  return sum;
}

std::optional<Linear> AsNonNegative(const Expr& condition) {
  const auto* node = condition.As<Binary>();
  if (!node || node->a.type() != kIndexType) return std::nullopt;
  bool less = node->op == BinaryOp::kLt || node->op == BinaryOp::kLe;
  bool greater = node->op == BinaryOp::kGt || node->op == BinaryOp::kGe;
  if (!less && !greater) return std::nullopt;
  Linear difference;  // b - a for a < b, a - b for a > b
  AddLinear(node->a, less ? -1 : 1, difference);
  AddLinear(node->b, less ? 1 : -1, difference);
  if (node->op == BinaryOp::kLt || node->op == BinaryOp::kGt) difference.constant -= 1;
  return difference;
}

std::optional<int64_t> CoefficientOf(const Linear& sum, const std::string& var) {
  int64_t coefficient = 0;
  for (const Linear::Term& term : sum.terms) {
    const auto* v = term.atom.As<Var>();
    if (v && v->name == var) {
      coefficient = term.coefficient;
    } else if (!v && UsesVar(term.atom, var)) {
      return std::nullopt;
    }
  }
  return coefficient;
}

Range RangeWhere(Holds holds, const Expr& condition, const std::string& var, int64_t extent,
                 const Bounds& bounds) {
  const Range everywhere{0, extent};
  const Range unknown = holds == Holds::kAlways ? Range{} : everywhere;
  std::optional<Linear> sum = AsNonNegative(condition);
  std::optional<int64_t> factor = sum ? CoefficientOf(*sum, var) : std::nullopt;
  if (!factor) return unknown;
  // factor * var + rest >= 0, with rest as small (kAlways) or as large
  // (kSometimes) as it gets.
  Linear others = *sum;
  if (*factor != 0) others.Add(MakeVar(var), -*factor);
  Interval interval = BoundsOf(others, 1, bounds);
  std::optional<int64_t> rest = holds == Holds::kAlways ? interval.min : interval.max;
  if (!rest) return unknown;
  if (*factor == 0) return *rest >= 0 ? everywhere : Range{};
  Range range = everywhere;
  if (*factor > 0) {
    range.begin = std::max<int64_t>(0, -FloorDiv(*rest, *factor));
  } else {
    range.end = std::min(extent, FloorDiv(*rest, -*factor) + 1);
  }
  return range.empty() ? Range{} : range;
}

bool TermsAreIndependent(const StageInfo& stage, const Store& store) {
  absl::flat_hash_set<std::string> spatial, reduced;
  for (size_t i = 0; i < store.bindings.size(); ++i) {
    (i < stage.spatial.size() ? spatial : reduced).merge(FreeVars(store.bindings[i].second));
  }
  auto uses = [](const Expr& e, const absl::flat_hash_set<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return UsesVar(e, name); });
  };
  if (std::any_of(reduced.begin(), reduced.end(),
                  [&](const std::string& name) { return spatial.contains(name); })) {
    return false;
  }
  std::vector<Expr> conditions = Conjuncts(store.predicate);
  return std::none_of(conditions.begin(), conditions.end(), [&](const Expr& condition) {
    return uses(condition, reduced) && uses(condition, spatial);
  });
}

Expr DropProvable(const Expr& predicate, const Bounds& bounds) {
  std::vector<Expr> conditions = Conjuncts(predicate);
  auto provable = [&](const Expr& condition) { return ProvablyTrue(condition, bounds); };
  size_t removed = std::erase_if(conditions, provable);
  return removed == 0 ? predicate : Conjunction(conditions);
}

}  // namespace lathe
