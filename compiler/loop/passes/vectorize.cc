// A vectorized loop becomes vector statements.
//
//   for l in 16 vectorize {             c[i, ramp(j*16, 1, 16)] =
//     c[i, j*16 + l] =                      broadcast(a[i, k]) * b[k, ramp(j*16, 1, 16)]
//         a[i, k] * b[k, j*16 + l]  ->
//   }
//
// An update that every lane makes to one element folds the lanes first; lanes
// that a predicate removes hold the identity:
//
//   for l in 16 vectorize {             s[i] = s[i] + sum(select(
//     s[i] = s[i] + x[i, k*16 + l]          broadcast(k*16) + ramp(0, 1, 16) < 100,
//         if k*16 + l < 100        ->       x[i, ramp(k*16, 1, 16)], 0))
//   }
//
// Loops inside stay loops, around vector statements.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

using Names = absl::flat_hash_set<std::string>;

// Who writes each buffer, and where: a stage has one store, but peeled and
// partitioned loops have copies of it.
class WriterCollector : public StmtVisitor {
 public:
  struct Writers {
    const Store* any = nullptr;
    bool alike = true;                      // all of one stage, at the same indices
    std::vector<std::vector<Expr>> starts;  // conditions of its initialisations
  };
  absl::flat_hash_map<std::string, Writers> writers;     // by buffer
  absl::flat_hash_map<std::string, int64_t> max_extent;  // of the loops of a name

 protected:
  void VisitFor(const For& node) override {
    int64_t& extent = max_extent[node.var];
    extent = std::max(extent, node.extent);
    StmtVisitor::VisitFor(node);
  }
  void VisitStore(const Store& node) override {
    Writers& all = writers[node.buffer];
    if (all.any == nullptr) all.any = &node;
    all.alike = all.alike && all.any->stage == node.stage &&
                std::equal(node.indices.begin(), node.indices.end(), all.any->indices.begin(),
                           all.any->indices.end(), StructurallyEqual);
    if (node.role == StoreRole::kInit) all.starts.push_back(Conjuncts(node.predicate));
  }
};

