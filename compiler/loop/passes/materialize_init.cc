// Writes out how elements of reductions start.
//
//   for k in 64 {                      for i in 8 { c[i] init= 0 }
//     for i in 8 { c[i] sum= x }  ->   for k in 64 {
//   }                                    for i in 8 { c[i] update= c[i] + x }
//                                      }
//
// Where the outermost reduction loop is marked peel=first, its first iteration
// starts the elements, so that peeling (partition_loops.cc) leaves code without
// conditions:
//
//   for ko in 4 peel=first {           for ko in 4 peel=first {
//     for i in 8 { c[i] sum= x }  ->     for i in 8 {
//   }                                      c[i] init= x if ko < 1
//                                          c[i] update= c[i] + x if 0 < ko
//                                        }
//                                      }
//
// That is right because the identity combined with a term is the term (but for
// a sum of -0, which keeps its sign) and because every element has its first
// term there (StartsInFirst). With more reduction loops below, the first
// iteration runs the init nest right before the outermost of these. In all other
// cases the nest precedes the outermost reduction loop, as if it were unmarked.
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
    Stmt update =
        MakeStore(node.stage, StoreRole::kUpdate, node.bindings, node.buffer, node.indices,
                  MakeBinary(combine, old, node.value), node.predicate, node.region);
    Names reduced;
    for (size_t i = stage.spatial.size(); i < node.bindings.size(); ++i) {
      reduced.merge(FreeVars(node.bindings[i].second));
    }
    size_t outermost = NextReducing(0, reduced);
    if (outermost < loops_.size() && StartsInFirst(node, stage, outermost, reduced)) {
      return StartInFirst(node, stage, outermost, reduced, update);
    }
    Stmt init = InitNest(node, stage, reduced, outermost);
    if (outermost == loops_.size()) return MakeSequence({std::move(init), std::move(update)});
    inits_[outermost].push_back(std::move(init));
    return update;
  }

 private:
  // The first loop from `from` on, outermost first, that binds a reduction axis,
  // or that heads a nest that becomes one call (library_call).
  size_t NextReducing(size_t from, const Names& reduced) const {
    auto inits_precede = [&](const For& loop) {
      return reduced.contains(loop.var) || !loop.marks.tensorize.empty();
    };
    while (from < loops_.size() && !inits_precede(*loops_[from])) ++from;
    return from;
  }

  // Whether each element that `store` updates below the loop at `outermost`, which
  // is to be peeled, has a term in its first iteration. It has when terms are
  // independent of elements, and the very first term is there.
  bool StartsInFirst(const Store& store, const StageInfo& stage, size_t outermost,
                     const Names& reduced) const {
    const LoopMarks& marks = loops_[outermost]->marks;
    if (!marks.peel_first || !marks.tensorize.empty() || stage.where) return false;
    if (!TermsAreIndependent(stage, store)) return false;
    Substitution first;
    for (const std::string& name : reduced) first[name] = MakeInt(0);
    for (const Expr& condition : Conjuncts(store.predicate)) {
      Names used = FreeVars(condition);
      if (!Intersect(used, reduced)) continue;
      if (!ProvablyTrue(Substitute(condition, first), {})) return false;
    }
    return true;
  }

  // The store below loop `peeled`, whose first iteration starts its elements.
  Stmt StartInFirst(const Store& store, const StageInfo& stage, size_t peeled, const Names& reduced,
                    const Stmt& update) {
    size_t next = NextReducing(peeled + 1, reduced);
    Expr iteration = MakeVar(loops_[peeled]->var);
    Expr is_first = MakeBinary(BinaryOp::kLt, iteration, MakeInt(1));
    if (next < loops_.size()) {
      inits_[next].push_back(InitNest(store, stage, reduced, next, is_first));
      return update;
    }
    auto when = [&](StoreRole role, const Expr& value, Expr condition) {
      auto bindings = store.bindings;
      if (role == StoreRole::kInit) bindings.resize(stage.spatial.size());
      if (store.predicate) condition = MakeBinary(BinaryOp::kAnd, store.predicate, condition);
      return MakeStore(store.stage, role, std::move(bindings), store.buffer, store.indices, value,
                       std::move(condition));
    };
    return MakeSequence({when(StoreRole::kInit, store.value, is_first),
                         when(StoreRole::kUpdate, update.As<Store>()->value,
                              MakeBinary(BinaryOp::kLt, MakeInt(0), iteration))});
  }

  // Sets every element that `store` updates below loop `outermost`: its loops
  // there that say which element, and the predicates about them and about what is
  // fixed outside. `when` is one more condition, perhaps null.
  Stmt InitNest(const Store& store, const StageInfo& stage, const Names& reduced, size_t outermost,
                const Expr& when = Expr()) const {
    Names needed;
    for (const Expr& index : store.indices) needed.merge(FreeVars(index));
    for (size_t i = 0; i < stage.spatial.size(); ++i) {
      needed.merge(FreeVars(store.bindings[i].second));
    }
    // A condition on an element's position may pull in more loops, those more
    // conditions; one about reduction axes says which terms an element has, be
    // it none, and nothing about which elements there are.
    std::vector<Expr> open = Conjuncts(store.predicate), kept;
    std::erase_if(open, [&](const Expr& e) { return Intersect(FreeVars(e), reduced); });
    if (when) kept.push_back(when);
    Names inside;
    for (size_t i = outermost; i < loops_.size(); ++i) inside.insert(loops_[i]->var);
    auto fixed_outside = [&](const Expr& e) { return !Intersect(FreeVars(e), inside); };
    std::copy_if(open.begin(), open.end(), std::back_inserter(kept), fixed_outside);
    std::erase_if(open, fixed_outside);
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
                  Identity(stage.reduce_op, store.value.type()), Conjunction(kept), store.region);
    for (size_t i = loops_.size(); i > outermost; --i) {
      const For& loop = *loops_[i - 1];
      if (needed.contains(loop.var)) {
        LoopMarks marks;
        marks.kind = loop.marks.kind;
        marks.tail = loop.marks.tail;
        nest = MakeFor(loop.var, loop.extent, marks, std::move(nest));
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
