#include <algorithm>
#include <utility>

#include "compiler/loop/conditions.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

// One more than the last iteration of a loop in which some store can happen.
class LastUse : public StmtVisitor {
 public:
  LastUse(const For& loop, const Bounds& bounds) : loop_(loop), bounds_(bounds) {
    Visit(loop.body);
  }
  int64_t extent = 0;

 protected:
  void VisitFor(const For& node) override {
    bounds_[node.var] = Interval::Of(0, node.extent - 1);
    StmtVisitor::VisitFor(node);
    bounds_.erase(node.var);
  }
  void VisitIf(const If& node) override {
    size_t outside = conditions_.size();
    for (Expr& condition : Conjuncts(node.condition)) conditions_.push_back(std::move(condition));
    Visit(node.then);
    conditions_.resize(outside);
  }
  void VisitStore(const Store& node) override {
    int64_t used = loop_.extent;
    auto narrow = [&](const Expr& condition) {
      Range range = RangeWhere(Holds::kSometimes, condition, loop_.var, loop_.extent, bounds_);
      used = std::min(used, range.end);
    };
    for (const Expr& condition : conditions_) narrow(condition);
    for (const Expr& condition : Conjuncts(node.predicate)) narrow(condition);
    extent = std::max(extent, used);
  }

 private:
  const For& loop_;
  Bounds bounds_;
  std::vector<Expr> conditions_;  // of the `If`s around
};

class Trimmer : public StmtMutator {
 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    int64_t extent = node.extent;
    if (node.marks.kind != LoopKind::kVectorize) extent = LastUse(node, bounds_).extent;
    if (extent == 0) return Stmt();
    bounds_[node.var] = Interval::Of(0, extent - 1);
    Stmt body = Mutate(node.body);
    bounds_.erase(node.var);
    if (!body) return body;
    if (extent == node.extent && body.SameAs(node.body)) return s;
    return MakeFor(node.var, extent, node.marks, std::move(body));
  }

 private:
  Bounds bounds_;
};

}  // namespace

Program TrimLoops(const Program& program) {
  Program result = program;
  result.body = Trimmer().Mutate(program.body);
  return result;
}

}  // namespace lathe
