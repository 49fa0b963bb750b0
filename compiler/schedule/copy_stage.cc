#include "compiler/schedule/copy_stage.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"

namespace lathe::schedule {
namespace {

class ReadReplacer : public StmtMutator {
 public:
  ReadReplacer(const std::string& buffer, const CopyStage::ReplaceFn& replace)
      : buffer_(buffer), replace_(replace) {}
  bool found = false;

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    bounds_[node.var] = Interval::Of(0, node.extent - 1);
    Stmt result = StmtMutator::MutateFor(node, s);
    bounds_.erase(node.var);
    return result;
  }
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = StmtMutator::MutateRead(node, e);
    if (node.buffer != buffer_) return mutated;
    Expr replaced = replace_(*mutated.As<Read>(), bounds_);
    if (!replaced) return mutated;
    found = true;
    return replaced;
  }

 private:
  const std::string& buffer_;
  const CopyStage::ReplaceFn& replace_;
  Bounds bounds_;
};

std::vector<Stmt> RootStatements(const Stmt& body) {
  const auto* sequence = body.As<Sequence>();
  return sequence ? sequence->stmts : std::vector<Stmt>{body};
}

bool Writes(const Stmt& s, const std::string& buffer) {
  std::vector<StoreSite> stores = StoresBelow(s);
  return std::any_of(stores.begin(), stores.end(),
                     [&](const StoreSite& site) { return site.store->buffer == buffer; });
}

}  // namespace

Expr CopyStage::AddAxis(Axis axis) {
  Expr loop = MakeVar(absl::StrCat(name_, ".", axis.name));
  axes_.push_back(std::move(axis));
  return loop;
}

void CopyStage::SetSource(std::vector<Expr> indices, Expr otherwise) {
  Bounds bounds;
  for (const Axis& axis : axes_) {
    bounds[absl::StrCat(name_, ".", axis.name)] = Interval::Of(0, axis.extent - 1);
  }
  Expr inside;
  for (size_t d = 0; d < indices.size(); ++d) {
    for (const Expr& condition :
         {MakeBinary(BinaryOp::kGe, indices[d], MakeInt(0)),
          MakeBinary(BinaryOp::kLt, indices[d], MakeInt(source_.shape[d]))}) {
      if (!ProvablyTrue(condition, bounds)) inside = And(inside, condition);
    }
  }
  if (!inside) otherwise = Expr();
  value_ = MakeRead(Type{source_.type}, source_.name, std::move(indices), std::move(inside),
                    std::move(otherwise));
}

Stmt CopyStage::Nest() const {
  std::vector<std::pair<std::string, Expr>> bindings;
  std::vector<Expr> indices;
  for (const Axis& axis : axes_) {
    indices.push_back(MakeVar(absl::StrCat(name_, ".", axis.name)));
    bindings.emplace_back(axis.name, indices.back());
  }
  Stmt nest = MakeStore(name_, StoreRole::kWhole, std::move(bindings), name_, indices, value_);
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    nest = MakeFor(absl::StrCat(name_, ".", axis->name), axis->extent, {}, std::move(nest));
  }
  return nest;
}

absl::StatusOr<Program> CopyStage::Insert(const Program& program, const std::string& action,
                                          const ReplaceFn& replace) const {
  RETURN_IF_ERROR(CheckNewStage(program, action, name_));
  std::vector<std::string> loops;
  for (const Axis& axis : axes_) loops.push_back(absl::StrCat(name_, ".", axis.name));
  RETURN_IF_ERROR(CheckNewLoops(program, action, loops));

  std::vector<Stmt> statements;
  std::string first_stage;  // the stages are listed in the order of the program
  for (const Stmt& s : RootStatements(program.body)) {
    ReadReplacer replacer(source_.name, replace);
    Stmt replaced = replacer.Mutate(s);
    if (replacer.found && first_stage.empty()) {
      if (Writes(s, source_.name)) {
        return Refuse(action, "one nest computes and reads it, so there is no place between");
      }
      first_stage = StoresBelow(s).front().store->stage;
      statements.push_back(Nest());
    } else if (!first_stage.empty() && Writes(s, source_.name)) {
      return Refuse(action, "it is not complete before the first nest that reads it");
    }
    statements.push_back(std::move(replaced));
  }
  if (first_stage.empty()) return Refuse(action, "nothing reads it");

  Program result = program;
  result.body = MakeSequence(std::move(statements));
  auto before = std::find_if(result.stages.begin(), result.stages.end(),
                             [&](const StageInfo& s) { return s.name == first_stage; });
  result.stages.insert(before, StageInfo{name_, axes_, {}, ReduceOp::kSum});
  Buffer buffer{name_, source_.type, {}, Scope::kWorkspace, Access::kNone, {}};
  for (const Axis& axis : axes_) buffer.shape.push_back(axis.extent);
  result.buffers.push_back(std::move(buffer));
  return result;
}

}  // namespace lathe::schedule
