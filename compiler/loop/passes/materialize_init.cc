#include <algorithm>
#include <utility>

#include "compiler/loop/conditions.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

using Names = absl::flat_hash_set<std::string>;

bool Intersect(const Names& a, const Names& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& name) { return b.contains(name); });
}

class InitMaterializer : public StmtMutator {
 public:
  explicit InitMaterializer(const Program& program) : program_(program) {}

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    size_t depth = loops_.size();
    loops_.push_back(&node);
    inits_.emplace_back();
    Stmt loop = StmtMutator::MutateFor(node, s);
    std::vector<Stmt> sequence = std::move(inits_.back());
    inits_.pop_back();
    loops_.resize(depth);
    sequence.push_back(std::move(loop));
    return MakeSequence(std::move(sequence));
  }

  Stmt MutateStore(const Store& node, const Stmt& s) override {
    if (node.role != StoreRole::kReduce) return s;
    const StageInfo& stage = *program_.FindStage(node.stage);
    BinaryOp combine = Combiner(stage.reduce_op);
    Expr old = MakeRead(node.value.type(), node.buffer, node.indices);
    Stmt update = MakeStore(node.stage, StoreRole::kUpdate, node.bindings, node.buffer,
                            node.indices, MakeBinary(combine, old, node.value), node.predicate);
    Names reduced;
    for (size_t i = stage.spatial.size(); i < node.bindings.size(); ++i) {
      reduced.merge(FreeVars(node.bindings[i].second));
    }
    size_t outermost = 0;
    while (outermost < loops_.size() && !reduced.contains(loops_[outermost]->var)) ++outermost;
    Stmt init = InitNest(node, stage, outermost);
    if (outermost == loops_.size()) return MakeSequence({std::move(init), std::move(update)});
    inits_[outermost].push_back(std::move(init));
    return update;
  }

 private:
  // Sets every element that `store` updates below loop `outermost`: its loops
  // there that say which element, and the predicates about them.
  Stmt InitNest(const Store& store, const StageInfo& stage, size_t outermost) const {
    Names needed;
    for (const Expr& index : store.indices) needed.merge(FreeVars(index));
    for (size_t i = 0; i < stage.spatial.size(); ++i) {
      needed.merge(FreeVars(store.bindings[i].second));
    }
    // A condition on an element's position may pull in more loops, those more
    // conditions; one about reduction axes alone says nothing about elements.
    std::vector<Expr> open = Conjuncts(store.predicate), kept;
    for (bool grown = true; grown;) {
      grown = false;
      for (size_t i = 0; i < open.size();) {
        Names used = FreeVars(open[i]);
        if (Intersect(used, needed)) {
          needed.merge(used);
          kept.push_back(open[i]);
          open.erase(open.begin() + i);
          grown = true;
        } else {
          ++i;
        }
      }
    }
    std::vector<std::pair<std::string, Expr>> bindings(
        store.bindings.begin(), store.bindings.begin() + stage.spatial.size());
    Stmt nest =
        MakeStore(store.stage, StoreRole::kInit, std::move(bindings), store.buffer, store.indices,
                  Identity(stage.reduce_op, store.value.type()), Conjunction(kept));
    for (size_t i = loops_.size(); i > outermost; --i) {
      const For& loop = *loops_[i - 1];
      if (needed.contains(loop.var)) {
        nest = MakeFor(loop.var, loop.extent, loop.marks, std::move(nest));
      }
    }
    return nest;
  }

  const Program& program_;
  std::vector<const For*> loops_;         // enclosing loops, outermost first
  std::vector<std::vector<Stmt>> inits_;  // per enclosing loop: what must precede it
};

}  // namespace

Program MaterializeInit(const Program& program) {
  Program result = program;
  result.body = InitMaterializer(program).Mutate(program.body);
  return result;
}

}  // namespace lathe
