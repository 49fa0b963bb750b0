// Splits the range of a loop: where predicates below it change (tail=partition),
// and after its first or before its last iteration (peel).
//
//   for i.o in 11 tail=partition {        for i.o in 10 {
//     for i.i in 12 {                       for i.i in 12 { S }
//       S if i.o*12 + i.i < 127      ->   }
//     }                                   for i.i in 12 { S[i.o := 10] if 120 + i.i < 127 }
//   }
//
// A parallel loop stays one loop (each costs a synchronisation): its body
// becomes `if i.o < 10 { ... }  if i.o >= 10 { ... }`. One that fuse made is cut along
// both of its parts, f // 4 and f % 4.
//
//   for k in 4 peel=first {              c[i] = x[0, i]
//     c[i] = x[k, i] if k < 1     ->     for k in 3 { c[i] += x[k + 1, i] }
//     c[i] += x[k, i] if 0 < k
//   }
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

// The iterations of one loop in which every predicate below that depends on
// the loop holds throughout.
class FullIterations : public StmtVisitor {
 public:
  FullIterations(const For& loop, const Bounds& bounds) : loop_(loop), bounds_(bounds) {
    range.end = loop.extent;
    bounds_[loop.var] = Interval::Of(0, loop.extent - 1);
    Visit(loop.body);
  }
  Range range;

 protected:
  void VisitFor(const For& node) override {
    bounds_[node.var] = Interval::Of(0, node.extent - 1);
    StmtVisitor::VisitFor(node);
    bounds_.erase(node.var);
  }
  void VisitStore(const Store& node) override {
    Narrow(node.predicate);
    StmtVisitor::VisitStore(node);
  }
  void VisitRead(const Read& node) override {
    Narrow(node.predicate);
    StmtVisitor::VisitRead(node);
  }

 private:
  void Narrow(const Expr& predicate) {
    for (const Expr& condition : Conjuncts(predicate)) {
      if (!UsesVar(condition, loop_.var)) continue;
      Range always = RangeWhere(Holds::kAlways, condition, loop_.var, loop_.extent, bounds_);
      // A condition that never holds throughout does not say where to cut.
      if (always.empty()) continue;
      range.begin = std::max(range.begin, always.begin);
      range.end = std::min(range.end, always.end);
    }
  }

  const For& loop_;
  Bounds bounds_;
};

// The constants that `var` is divided by, in quotients and remainders.
class DivisorCollector : public StmtVisitor {
 public:
  explicit DivisorCollector(const std::string& var) : var_(var) {}
  std::vector<int64_t> divisors;

 protected:
  void VisitBinary(const Binary& node) override {
    const auto* var = node.a.As<Var>();
    std::optional<int64_t> divisor = AsConstInt(node.b);
    bool divides = node.op == BinaryOp::kFloorDiv || node.op == BinaryOp::kMod;
    if (divides && var && var->name == var_ && divisor) divisors.push_back(*divisor);
    StmtVisitor::VisitBinary(node);
  }

 private:
  const std::string& var_;
};

// A loop variable as quotient * divisor + remainder.
struct Digits {
  std::string var, quotient, remainder;
  int64_t divisor = 1;
};

class DigitsWriter : public StmtMutator {
 public:
  explicit DigitsWriter(const Digits& digits) : digits_(digits) {}

 protected:
  Expr MutateBinary(const Binary& node, const Expr& e) override {
    const auto* var = node.a.As<Var>();
    if (var && var->name == digits_.var && AsConstInt(node.b) == digits_.divisor) {
      if (node.op == BinaryOp::kFloorDiv) return MakeVar(digits_.quotient);
      if (node.op == BinaryOp::kMod) return MakeVar(digits_.remainder);
    }
    return StmtMutator::MutateBinary(node, e);
  }
  Expr MutateVar(const Var& node, const Expr& e) override {
    if (node.name != digits_.var) return e;
    return MakeVar(digits_.quotient) * digits_.divisor + MakeVar(digits_.remainder);
  }

 private:
  const Digits& digits_;
};

// Gives a copy of a statement its own buffers: each is allocated once.
class AllocationRenamer : public StmtMutator {
 public:
  explicit AllocationRenamer(Program* program) : program_(program) {}

 protected:
  Stmt MutateAllocate(const Allocate& node, const Stmt&) override {
    Buffer copy = *program_->FindBuffer(node.buffer);
    for (int i = 1; program_->FindBuffer(copy.name); ++i) {
      copy.name = absl::StrCat(node.buffer, ".", i);
    }
    std::string name = copy.name;
    names_[node.buffer] = name;
    program_->buffers.push_back(std::move(copy));
    Stmt body = Mutate(node.body);
    names_.erase(node.buffer);
    return MakeAllocate(std::move(name), std::move(body));
  }
  Stmt MutateStore(const Store& node, const Stmt& s) override {
    Stmt mutated = StmtMutator::MutateStore(node, s);
    auto found = names_.find(node.buffer);
    if (found == names_.end()) return mutated;
    const auto& store = *mutated.As<Store>();
    return MakeStore(store.stage, store.role, store.bindings, found->second, store.indices,
                     store.value, store.predicate);
  }
  Stmt MutatePrefetch(const Prefetch& node, const Stmt& s) override {
    auto found = names_.find(node.buffer);
    return found == names_.end() ? s : MakePrefetch(found->second, node.indices);
  }
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = ExprMutator::MutateRead(node, e);
    auto found = names_.find(node.buffer);
    if (found == names_.end()) return mutated;
    const auto& read = *mutated.As<Read>();
    return MakeRead(read.type, found->second, read.indices, read.predicate, read.otherwise);
  }

 private:
  Program* const program_;
  absl::flat_hash_map<std::string, std::string> names_;
};

