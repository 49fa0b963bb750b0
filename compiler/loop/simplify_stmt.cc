#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
    if (same) return s;
    return MakeStore(node.stage, node.role, std::move(bindings), node.buffer, std::move(indices),
                     std::move(value), std::move(predicate));
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

  // `body` where `condition` holds: each conjunct v < c or c < v narrows v.
  Stmt UnderNarrowedBounds(const Expr& condition, const Stmt& body) {
    std::vector<std::unique_ptr<ScopedBound>> narrowed;
    NarrowBounds(condition, narrowed);
    Stmt result = Mutate(body);
    while (!narrowed.empty()) narrowed.pop_back();  // the latest first
    return result;
  }

  void NarrowBounds(const Expr& condition, std::vector<std::unique_ptr<ScopedBound>>& narrowed) {
    const auto* node = condition.As<Binary>();
    if (node != nullptr && node->op == BinaryOp::kAnd) {
      NarrowBounds(node->a, narrowed);
      NarrowBounds(node->b, narrowed);
      return;
    }
    if (node == nullptr || node->op != BinaryOp::kLt || node->a.type() != kIndexType) return;
    const Var* var = nullptr;
    Interval bound;
    if (auto limit = AsConstInt(node->b); limit && node->a.As<Var>()) {
      var = node->a.As<Var>();
      bound.max = *limit - 1;
    } else if (auto limit = AsConstInt(node->a); limit && node->b.As<Var>()) {
      var = node->b.As<Var>();
      bound.min = *limit + 1;
    }
    if (var == nullptr) return;
    auto it = bounds_.find(var->name);
    if (it != bounds_.end()) {
      if (!bound.min) bound.min = it->second.min;
      if (!bound.max) bound.max = it->second.max;
    }
    narrowed.push_back(std::make_unique<ScopedBound>(this, var->name, bound));
  }

  Bounds bounds_;
  Simplifier simplifier_;
};

}  // namespace

Stmt Simplify(const Stmt& s) { return StmtSimplifier().Mutate(s); }

}  // namespace lathe
