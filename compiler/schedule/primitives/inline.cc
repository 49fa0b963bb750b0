// inline: a stage is computed where it is read, element by element.
//
//   for p.i in 8 { p[p.i] = (x[p.i - 1] if p.i >= 1 else 0) }
//   for y.i in 8 { y[y.i] = p[y.i] * 2 }
// inline(p) ->
//   for y.i in 8 { y[y.i] = (x[y.i - 1] if y.i >= 1 else 0) * 2 }
//
// A guarded read of the stage becomes a select, whose reads are under the guard.
// Legal when the stage does not reduce, is no output, and stands alone at the
// root in unmarked loops, one per axis.

#include <utility>

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
  if (buffer.scope == Scope::kArgument) {
    return schedule::Refuse(action, absl::StrCat("its buffer ", buffer.name, " is an output"));
  }
  ASSIGN_OR_RETURN(auto axis_of_loop, schedule::AxesOfLoops(action, site));
  std::vector<std::string> loops(info->spatial.size());
  for (const auto& [loop, axis] : axis_of_loop) loops[axis] = loop;

  Program result = program;
  Stmt others = schedule::Replace(program.body, site.loops.front(), Stmt());
  result.body = Inliner(producer, loops).Mutate(others);
  std::string name(stage), dropped = buffer.name;
  std::erase_if(result.stages, [&](const StageInfo& s) { return s.name == name; });
  std::erase_if(result.buffers, [&](const Buffer& b) { return b.name == dropped; });
  return result;
}

}  // namespace lathe
