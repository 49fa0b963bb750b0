// Scalar conditions of stores become `If`s around as much as they hold for.
//
//   for k in 512 {                       if i.o*12 + 7 < 127 {
//     S if i.o*12 + 7 < 127                for k in 512 {
//     T if i.o*12 + 7 < 127       ->         S
//   }                                        T
//                                          }
//                                        }
#include <algorithm>
#include <utility>

#include "compiler/loop/conditions.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

// A statement and the conditions under which it runs.
struct Guarded {
  std::vector<Expr> conditions;
  Stmt stmt;
};

bool Contains(const std::vector<Expr>& conditions, const Expr& condition) {
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const Expr& other) { return StructurallyEqual(other, condition); });
}

std::vector<Expr> Common(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  std::vector<Expr> common;
  std::copy_if(a.begin(), a.end(), std::back_inserter(common),
               [&](const Expr& condition) { return Contains(b, condition); });
  return common;
}

Stmt Close(Guarded guarded) {
  if (guarded.conditions.empty() || !guarded.stmt) return std::move(guarded.stmt);
  return MakeIf(Conjunction(guarded.conditions), std::move(guarded.stmt));
}

// `guarded` as a statement that runs under `given`, a subset of its conditions.
Stmt CloseUnder(const std::vector<Expr>& given, Guarded guarded) {
  std::erase_if(guarded.conditions, [&](const Expr& c) { return Contains(given, c); });
  return Close(std::move(guarded));
}

Guarded Hoist(const Stmt& s);

Guarded HoistStore(const Store& store, const Stmt& s) {
  if (!store.predicate) return {{}, s};
  std::vector<Expr> scalar, lanes;
  for (const Expr& condition : Conjuncts(store.predicate)) {
    const auto* broadcast = condition.As<Broadcast>();
    Expr invariant = broadcast ? broadcast->value : condition;
    (invariant.type().lanes == 1 ? scalar : lanes).push_back(std::move(invariant));
  }
  if (scalar.empty()) return {{}, s};
  return {std::move(scalar), MakeStore(store.stage, store.role, store.bindings, store.buffer,
                                       store.indices, store.value, Conjunction(lanes))};
}

Guarded HoistFor(const For& loop, const Stmt& s) {
  Guarded body = Hoist(loop.body);
  std::vector<Expr> invariant;
  std::copy_if(body.conditions.begin(), body.conditions.end(), std::back_inserter(invariant),
               [&](const Expr& condition) { return !UsesVar(condition, loop.var); });
  Stmt closed = CloseUnder(invariant, std::move(body));
  if (closed.SameAs(loop.body)) return {{}, s};
  return {std::move(invariant), MakeFor(loop.var, loop.extent, loop.marks, std::move(closed))};
}

// Neighbours that share conditions go under one `If`.
Guarded HoistSequence(const Sequence& sequence) {
  std::vector<Guarded> groups;
  std::vector<Guarded> members;  // of the last group
  std::vector<Stmt> closed;
  auto close_group = [&] {
    if (members.empty()) return;
    std::vector<Stmt> stmts;
    for (Guarded& member : members) {
      stmts.push_back(CloseUnder(groups.back().conditions, std::move(member)));
    }
    groups.back().stmt = MakeSequence(std::move(stmts));
    members.clear();
  };
  for (const Stmt& stmt : sequence.stmts) {
    Guarded next = Hoist(stmt);
    std::vector<Expr> common;
    if (!members.empty()) common = Common(groups.back().conditions, next.conditions);
    bool both_free =
        !members.empty() && groups.back().conditions.empty() && next.conditions.empty();
    if (both_free || !common.empty()) {
      groups.back().conditions = std::move(common);
    } else {
      close_group();
      groups.push_back({next.conditions, Stmt()});
    }
    members.push_back(std::move(next));
  }
  close_group();
  if (groups.size() == 1) return std::move(groups.front());
  for (Guarded& group : groups) closed.push_back(Close(std::move(group)));
  return {{}, MakeSequence(std::move(closed))};
}

Guarded Hoist(const Stmt& s) {
  if (const auto* store = s.As<Store>()) return HoistStore(*store, s);
  if (const auto* loop = s.As<For>()) return HoistFor(*loop, s);
  if (const auto* sequence = s.As<Sequence>()) return HoistSequence(*sequence);
  if (const auto* branch = s.As<If>()) {
    Guarded inner = Hoist(branch->then);
    std::vector<Expr> conditions = Conjuncts(branch->condition);
    for (Expr& condition : inner.conditions) {
      if (!Contains(conditions, condition)) conditions.push_back(std::move(condition));
    }
    return {std::move(conditions), std::move(inner.stmt)};
  }
  const auto* allocate = s.As<Allocate>();
  if (allocate == nullptr) return {{}, s};
  Guarded body = Hoist(allocate->body);
  return {std::move(body.conditions), MakeAllocate(allocate->buffer, std::move(body.stmt))};
}

}  // namespace

Program HoistPredicates(const Program& program) {
  Program result = program;
  result.body = Close(Hoist(program.body));
  return result;
}

}  // namespace lathe
