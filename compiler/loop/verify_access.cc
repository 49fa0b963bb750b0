// Accesses: the reads of a store, and that all stay within their buffers.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/bounds.h"
#include "compiler/loop/simplifier.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/verify_internal.h"

namespace lathe {
namespace {

class ReadCollector : public ExprVisitor {
 public:
  std::vector<ReadSite> reads;

 protected:
  void VisitRead(const Read& node) override {
    if (node.predicate) {
      Visit(node.predicate);
      predicates_.push_back(node.predicate);
    }
    reads.push_back({&node, predicates_});
    for (const Expr& index : node.indices) Visit(index);
    if (node.predicate) predicates_.pop_back();
    if (node.otherwise) Visit(node.otherwise);
  }

 private:
  std::vector<Expr> predicates_;
};

// Whether `e` takes both ends of its bounds: a sum of variables, each of which
// occurs once.
bool TakesItsBounds(const Expr& e) {
  Linear sum;
  AddLinear(e, 1, sum);
  return std::all_of(sum.terms.begin(), sum.terms.end(),
                     [](const Linear::Term& term) { return term.atom.kind() == ExprKind::kVar; });
}

// Whether index `e` leaves 0..extent-1. Under conditions, only if no value
// that they leave is inside; else exactly, where the bounds are.
bool LeavesForSure(const Expr& e, int64_t extent, const Simplifier& known, const Bounds& bounds,
                   bool conditional) {
  Linear sum;
  AddLinear(e, 1, sum);
  Interval range = known.BoundsOfSum(sum, e.type().lanes);
  // Contradictory bounds: conditions that never hold together.
  if (range.bounded() && *range.min > *range.max) return false;
  bool none_inside = (range.max && *range.max < 0) || (range.min && *range.min >= extent);
  if (none_inside) return true;
  if (conditional || !TakesItsBounds(e)) return false;
  for (const Linear::Term& term : sum.terms) {
    if (!BoundsOf(term.atom, bounds).bounded()) return false;
  }
  return (range.min && *range.min < 0) || (range.max && *range.max >= extent);
}

}  // namespace

std::vector<ReadSite> ReadsOf(const Store& store) {
  ReadCollector collector;
  for (const Expr& index : store.indices) collector.Visit(index);
  for (const auto& [axis, value] : store.bindings) collector.Visit(value);
  if (store.predicate) collector.Visit(store.predicate);
  collector.Visit(store.value);
  return std::move(collector.reads);
}

absl::Status VerifyInBounds(const Program& program, const StoreSite& site) {
  Bounds bounds = BoundsOfLoops(site.loops);
  Simplifier known(bounds);
  for (const Expr& condition : site.conditions) known.Assume(condition);
  known.Assume(site.store->predicate);
  bool conditional = !site.conditions.empty() || site.store->predicate;
  auto check = [&](const std::string& buffer, const std::vector<Expr>& indices, bool guarded) {
    if (known.IsImpossible()) return absl::OkStatus();  // never made
    const Buffer& target = *program.FindBuffer(buffer);
    for (size_t d = 0; d < indices.size(); ++d) {
      if (!LeavesForSure(indices[d], target.shape[d], known, bounds, guarded)) continue;
      return Broken("in-bounds", absl::StrCat("stage ", site.store->stage, ": ", ToText(indices[d]),
                                              " leaves dimension ", d, " of ", buffer,
                                              ", which has ", target.shape[d], " elements"));
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(check(site.store->buffer, site.store->indices, conditional));
  for (const ReadSite& read : ReadsOf(*site.store)) {
    size_t mark = known.Assume(Expr());
    for (const Expr& predicate : read.predicates) known.Assume(predicate);
    RETURN_IF_ERROR(
        check(read.read->buffer, read.read->indices, conditional || !read.predicates.empty()));
    known.Forget(mark);
  }
  return absl::OkStatus();
}

}  // namespace lathe
