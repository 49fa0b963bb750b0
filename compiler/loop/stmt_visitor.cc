#include "compiler/loop/stmt_visitor.h"

#include <utility>

namespace lathe {

void StmtVisitor::Visit(const Stmt& s) {
  switch (s.kind()) {
#define LATHE_STMT_NODE(Name) \
  case StmtKind::k##Name:     \
    return Visit##Name(*s.As<Name>());
#include "compiler/loop/stmt_nodes.def"
#undef LATHE_STMT_NODE
  }
}

void StmtVisitor::VisitFor(const For& node) { Visit(node.body); }
void StmtVisitor::VisitSequence(const Sequence& node) {
  for (const Stmt& s : node.stmts) Visit(s);
}
void StmtVisitor::VisitStore(const Store& node) {
  for (const auto& [axis, value] : node.bindings) Visit(value);
  for (const Expr& index : node.indices) Visit(index);
  Visit(node.value);
  if (node.predicate) Visit(node.predicate);
  for (const AxisSpan& span : node.region) Visit(span.base);
}
void StmtVisitor::VisitIf(const If& node) {
  Visit(node.condition);
  Visit(node.then);
}
void StmtVisitor::VisitAllocate(const Allocate& node) { Visit(node.body); }
void StmtVisitor::VisitPrefetch(const Prefetch& node) {
  for (const Expr& index : node.indices) Visit(index);
}
void StmtVisitor::VisitIntrinsic(const Intrinsic& node) {
  for (const Intrinsic::Operand& operand : node.operands) Visit(operand.index);
}

Stmt StmtMutator::Mutate(const Stmt& s) {
  switch (s.kind()) {
#define LATHE_STMT_NODE(Name) \
  case StmtKind::k##Name:     \
    return Mutate##Name(*s.As<Name>(), s);
#include "compiler/loop/stmt_nodes.def"
#undef LATHE_STMT_NODE
  }
  return s;
}

Stmt StmtMutator::MutateFor(const For& node, const Stmt& s) {
  Stmt body = Mutate(node.body);
  if (body.SameAs(node.body)) return s;
  return body ? MakeFor(node.var, node.extent, node.marks, std::move(body)) : Stmt();
}

Stmt StmtMutator::MutateSequence(const Sequence& node, const Stmt& s) {
  std::vector<Stmt> stmts;
  bool same = true;
  for (const Stmt& old : node.stmts) {
    stmts.push_back(Mutate(old));
    same = same && stmts.back().SameAs(old);
  }
  return same ? s : MakeSequence(std::move(stmts));
}

Stmt StmtMutator::MutateStore(const Store& node, const Stmt& s) {
  bool same = true;
  auto mutate = [&](const Expr& e) {
    Expr result = Mutate(e);
    same = same && result.SameAs(e);
    return result;
  };
  auto bindings = node.bindings;
  for (auto& [axis, value] : bindings) value = mutate(value);
  std::vector<Expr> indices;
  for (const Expr& index : node.indices) indices.push_back(mutate(index));
  Expr value = mutate(node.value);
  Expr predicate = node.predicate ? mutate(node.predicate) : Expr();
  std::vector<AxisSpan> region = node.region;
  for (AxisSpan& span : region) span.base = mutate(span.base);
  if (same) return s;
  return MakeStore(node.stage, node.role, std::move(bindings), node.buffer, std::move(indices),
                   std::move(value), std::move(predicate), std::move(region));
}

Stmt StmtMutator::MutateIf(const If& node, const Stmt& s) {
  Expr condition = Mutate(node.condition);
  Stmt then = Mutate(node.then);
  if (condition.SameAs(node.condition) && then.SameAs(node.then)) return s;
  return then ? MakeIf(std::move(condition), std::move(then)) : Stmt();
}

Stmt StmtMutator::MutateAllocate(const Allocate& node, const Stmt& s) {
  Stmt body = Mutate(node.body);
  if (body.SameAs(node.body)) return s;
  return body ? MakeAllocate(node.buffer, std::move(body)) : Stmt();
}

Stmt StmtMutator::MutatePrefetch(const Prefetch& node, const Stmt& s) {
  bool same = true;
  std::vector<Expr> indices;
  for (const Expr& index : node.indices) {
    indices.push_back(Mutate(index));
    same = same && indices.back().SameAs(index);
  }
  return same ? s : MakePrefetch(node.buffer, std::move(indices));
}

Stmt StmtMutator::MutateIntrinsic(const Intrinsic& node, const Stmt& s) {
  bool same = true;
  std::vector<Intrinsic::Operand> operands = node.operands;
  for (Intrinsic::Operand& operand : operands) {
    Expr index = Mutate(operand.index);
    same = same && index.SameAs(operand.index);
    operand.index = std::move(index);
  }
  return same ? s : MakeIntrinsic(node.name, std::move(operands));
}

namespace {

class Substituter : public StmtMutator {
 public:
  explicit Substituter(const Substitution& map) : map_(map) {}

 protected:
  Expr MutateVar(const Var& node, const Expr& e) override {
    auto it = map_.find(node.name);
    return it == map_.end() ? e : it->second;
  }

 private:
  const Substitution& map_;
};

}  // namespace

Stmt Substitute(const Stmt& s, const Substitution& map) {
  return map.empty() ? s : Substituter(map).Mutate(s);
}

}  // namespace lathe