class Partitioner : public StmtMutator {
 public:
  Partitioner(Program* program, int64_t max_stores) : program_(program), max_stores_(max_stores) {}
  const absl::Status& status() const { return status_; }

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    if (!status_.ok()) return s;
    if (node.marks.peel_first || node.marks.peel_last) return Peel(node);
    if (node.marks.tail != Tail::kPartition) return MutateLoop(node.var, node.extent, node, s);
    Range full = FullIterations(node, bounds_).range;
    bool whole = full.begin == 0 && full.end == node.extent;
    if (node.marks.kind == LoopKind::kParallel && (full.empty() || whole)) {
      if (std::optional<Digits> digits = DigitsOf(node)) return SplitFused(node, *digits);
    }
    if (full.empty() || whole) return MutateLoop(node.var, node.extent, node, s);
    return node.marks.kind == LoopKind::kParallel ? SplitBody(node, full) : SplitLoop(node, full);
  }

  Stmt MutateStore(const Store& node, const Stmt& s) override {
    if (++stores_ > max_stores_ && status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat("peeled and partitioned loops would make more than ", max_stores_,
                       " stores; peel and partition fewer of them"));
    }
    if (!status_.ok()) return s;
    Stmt mutated = StmtMutator::MutateStore(node, s);
    const auto& store = *mutated.As<Store>();
    if (!store.predicate) return mutated;
    Expr predicate = DropProvable(store.predicate, bounds_);
    if (predicate && ProvablyFalse(predicate, bounds_)) return Stmt();
    if (predicate.SameAs(store.predicate)) return mutated;
    return MakeStore(store.stage, store.role, store.bindings, store.buffer, store.indices,
                     store.value, std::move(predicate));
  }

  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = ExprMutator::MutateRead(node, e);
    const auto& read = *mutated.As<Read>();
    if (!read.predicate) return mutated;
    Expr predicate = DropProvable(read.predicate, bounds_);
    if (predicate.SameAs(read.predicate)) return mutated;
    Expr otherwise = predicate ? read.otherwise : Expr();
    return MakeRead(read.type, read.buffer, read.indices, std::move(predicate),
                    std::move(otherwise));
  }

 private:
  Stmt MutateLoop(const std::string& var, int64_t extent, const For& node, const Stmt& s) {
    bounds_[var] = Interval::Of(0, extent - 1);
    Stmt result = StmtMutator::MutateFor(node, s);
    bounds_.erase(var);
    return result;
  }

  // Iterations [range.begin, range.end) of `loop`.
  Stmt Piece(const For& loop, Range range, bool first) {
    Stmt piece = Iterations(loop, range, first);
    const auto* rest = piece.As<For>();
    return rest && rest->var == loop.var ? MutateLoop(rest->var, rest->extent, *rest, piece)
                                         : MutateIfAny(piece);
  }

  // The same before predicates are dropped: the loop itself, under its name, or
  // its body where there is one iteration; null if there is none.
  Stmt Iterations(const For& loop, Range range, bool first) {
    if (range.empty()) return Stmt();
    Stmt body = first ? loop.body : AllocationRenamer(program_).Mutate(loop.body);
    int64_t extent = range.end - range.begin;
    if (extent == 1) return Substitute(body, {{loop.var, MakeInt(range.begin)}});
    if (range.begin > 0) {
      body = Substitute(body, {{loop.var, MakeVar(loop.var) + range.begin}});
    }
    LoopMarks marks = loop.marks;
    marks.peel_first = marks.peel_last = false;
    return MakeFor(loop.var, extent, std::move(marks), std::move(body));
  }

  Stmt MutateIfAny(const Stmt& s) { return s ? Mutate(s) : Stmt(); }

  // The rest of a peeled loop may be partitioned.
  Stmt Peel(const For& loop) {
    int64_t begin = loop.marks.peel_first ? 1 : 0;
    int64_t end = loop.marks.peel_last ? std::max(begin, loop.extent - 1) : loop.extent;
    Stmt first = Iterations(loop, {0, begin}, true);
    Stmt rest = Iterations(loop, {begin, end}, begin == 0);
    Stmt last = Iterations(loop, {end, loop.extent}, begin == 0 && end == 0);
    std::vector<Stmt> pieces = {MutateIfAny(first), MutateIfAny(rest), MutateIfAny(last)};
    return MakeSequence(std::move(pieces));
  }

  Stmt SplitLoop(const For& loop, Range full) {
    Stmt middle = Piece(loop, full, true);
    Stmt head = Piece(loop, {0, full.begin}, false);
    Stmt tail = Piece(loop, {full.end, loop.extent}, false);
    return MakeSequence({std::move(head), std::move(middle), std::move(tail)});
  }

  // The body for iterations [range.begin, range.end) of `loop`, under an `If`.
  Stmt Branch(const For& loop, Range range, bool first) {
    if (range.empty()) return Stmt();
    Stmt body = first ? loop.body : AllocationRenamer(program_).Mutate(loop.body);
    std::vector<Expr> conditions;
    AddRange(loop.var, loop.extent, range, body, conditions);
    Stmt branch = Mutate(body);
    bounds_.erase(loop.var);
    return branch ? MakeIf(Conjunction(conditions), std::move(branch)) : branch;
  }

  // Takes `var` to be within `range`, part of its extent, where it adds a condition.
  void AddRange(const std::string& var, int64_t extent, Range range, Stmt& body,
                std::vector<Expr>& conditions) {
    Expr value = MakeVar(var);
    if (range.begin > 0) {
      conditions.push_back(MakeBinary(BinaryOp::kGe, value, MakeInt(range.begin)));
    }
    if (range.end < extent) {
      conditions.push_back(MakeBinary(BinaryOp::kLt, value, MakeInt(range.end)));
    }
    if (range.end - range.begin == 1) body = Substitute(body, {{var, MakeInt(range.begin)}});
    bounds_[var] = Interval::Of(range.begin, range.end - 1);
  }

  // The parts of a loop over two that were fused; nullopt if it is no such loop.
  static std::optional<Digits> DigitsOf(const For& loop) {
    DivisorCollector collector(loop.var);
    collector.Visit(loop.body);
    const std::vector<int64_t>& divisors = collector.divisors;
    if (divisors.empty() || divisors.front() < 2 || loop.extent % divisors.front() != 0 ||
        std::count(divisors.begin(), divisors.end(), divisors.front()) !=
            static_cast<int64_t>(divisors.size())) {
      return std::nullopt;
    }
    return Digits{loop.var, loop.var + "//", loop.var + "%", divisors.front()};
  }

  // As SplitBody, along both parts of the loop.
  Stmt SplitFused(const For& loop, const Digits& digits) {
    const int64_t outer = loop.extent / digits.divisor, inner = digits.divisor;
    Stmt body = DigitsWriter(digits).Mutate(loop.body);
    // The ranges of a part: where its predicates hold first, since they are most.
    auto ranges_of = [&](const std::string& var, int64_t extent, const std::string& other,
                         int64_t other_extent) {
      bounds_[other] = Interval::Of(0, other_extent - 1);
      Stmt part = MakeFor(var, extent, {}, body);
      Range full = FullIterations(*part.As<For>(), bounds_).range;
      bounds_.erase(other);
      if (full.empty()) full = {0, extent};
      return std::vector<Range>{full, {0, full.begin}, {full.end, extent}};
    };
    std::vector<Stmt> branches;
    for (Range q : ranges_of(digits.quotient, outer, digits.remainder, inner)) {
      for (Range r : ranges_of(digits.remainder, inner, digits.quotient, outer)) {
        if (q.empty() || r.empty()) continue;
        Stmt branch = branches.empty() ? body : AllocationRenamer(program_).Mutate(body);
        std::vector<Expr> conditions;
        AddRange(digits.quotient, outer, q, branch, conditions);
        AddRange(digits.remainder, inner, r, branch, conditions);
        branch = Mutate(branch);
        bounds_.erase(digits.quotient);
        bounds_.erase(digits.remainder);
        if (branch && !conditions.empty()) branch = MakeIf(Conjunction(conditions), branch);
        if (branch) branches.push_back(std::move(branch));
      }
    }
    if (branches.empty()) return Stmt();
    Expr var = MakeVar(loop.var);
    Stmt parts =
        Substitute(MakeSequence(std::move(branches)),
                   {{digits.quotient, MakeBinary(BinaryOp::kFloorDiv, var, MakeInt(inner))},
                    {digits.remainder, MakeBinary(BinaryOp::kMod, var, MakeInt(inner))}});
    return MakeFor(loop.var, loop.extent, loop.marks, std::move(parts));
  }

  Stmt SplitBody(const For& loop, Range full) {
    Stmt middle = Branch(loop, full, true);
    Stmt head = Branch(loop, {0, full.begin}, false);
    Stmt tail = Branch(loop, {full.end, loop.extent}, false);
    Stmt body = MakeSequence({std::move(head), std::move(middle), std::move(tail)});
    return body ? MakeFor(loop.var, loop.extent, loop.marks, std::move(body)) : body;
  }

  Program* const program_;
  const int64_t max_stores_;
  int64_t stores_ = 0;  // of all copies
  absl::Status status_;
  Bounds bounds_;
};

}  // namespace

absl::StatusOr<Program> PartitionLoops(const Program& program, int64_t max_stores) {
  Program result = program;
  Partitioner partitioner(&result, max_stores);
  result.body = partitioner.Mutate(program.body);
  if (!partitioner.status().ok()) return partitioner.status();
  return result;
}

}  // namespace lathe
