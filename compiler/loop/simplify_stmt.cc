#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/loop/bounds.h"
#include "compiler/loop/simplifier.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class StmtSimplifier : public StmtMutator {
 public:
  StmtSimplifier() : simplifier_(bounds_) {}

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    ScopedBound loop(this, node.var, Interval::Of(0, node.extent - 1));
    Stmt body = Mutate(node.body);
    if (node.extent == 1 || !body) return body;
    return body.SameAs(node.body) ? s : MakeFor(node.var, node.extent, node.marks, body);
  }

  Stmt MutateStore(const Store& node, const Stmt& s) override {
    bool same = true;
    auto simplify = [&](const Expr& e) {
      Expr result = simplifier_.Simplify(e);
      same = same && result.SameAs(e);
      return result;
    };
    Expr predicate;
    if (node.predicate) {
      predicate = simplify(node.predicate);
      if (auto known = AsConstInt(predicate)) {
        if (*known == 0) return Stmt();
        predicate = Expr();
        same = false;
      }
    }
    auto bindings = node.bindings;
    for (auto& [axis, value] : bindings) value = simplify(value);
    std::vector<Expr> indices;
    indices.reserve(node.indices.size());
    for (const Expr& index : node.indices) indices.push_back(simplify(index));
    Expr value = simplify(node.value);
    std::vector<AxisSpan> region = node.region;
    for (AxisSpan& span : region) span.base = simplify(span.base);
    if (same) return s;
    return MakeStore(node.stage, node.role, std::move(bindings), node.buffer, std::move(indices),
                     std::move(value), std::move(predicate), std::move(region));
  }

  Stmt MutatePrefetch(const Prefetch& node, const Stmt&) override {
    std::vector<Expr> indices;
    for (const Expr& index : node.indices) indices.push_back(simplifier_.Simplify(index));
    return MakePrefetch(node.buffer, std::move(indices));
  }

  Stmt MutateIf(const If& node, const Stmt& s) override {
    Expr condition = simplifier_.Simplify(node.condition);
    if (auto known = AsConstInt(condition)) return *known ? Mutate(node.then) : Stmt();
    size_t mark = simplifier_.Assume(condition);
    Stmt then = UnderNarrowedBounds(condition, node.then);
    simplifier_.Forget(mark);
    if (!then) return then;
    if (condition.SameAs(node.condition) && then.SameAs(node.then)) return s;
    return MakeIf(std::move(condition), std::move(then));
  }

 private:
  // Narrows the bounds of a variable while it lives. (Bounds of an outer
  // variable come back; names are unique, but a fact narrows one again.)
  class ScopedBound {
   public:
    ScopedBound(StmtSimplifier* owner, const std::string& name, Interval bound)
        : owner_(owner), name_(name) {
      auto it = owner->bounds_.find(name);
      if (it != owner->bounds_.end()) old_ = it->second;
      owner->bounds_[name] = bound;
    }
    ~ScopedBound() {
      if (old_) {
        owner_->bounds_[name_] = *old_;
      } else {
        owner_->bounds_.erase(name_);
      }
    }

   private:
    StmtSimplifier* owner_;
    std::string name_;
    std::optional<Interval> old_;
  };

  // `body` where `condition` holds.
  Stmt UnderNarrowedBounds(const Expr& condition, const Stmt& body) {
    std::vector<std::unique_ptr<ScopedBound>> narrowed;
    for (const auto& [name, bound] : NarrowedBy(condition, bounds_)) {
      narrowed.push_back(std::make_unique<ScopedBound>(this, name, bound));
    }
    Stmt result = Mutate(body);
    while (!narrowed.empty()) narrowed.pop_back();  // the latest first
    return result;
  }

  Bounds bounds_;
  Simplifier simplifier_;
};

}  // namespace

Stmt Simplify(const Stmt& s) { return StmtSimplifier().Mutate(s); }

}  // namespace lathe