class Vectorizer : public StmtMutator {
 public:
  explicit Vectorizer(const Program& program) : program_(program) { writers_.Visit(program.body); }
  const absl::Status& status() const { return status_; }

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    bool vectorize = node.marks.kind == LoopKind::kVectorize;
    if (lane_loop_ && (vectorize || node.marks.kind == LoopKind::kParallel)) {
      Refuse(absl::StrCat("it contains loop ", node.var, ", which is ",
                          vectorize ? "vectorized" : "parallel", " itself"));
      return s;
    }
    if (vectorize && node.extent == 1) {
      return Mutate(Substitute(node.body, {{node.var, MakeInt(0)}}));
    }
    bounds_[node.var] = Interval::Of(0, node.extent - 1);
    loops_.push_back(&node);
    if (vectorize) lane_loop_ = &node;
    Stmt result = vectorize ? Mutate(node.body) : StmtMutator::MutateFor(node, s);
    if (vectorize) lane_loop_ = nullptr;
    loops_.pop_back();
    bounds_.erase(node.var);
    return result;
  }

  Stmt MutateAllocate(const Allocate& node, const Stmt& s) override {
    CHECK(!lane_loop_) << node.buffer << " is allocated inside vectorized " << lane_loop_->var;
    Names& outside = outside_allocation_[node.buffer];
    for (const For* loop : loops_) outside.insert(loop->var);
    return StmtMutator::MutateAllocate(node, s);
  }

  // A loop that prefetches has no lanes and is in none.
  Stmt MutatePrefetch(const Prefetch&, const Stmt& s) override { return s; }

  // Conditions of `If`s are about loops further out.
  Stmt MutateIf(const If& node, const Stmt& s) override {
    Stmt then = Mutate(node.then);
    return then.SameAs(node.then) ? s : MakeIf(node.condition, std::move(then));
  }

  Stmt MutateStore(const Store& node, const Stmt& s) override {
    if (!lane_loop_) return s;
    std::vector<Expr> same_for_all, conditions;
    for (Expr& condition : Conjuncts(node.predicate)) {
      (UsesLane(condition) ? conditions : same_for_all).push_back(std::move(condition));
    }
    if (std::none_of(node.indices.begin(), node.indices.end(),
                     [&](const Expr& index) { return UsesLane(index); })) {
      if (node.role == StoreRole::kUpdate) return FoldLanes(node, conditions, same_for_all);
      bool once = conditions.empty() && !UsesLane(node.value);
      if (!once) {
        Refuse(absl::StrCat("stage ", node.stage, " stores to the same element of ", node.buffer,
                            " in every lane"));
      }
      return s;
    }
    mask_ = conditions;
    own_element_ = node.role == StoreRole::kUpdate ? &node : nullptr;
    Expr value = Widen(Mutate(node.value));
    mask_.clear();
    own_element_ = nullptr;
    std::vector<Expr> indices;
    for (const Expr& index : node.indices) indices.push_back(Mutate(index));
    if (!SurplusLanesAreFree(node, conditions)) {
      for (const Expr& condition : conditions) same_for_all.push_back(Mutate(condition));
    }
    return MakeStore(node.stage, node.role, node.bindings, node.buffer, std::move(indices),
                     std::move(value), Conjunction(same_for_all));
  }

  Stmt MutateIntrinsic(const Intrinsic& node, const Stmt& s) override {
    if (lane_loop_) Refuse(absl::StrCat("it contains intrinsic ", node.name));
    return s;
  }

  Expr MutateVar(const Var& node, const Expr& e) override {
    return node.name == lane_loop_->var ? MakeRamp(MakeInt(0), 1, lanes()) : e;
  }

  Expr MutateBinary(const Binary& node, const Expr& e) override {
    if (!UsesLane(e)) return e;
    if (node.type == kIndexType) {
      Linear sum = LinearOf(e);
      std::optional<int64_t> stride = CoefficientOf(sum, lane_loop_->var);
      if (stride && *stride != 0) {
        sum.Add(MakeVar(lane_loop_->var), -*stride);
        return MakeRamp(sum.ToExpr(), *stride, lanes());
      }
    }
    return MakeBinary(node.op, Widen(Mutate(node.a)), Widen(Mutate(node.b)));
  }

  Expr MutateSelect(const Select& node, const Expr& e) override {
    Expr condition = Mutate(node.condition), a = Mutate(node.a), b = Mutate(node.b);
    if (condition.type().lanes == 1 && a.type().lanes == 1 && b.type().lanes == 1) {
      return MakeSelect(std::move(condition), std::move(a), std::move(b));
    }
    return MakeSelect(std::move(condition), Widen(std::move(a)), Widen(std::move(b)));
  }

  Expr MutateCast(const Cast& node, const Expr& e) override {
    Expr value = Mutate(node.value);
    if (value.SameAs(node.value)) return e;
    Type type = node.type.WithLanes(value.type().lanes);
    return MakeCast(type, std::move(value));
  }

  Expr MutateRead(const Read& node, const Expr& e) override {
    bool lane_address = std::any_of(node.indices.begin(), node.indices.end(),
                                    [&](const Expr& index) { return UsesLane(index); });
    std::vector<Expr> conditions = Conjuncts(node.predicate);
    bool lane_guard = std::any_of(conditions.begin(), conditions.end(),
                                  [&](const Expr& c) { return UsesLane(c); }) ||
                      (node.otherwise && UsesLane(node.otherwise));
    // Lanes that are masked off must not touch memory outside of the buffer,
    // nor contents that nobody wrote.
    bool exposed = !mask_.empty() && !IsSafeWhenMasked(node);
    if (!lane_address && !lane_guard) return exposed ? GuardByBounds(node) : e;
    if (!lane_address) {
      Expr read = GuardByBounds(
          node.predicate ? *MakeRead(node.type, node.buffer, node.indices).As<Read>() : node);
      return MakeSelect(Lanes(conditions), MakeBroadcast(std::move(read), lanes()),
                        Widen(Mutate(node.otherwise)));
    }
    if (exposed) conditions.insert(conditions.end(), mask_.begin(), mask_.end());
    std::vector<Expr> indices;
    for (const Expr& index : node.indices) indices.push_back(Mutate(index));
    Type type = node.type.WithLanes(lanes());
    Expr otherwise = node.otherwise ? Widen(Mutate(node.otherwise)) : MakeConst(0, type);
    Expr predicate = Lanes(conditions);
    if (!predicate) otherwise = Expr();
    return MakeRead(type, node.buffer, std::move(indices), std::move(predicate),
                    std::move(otherwise));
  }

 private:
  int lanes() const { return static_cast<int>(lane_loop_->extent); }
  bool UsesLane(const Expr& e) const { return UsesVar(e, lane_loop_->var); }
  Expr Widen(Expr e) const {
    return e.type().lanes == 1 ? MakeBroadcast(std::move(e), lanes()) : e;
  }

  // An update of one element by all lanes, of which `conditions` remove some.
  Stmt FoldLanes(const Store& node, const std::vector<Expr>& conditions,
                 const std::vector<Expr>& same_for_all) {
    ReduceOp op = program_.FindStage(node.stage)->reduce_op;
    Expr old = MakeRead(node.value.type(), node.buffer, node.indices);
    if (StructurallyEqual(node.value, old)) return Stmt();  // every term is the identity
    std::optional<Expr> term = TermOf(node.value, old, Combiner(op));
    if (!term) {
      Refuse(absl::StrCat("the update of stage ", node.stage,
                          " has an unexpected form: ", ToText(node.value)));
      return Stmt();
    }
    mask_ = conditions;
    Expr value = Widen(Mutate(*term));
    mask_.clear();
    if (Expr mask = Lanes(conditions)) {
      Expr identity = Widen(Identity(op, node.value.type()));
      value = MakeSelect(std::move(mask), std::move(value), std::move(identity));
    }
    value = MakeBinary(Combiner(op), std::move(old), MakeLaneReduce(op, std::move(value)));
    return MakeStore(node.stage, node.role, node.bindings, node.buffer, node.indices,
                     std::move(value), Conjunction(same_for_all));
  }

  // The term of `value` = old combine term, as far as simplification left it so.
  static std::optional<Expr> TermOf(const Expr& value, const Expr& old, BinaryOp combine) {
    if (const auto* node = value.As<Binary>(); node && node->op == combine) {
      if (StructurallyEqual(node->a, old)) return node->b;
      if (StructurallyEqual(node->b, old)) return node->a;
    }
    if (combine != BinaryOp::kAdd || value.type() != kIndexType) return std::nullopt;
    Linear sum = LinearOf(value);  // sums of i64 are in normal form
    if (sum.CoefficientOf(old) != 1) return std::nullopt;
    sum.Add(old, -1);
    return sum.ToExpr();
  }

  // The conjunction of scalar conditions in every lane; null for none.
  Expr Lanes(const std::vector<Expr>& conditions) {
    std::vector<Expr> vectors;
    for (const Expr& condition : conditions) vectors.push_back(Widen(Mutate(condition)));
    return Conjunction(vectors);
  }

  void Refuse(const std::string& reason) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("loop ", lane_loop_->var, " cannot be vectorized: ", reason));
  }

  bool InBounds(const std::string& buffer, const std::vector<Expr>& indices) const {
    const Buffer& b = *program_.FindBuffer(buffer);
    for (size_t d = 0; d < indices.size(); ++d) {
      Interval range = BoundsOf(indices[d], bounds_);
      if (!range.bounded() || *range.min < 0 || *range.max >= b.shape[d]) return false;
    }
    return true;
  }

  // Whether lanes that are masked off may execute `read`: it stays inside of an
  // argument or table, or is the element that an update writes (and its
  // initialisation wrote, under the same loops).
  bool IsSafeWhenMasked(const Read& read) const {
    if (!InBounds(read.buffer, read.indices)) return false;
    Scope scope = program_.FindBuffer(read.buffer)->scope;
    if (scope == Scope::kArgument || scope == Scope::kTable) return true;
    return own_element_ && own_element_->buffer == read.buffer &&
           std::equal(read.indices.begin(), read.indices.end(), own_element_->indices.begin(),
                      own_element_->indices.end(), StructurallyEqual);
  }

  // A scalar read that yields something harmless outside of its buffer.
  Expr GuardByBounds(const Read& read) const {
    const Buffer& buffer = *program_.FindBuffer(read.buffer);
    std::vector<Expr> conditions = Conjuncts(read.predicate);
    auto require = [&](Expr condition) {
      if (!ProvablyTrue(condition, bounds_)) conditions.push_back(std::move(condition));
    };
    for (size_t d = 0; d < read.indices.size(); ++d) {
      require(MakeBinary(BinaryOp::kGe, read.indices[d], MakeInt(0)));
      require(MakeBinary(BinaryOp::kLt, read.indices[d], MakeInt(buffer.shape[d])));
    }
    Expr otherwise = read.otherwise ? read.otherwise : MakeConst(0, read.type);
    if (conditions.empty()) otherwise = Expr();
    return MakeRead(read.type, read.buffer, read.indices, Conjunction(conditions),
                    std::move(otherwise));
  }

  // Whether the instances that `conditions` remove may store all the same,
  // because each has an element of its own in a private buffer: the buffer
  // belongs to one stage, different instances have different elements (whichever
  // copy of the store they run in), and the conditions are about which element it
  // is. An update whose element is initialised regardless of a condition is no
  // element more, but one that has no such term.
  bool SurplusLanesAreFree(const Store& store, const std::vector<Expr>& conditions) const {
    auto allocation = outside_allocation_.find(store.buffer);
    if (allocation == outside_allocation_.end()) return false;
    const Names& outside = allocation->second;
    if (!writers_.writers.at(store.buffer).alike) return false;
    if (!InBounds(store.buffer, store.indices)) return false;
    if (store.role == StoreRole::kUpdate) {
      for (const std::vector<Expr>& start : writers_.writers.at(store.buffer).starts) {
        for (const Expr& condition : conditions) {
          bool known = std::any_of(start.begin(), start.end(), [&](const Expr& other) {
            return StructurallyEqual(other, condition);
          });
          if (!known) return false;
        }
      }
    }
    Names in_index;
    for (const Expr& index : store.indices) {
      if (!IsInjective(LinearOf(index), outside, &in_index)) return false;
    }
    for (const Expr& condition : conditions) {
      for (const std::string& var : FreeVars(condition)) {
        if (!outside.contains(var) && !in_index.contains(var)) return false;
      }
    }
    return true;
  }

  // Whether different values of its variables give different sums; adds those
  // variables to `used`, and refuses one that is there already.
  bool IsInjective(const Linear& index, const Names& outside, Names* used) const {
    std::vector<std::pair<int64_t, int64_t>> steps;  // coefficient, values taken - 1
    for (const Linear::Term& term : index.terms) {
      const auto* var = term.atom.As<Var>();
      if (var && outside.contains(var->name)) continue;
      if (!var || term.coefficient < 0 || !used->insert(var->name).second) return false;
      steps.emplace_back(term.coefficient, writers_.max_extent.at(var->name) - 1);
    }
    std::sort(steps.begin(), steps.end());
    int64_t reach = 0;
    for (auto [coefficient, span] : steps) {
      if (coefficient <= reach) return false;
      reach += coefficient * span;
    }
    return true;
  }

  const Program& program_;
  WriterCollector writers_;
  absl::flat_hash_map<std::string, Names> outside_allocation_;  // loops around each
  std::vector<const For*> loops_;
  Bounds bounds_;
  const For* lane_loop_ = nullptr;      // the vectorized loop around
  std::vector<Expr> mask_;              // conditions of the store around that differ by lane
  const Store* own_element_ = nullptr;  // the update around
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Program> VectorizeLoops(const Program& program) {
  Program result = program;
  Vectorizer vectorizer(program);
  result.body = vectorizer.Mutate(program.body);
  if (!vectorizer.status().ok()) return vectorizer.status();
  return result;
}

}  // namespace lathe
