#include "compiler/codegen/outline.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/loop/affine.h"
#include "compiler/loop/index_range.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class AllocationCollector : public StmtVisitor {
 public:
  absl::flat_hash_set<std::string> names;

 protected:
  void VisitAllocate(const Allocate& node) override {
    names.insert(node.buffer);
    StmtVisitor::VisitAllocate(node);
  }
};

// New names start with a character that no name in a program has.
class Outliner : public StmtMutator {
 public:
  Outliner(const Program& lowered, const WorkspaceLayout& layout, const For& loop)
      : lowered_(lowered) {
    AllocationCollector allocated;
    allocated.Visit(loop.body);
    for (const std::string& name : allocated.names) {
      if (!layout.shared.contains(name) && !layout.thread.contains(name)) local_.insert(name);
    }
  }

  OutlinedLoop Run(const For& loop) {
    result_.program.lowered = true;
    result_.program.body = Rename(loop, LoopMarks{});
    for (const Parameter& parameter : parameters_) {
      result_.variables.emplace_back(parameter.name, parameter.value.ToExpr());
    }
    return std::move(result_);
  }

 protected:
  Stmt MutateFor(const For& node, const Stmt&) override { return Rename(node, node.marks); }

  Stmt MutateStore(const Store& node, const Stmt&) override {
    std::vector<Expr> indices = Indices(node.buffer, node.indices);
    Expr value = Mutate(node.value);
    Expr predicate = node.predicate ? Mutate(node.predicate) : Expr();
    return MakeStore("", StoreRole::kWhole, {}, BufferName(node.buffer), std::move(indices),
                     std::move(value), std::move(predicate));
  }

  Stmt MutateAllocate(const Allocate& node, const Stmt&) override {
    if (!local_.contains(node.buffer)) return Mutate(node.body);
    std::string name = BufferName(node.buffer);
    return MakeAllocate(std::move(name), Mutate(node.body));
  }

  Stmt MutatePrefetch(const Prefetch& node, const Stmt&) override {
    return MakePrefetch(BufferName(node.buffer), Indices(node.buffer, node.indices));
  }

  Stmt MutateIntrinsic(const Intrinsic& node, const Stmt&) override {
    std::vector<Intrinsic::Operand> operands = node.operands;
    for (Intrinsic::Operand& operand : operands) {
      operand.index = Indices(operand.buffer, {operand.index}).front();
      operand.buffer = BufferName(operand.buffer);
    }
    return MakeIntrinsic(node.name, std::move(operands));
  }

  Expr MutateRead(const Read& node, const Expr&) override {
    std::vector<Expr> indices = Indices(node.buffer, node.indices);
    Expr predicate = node.predicate ? Mutate(node.predicate) : Expr();
    Expr otherwise = node.otherwise ? Mutate(node.otherwise) : Expr();
    return MakeRead(node.type, BufferName(node.buffer), std::move(indices), std::move(predicate),
                    std::move(otherwise));
  }

  Expr MutateVar(const Var& node, const Expr& e) override {
    auto loop = loops_.find(node.name);
    if (loop != loops_.end()) return MakeVar(loop->second);
    Linear value;
    value.Add(e, 1);
    return Fixed("", value).ToExpr();
  }

 private:
  // A value from outside: of a variable (`buffer` is empty), or of the part that
  // does not change inside the loop of an index of the buffer.
  struct Parameter {
    std::string name;
    std::string buffer;
    Linear value;
  };

  Stmt Rename(const For& loop, const LoopMarks& marks) {
    std::string name = absl::StrCat("$loop", num_loops_++);
    loops_[loop.var] = name;
    Stmt body = Mutate(loop.body);
    loops_.erase(loop.var);
    return MakeFor(std::move(name), loop.extent, marks, std::move(body));
  }

  std::string BufferName(const std::string& outside) {
    auto [it, is_new] = names_.emplace(outside, "");
    if (!is_new) return it->second;
    it->second = absl::StrCat("$", names_.size());
    const Buffer& old = *lowered_.FindBuffer(outside);
    Buffer buffer{it->second, old.type, {1}, Scope::kWorkspace, Access::kNone, {}};
    if (local_.contains(outside)) {
      buffer.shape = old.shape;
      buffer.scope = old.scope;
    } else {
      CHECK(old.scope != Scope::kRegister) << outside << " leaves its function";
      result_.buffers.emplace_back(it->second, outside);
    }
    result_.program.buffers.push_back(std::move(buffer));
    return it->second;
  }

  // A value from outside as a parameter plus a constant: what differs by a
  // constant, as unrolled accesses do, needs no parameter of its own.
  Linear Fixed(const std::string& buffer, const Linear& value) {
    Linear result;
    for (const Parameter& known : parameters_) {
      if (known.buffer != buffer) continue;
      if (auto difference = ConstantDifference(value, known.value)) {
        result.constant = *difference;
        result.Add(MakeVar(known.name), 1);
        return result;
      }
    }
    std::string name = absl::StrCat("$value", parameters_.size());
    result.Add(MakeVar(name), 1);
    parameters_.push_back({std::move(name), buffer, value});
    return result;
  }

  bool IsFixed(const Expr& e) const {
    const absl::flat_hash_set<std::string> free = FreeVars(e);
    return BuffersRead(e).empty() &&
           std::none_of(free.begin(), free.end(),
                        [&](const std::string& name) { return loops_.contains(name); });
  }

  std::vector<Expr> Indices(const std::string& buffer, const std::vector<Expr>& indices) {
    std::vector<Expr> result;
    for (const Expr& index : indices) {
      const auto* ramp = index.As<Ramp>();
      const Expr& start = ramp != nullptr ? ramp->base : index;
      if (local_.contains(buffer) || start.type() != kIndexType) {
        result.push_back(Mutate(index));
        continue;
      }
      Linear sum;
      AddLinear(start, 1, sum);
      Linear fixed = Linear::Of(sum.constant), moving;
      for (const Linear::Term& term : sum.terms) {
        (IsFixed(term.atom) ? fixed : moving).Add(term.atom, term.coefficient);
      }
      Linear place = Fixed(buffer, fixed);
      AddLinear(Mutate(moving.ToExpr()), 1, place);
      result.push_back(ramp != nullptr ? MakeRamp(place.ToExpr(), ramp->stride, index.type().lanes)
                                       : place.ToExpr());
    }
    return result;
  }

  const Program& lowered_;
  absl::flat_hash_set<std::string> local_;               // buffers that begin and end inside
  absl::flat_hash_map<std::string, std::string> names_;  // of buffers: outside -> inside
  absl::flat_hash_map<std::string, std::string> loops_;  // open: outside -> inside
  int num_loops_ = 0;
  std::vector<Parameter> parameters_;
  OutlinedLoop result_;
};

}  // namespace

OutlinedLoop OutlineLoop(const Program& lowered, const WorkspaceLayout& layout, const For& loop) {
  return Outliner(lowered, layout, loop).Run(loop);
}

}  // namespace lathe
