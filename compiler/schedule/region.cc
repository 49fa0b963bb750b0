#include "compiler/schedule/region.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/conditions.h"
#include "compiler/tensor/expr_visitor.h"

namespace lathe::schedule {
namespace {

using Extents = absl::flat_hash_map<std::string, int64_t>;

// One loop inside the iteration, with its coefficient in an index.
struct InnerTerm {
  std::string loop;
  int64_t coefficient = 0;
  int64_t extent = 1;
};

// An index as a part that is constant within the iteration and a sum of inner
// loops, by ascending coefficient.
struct Parts {
  Linear outer;
  std::vector<InnerTerm> inner;
};

// Nothing if an inner loop occurs other than as coefficient * loop.
std::optional<Parts> Divide(const Expr& e, const Extents& inner_loops) {
  Linear sum;
  AddLinear(e, 1, sum);
  Parts parts;
  parts.outer.constant = sum.constant;
  for (const Linear::Term& term : sum.terms) {
    const auto* var = term.atom.As<Var>();
    auto inner = var ? inner_loops.find(var->name) : inner_loops.end();
    if (inner != inner_loops.end()) {
      // A loop of one iteration adds nothing.
      if (inner->second > 1) {
        parts.inner.push_back({var->name, term.coefficient, inner->second});
      }
      continue;
    }
    for (const std::string& name : FreeVars(term.atom)) {
      if (inner_loops.contains(name)) return std::nullopt;
    }
    parts.outer.Add(term.atom, term.coefficient);
  }
  std::sort(parts.inner.begin(), parts.inner.end(),
            [](const InnerTerm& a, const InnerTerm& b) { return a.coefficient < b.coefficient; });
  return parts;
}

bool UsesNone(const Expr& e, const Extents& loops) {
  for (const std::string& name : FreeVars(e)) {
    if (loops.contains(name)) return false;
  }
  return true;
}

// `parts < bound`: a predicate that split left behind.
struct Condition {
  Expr original;
  Parts parts;
  int64_t bound = 0;
  bool used = false;
};

// Whether the inner loops of `condition`, times `scale`, are exactly the terms
// first..last of an index.
bool IsSegment(const Condition& condition, const std::vector<InnerTerm>& terms, size_t first,
               size_t last, int64_t scale) {
  const std::vector<InnerTerm>& inner = condition.parts.inner;
  if (inner.size() != last - first + 1) return false;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i].loop != terms[first + i].loop ||
        inner[i].coefficient * scale != terms[first + i].coefficient) {
      return false;
    }
  }
  return true;
}

// The span of one index. Terms are taken by ascending coefficient; each must
// begin where the ones before end (so that values are contiguous, each made
// once). With a segment of terms s*(..) whose lower terms cover 0..s-1, a
// condition (outer + segment/s < bound) says s*outer + offset < s*bound.
absl::StatusOr<Span> SpanOf(std::string_view action, const Parts& parts,
                            std::vector<Condition>& conditions) {
  Span span;
  span.base = parts.outer;
  std::vector<int64_t> starts;  // the values that the terms below cover
  for (size_t last = 0; last < parts.inner.size(); ++last) {
    const InnerTerm& term = parts.inner[last];
    if (term.coefficient != span.extent) {
      return Refuse(action, absl::StrCat("an iteration writes elements that are not contiguous "
                                         "along loop ",
                                         term.loop));
    }
    starts.push_back(span.extent);
    span.extent *= term.extent;
    for (Condition& condition : conditions) {
      for (size_t first = 0; first <= last && !condition.used; ++first) {
        int64_t scale = starts[first];
        if (!IsSegment(condition, parts.inner, first, last, scale)) continue;
        const Linear& outer = condition.parts.outer;
        if (outer.IsConstant()) {
          span.extent = std::min(span.extent, scale * (condition.bound - outer.constant));
        } else if (last + 1 == parts.inner.size()) {
          Span::Limit limit;
          limit.outer.Add(outer, scale);
          limit.bound = scale * condition.bound;
          span.limits.push_back(std::move(limit));
        } else {
          continue;
        }
        condition.used = true;
      }
    }
  }
  if (span.extent < 1) return Refuse(action, "an iteration writes nothing");
  return span;
}

}  // namespace

absl::StatusOr<Region> RegionWritten(std::string_view action, const StoreSite& site, size_t depth) {
  Extents inner_loops;
  for (size_t i = depth + 1; i < site.loops.size(); ++i) {
    inner_loops[site.loops[i]->var] = site.loops[i]->extent;
  }
  Region region;
  std::vector<Condition> conditions;
  for (const Expr& e : Conjuncts(site.store->predicate)) {
    const auto* less = e.As<Binary>();
    std::optional<int64_t> bound;
    std::optional<Parts> parts;
    if (less && less->op == BinaryOp::kLt) bound = AsConstInt(less->b);
    if (bound) parts = Divide(less->a, inner_loops);
    if (parts && parts->inner.empty()) {
      // Rebuilt, as `e` may mention inner loops of one iteration.
      region.conditions.push_back(
          MakeBinary(BinaryOp::kLt, parts->outer.ToExpr(), MakeInt(*bound)));
    } else if (parts) {
      conditions.push_back({e, *std::move(parts), *bound});
    } else if (UsesNone(e, inner_loops)) {
      region.conditions.push_back(e);
    } else {
      return Refuse(action, absl::StrCat("the predicate ", ToText(e), " of stage ",
                                         site.store->stage, " is not of the form sum < bound"));
    }
  }
  std::vector<std::string> seen;
  for (const Expr& index : site.store->indices) {
    std::optional<Parts> parts = Divide(index, inner_loops);
    if (!parts) {
      return Refuse(action, absl::StrCat("the index ", ToText(index), " of stage ",
                                         site.store->stage, " divides a loop inside"));
    }
    for (const InnerTerm& term : parts->inner) {
      if (std::find(seen.begin(), seen.end(), term.loop) != seen.end()) {
        return Refuse(action, absl::StrCat("loop ", term.loop, " occurs in two indices of stage ",
                                           site.store->stage));
      }
      seen.push_back(term.loop);
    }
    ASSIGN_OR_RETURN(Span span, SpanOf(action, *parts, conditions));
    region.spans.push_back(std::move(span));
  }
  for (const Condition& condition : conditions) {
    // Conditions on reduction loops remove terms, not elements.
    bool spatial = std::any_of(
        condition.parts.inner.begin(), condition.parts.inner.end(), [&](const InnerTerm& term) {
          return std::find(seen.begin(), seen.end(), term.loop) != seen.end();
        });
    if (spatial && !condition.used) {
      return Refuse(action, absl::StrCat("the predicate ", ToText(condition.original), " of stage ",
                                         site.store->stage, " limits no whole index"));
    }
  }
  return region;
}

bool SameLinear(const Linear& a, const Linear& b) {
  Linear difference = a;
  difference.Add(b, -1);
  return difference.IsConstant() && difference.constant == 0;
}

}  // namespace lathe::schedule
