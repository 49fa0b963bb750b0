#include "compiler/tensor/expr_visitor.h"

#include <utility>

namespace lathe {

void ExprVisitor::Visit(const Expr& e) {
  switch (e.kind()) {
#define LATHE_EXPR_NODE(Name) \
  case ExprKind::k##Name:     \
    return Visit##Name(*e.As<Name>());
#include "compiler/tensor/expr_nodes.def"
#undef LATHE_EXPR_NODE
  }
}

void ExprVisitor::VisitIntImm(const IntImm&) {}
void ExprVisitor::VisitFloatImm(const FloatImm&) {}
void ExprVisitor::VisitVar(const Var&) {}
void ExprVisitor::VisitUnary(const Unary& node) { Visit(node.a); }
void ExprVisitor::VisitBinary(const Binary& node) {
  Visit(node.a);
  Visit(node.b);
}
void ExprVisitor::VisitSelect(const Select& node) {
  Visit(node.condition);
  Visit(node.a);
  Visit(node.b);
}
void ExprVisitor::VisitCast(const Cast& node) { Visit(node.value); }
void ExprVisitor::VisitRead(const Read& node) {
  for (const Expr& index : node.indices) Visit(index);
  if (node.predicate) Visit(node.predicate);
  if (node.otherwise) Visit(node.otherwise);
}
void ExprVisitor::VisitReduce(const Reduce& node) { Visit(node.body); }
void ExprVisitor::VisitRamp(const Ramp& node) { Visit(node.base); }
void ExprVisitor::VisitBroadcast(const Broadcast& node) { Visit(node.value); }
void ExprVisitor::VisitLaneReduce(const LaneReduce& node) { Visit(node.value); }

Expr ExprMutator::Mutate(const Expr& e) {
  switch (e.kind()) {
#define LATHE_EXPR_NODE(Name) \
  case ExprKind::k##Name:     \
    return Mutate##Name(*e.As<Name>(), e);
#include "compiler/tensor/expr_nodes.def"
#undef LATHE_EXPR_NODE
  }
  return e;
}

Expr ExprMutator::MutateIntImm(const IntImm&, const Expr& e) { return e; }
Expr ExprMutator::MutateFloatImm(const FloatImm&, const Expr& e) { return e; }
Expr ExprMutator::MutateVar(const Var&, const Expr& e) { return e; }

Expr ExprMutator::MutateUnary(const Unary& node, const Expr& e) {
  Expr a = Mutate(node.a);
  return a.SameAs(node.a) ? e : MakeUnary(node.op, std::move(a));
}

Expr ExprMutator::MutateBinary(const Binary& node, const Expr& e) {
  Expr a = Mutate(node.a), b = Mutate(node.b);
  if (a.SameAs(node.a) && b.SameAs(node.b)) return e;
  return MakeBinary(node.op, std::move(a), std::move(b));
}

Expr ExprMutator::MutateSelect(const Select& node, const Expr& e) {
  Expr condition = Mutate(node.condition), a = Mutate(node.a), b = Mutate(node.b);
  if (condition.SameAs(node.condition) && a.SameAs(node.a) && b.SameAs(node.b)) return e;
  return MakeSelect(std::move(condition), std::move(a), std::move(b));
}

Expr ExprMutator::MutateCast(const Cast& node, const Expr& e) {
  Expr value = Mutate(node.value);
  return value.SameAs(node.value) ? e : MakeCast(node.type, std::move(value));
}

Expr ExprMutator::MutateRead(const Read& node, const Expr& e) {
  bool same = true;
  auto mutate = [&](const Expr& child) {
    if (!child) return child;
    Expr result = Mutate(child);
    same = same && result.SameAs(child);
    return result;
  };
  std::vector<Expr> indices;
  for (const Expr& index : node.indices) indices.push_back(mutate(index));
  Expr predicate = mutate(node.predicate), otherwise = mutate(node.otherwise);
  if (same) return e;
  return MakeRead(node.type, node.buffer, std::move(indices), std::move(predicate),
                  std::move(otherwise));
}

Expr ExprMutator::MutateReduce(const Reduce& node, const Expr& e) {
  Expr body = Mutate(node.body);
  return body.SameAs(node.body) ? e : MakeReduce(node.op, node.axes, std::move(body));
}

Expr ExprMutator::MutateRamp(const Ramp& node, const Expr& e) {
  Expr base = Mutate(node.base);
  return base.SameAs(node.base) ? e : MakeRamp(std::move(base), node.stride, node.type.lanes);
}

Expr ExprMutator::MutateBroadcast(const Broadcast& node, const Expr& e) {
  Expr value = Mutate(node.value);
  return value.SameAs(node.value) ? e : MakeBroadcast(std::move(value), node.type.lanes);
}

Expr ExprMutator::MutateLaneReduce(const LaneReduce& node, const Expr& e) {
  Expr value = Mutate(node.value);
  return value.SameAs(node.value) ? e : MakeLaneReduce(node.op, std::move(value));
}

namespace {

class Substituter : public ExprMutator {
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

class FreeVarCollector : public ExprVisitor {
 public:
  absl::flat_hash_set<std::string> vars;

 protected:
  void VisitVar(const Var& node) override { vars.insert(node.name); }
  void VisitReduce(const Reduce& node) override {
    FreeVarCollector inner;
    inner.Visit(node.body);
    for (const Axis& axis : node.axes) inner.vars.erase(axis.name);
    vars.insert(inner.vars.begin(), inner.vars.end());
  }
};

class BufferCollector : public ExprVisitor {
 public:
  absl::flat_hash_set<std::string> buffers;

 protected:
  void VisitRead(const Read& node) override {
    buffers.insert(node.buffer);
    ExprVisitor::VisitRead(node);
  }
};

}  // namespace

Expr Substitute(const Expr& e, const Substitution& map) {
  return map.empty() ? e : Substituter(map).Mutate(e);
}

absl::flat_hash_set<std::string> FreeVars(const Expr& e) {
  FreeVarCollector collector;
  collector.Visit(e);
  return std::move(collector.vars);
}

bool UsesVar(const Expr& e, const std::string& name) { return FreeVars(e).contains(name); }

absl::flat_hash_set<std::string> BuffersRead(const Expr& e) {
  BufferCollector collector;
  collector.Visit(e);
  return std::move(collector.buffers);
}

}  // namespace lathe
