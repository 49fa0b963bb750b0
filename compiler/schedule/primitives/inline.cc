// inline: a stage is computed where it is read, element by element.
//
//   for p.i in 8 { p[p.i] = (x[p.i - 1] if p.i >= 1 else 0) }
//   for y.i in 8 { y[y.i] = p[y.i] * 2 }
// inline(p) ->
//   for y.i in 8 { y[y.i] = (x[y.i - 1] if y.i >= 1 else 0) * 2 }
//
// A guarded read of the stage becomes a select, whose reads are under the guard.
// Legal when the stage does not reduce, is no output, and stands alone at the
// root in unmarked loops, one per axis; and the expressions stay moderate.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

// Puts every read under one more condition.
class Guard : public ExprMutator {
 public:
  explicit Guard(const Expr& condition) : condition_(condition) {}

 protected:
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr inner = ExprMutator::MutateRead(node, e);
    const auto& read = *inner.As<Read>();
    Expr otherwise = read.otherwise ? read.otherwise : MakeConst(0, read.type);
    return MakeRead(read.type, read.buffer, read.indices, schedule::And(condition_, read.predicate),
                    std::move(otherwise));
  }

 private:
  const Expr& condition_;
};

// A stage that is read twice doubles with each step of a chain.
constexpr int64_t kMaxNodes = 20000;

// The nodes that a walk of the expressions meets. Shared nodes are sized once,
// so that this takes as long as there are different ones.
class TreeSize : public StmtVisitor {
 public:
  int64_t Of(const Stmt& s) {
    Visit(s);
    return total_;
  }

 protected:
  void VisitStore(const Store& store) override { total_ += SizeOf(store.value); }

 private:
  int64_t SizeOf(const Expr& e) {
    auto known = sizes_.find(e.get());
    if (known != sizes_.end()) return known->second;
    int64_t size = 1;
    for (const Expr& child : ChildrenOf(e)) size = std::min(size + SizeOf(child), kMaxNodes + 1);
    sizes_[e.get()] = size;
    return size;
  }

  static std::vector<Expr> ChildrenOf(const Expr& e) {
    if (const auto* unary = e.As<Unary>()) return {unary->a};
    if (const auto* binary = e.As<Binary>()) return {binary->a, binary->b};
    if (const auto* select = e.As<Select>()) return {select->condition, select->a, select->b};
    if (const auto* cast = e.As<Cast>()) return {cast->value};
    const auto* read = e.As<Read>();
    if (read == nullptr) return {};
    std::vector<Expr> children = read->indices;
    for (const Expr& guard : {read->predicate, read->otherwise}) {
      if (guard) children.push_back(guard);
    }
    return children;
  }

  int64_t total_ = 0;
  absl::flat_hash_map<const ExprNode*, int64_t> sizes_;
};

class Inliner : public StmtMutator {
 public:
  Inliner(const Store& producer, const std::vector<std::string>& loops)
      : producer_(producer), loops_(loops) {}

 protected:
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = StmtMutator::MutateRead(node, e);
    const auto& read = *mutated.As<Read>();
    if (read.buffer != producer_.buffer) return mutated;
    Substitution element;
    for (size_t d = 0; d < loops_.size(); ++d) element[loops_[d]] = read.indices[d];
    Expr value = Substitute(producer_.value, element);
    if (!read.predicate) return value;
    return MakeSelect(read.predicate, Guard(read.predicate).Mutate(value), read.otherwise);
  }

 private:
  const Store& producer_;
  const std::vector<std::string>& loops_;  // by dimension
};

}  // namespace

absl::StatusOr<Program> Inline(const Program& program, std::string_view stage) {
  std::string action = absl::StrCat("inline stage ", ToAbsl(stage));
  ASSIGN_OR_RETURN(const StageInfo* info, schedule::FindStage(program, action, stage));
  ASSIGN_OR_RETURN(StoreSite site, schedule::FindOwnNest(program, action, stage));
  const Store& producer = *site.store;
  if (!info->reduction.empty()) return schedule::Refuse(action, "it reduces");
  const Buffer& buffer = *program.FindBuffer(producer.buffer);
  RETURN_IF_ERROR(schedule::CheckIntermediate(action, buffer));
  ASSIGN_OR_RETURN(auto axis_of_loop, schedule::AxesOfLoops(action, site));
  std::vector<std::string> loops(info->spatial.size());
  for (const auto& [loop, axis] : axis_of_loop) loops[axis] = loop;

  Program result = program;
  Stmt others = schedule::Replace(program.body, site.loops.front(), Stmt());
  result.body = Inliner(producer, loops).Mutate(others);
  if (TreeSize().Of(result.body) > kMaxNodes) {
    return schedule::Refuse(action, absl::StrCat("the expressions that read it would grow beyond ",
                                                 kMaxNodes, " nodes"));
  }
  std::string name(stage), dropped = buffer.name;
  std::erase_if(result.stages, [&](const StageInfo& s) { return s.name == name; });
  std::erase_if(result.buffers, [&](const Buffer& b) { return b.name == dropped; });
  return result;
}

}  // namespace lathe
