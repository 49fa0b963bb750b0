// What is left to do when every mark has been expanded: loops are serial or
// parallel, or to be outlined; buffers without a use are dropped, registers have constant indices.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/loop/buffer_uses.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class Finisher : public StmtMutator {
 public:
  explicit Finisher(const Program& program) {
    for (const Buffer& buffer : program.buffers) {
      if (buffer.scope == Scope::kRegister) registers_.insert(buffer.name);
    }
  }
  const absl::Status& status() const { return status_; }
  bool Keeps(const Buffer& buffer) const {
    return buffer.scope == Scope::kArgument || buffer.scope == Scope::kTable ||
           allocated_.contains(buffer.name);
  }

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    CheckOutlined(node);
    LoopMarks marks;
    marks.outline = node.marks.outline;
    if (node.marks.kind == LoopKind::kParallel) marks.kind = LoopKind::kParallel;
    Stmt body = Mutate(node.body);
    if (body.SameAs(node.body) && marks == node.marks) return s;
    return MakeFor(node.var, node.extent, marks, std::move(body));
  }
  Stmt MutateAllocate(const Allocate& node, const Stmt& s) override {
    allocated_.insert(node.buffer);
    open_.insert(node.buffer);
    Stmt result = StmtMutator::MutateAllocate(node, s);
    open_.erase(node.buffer);
    return result;
  }
  Stmt MutateStore(const Store& node, const Stmt& s) override {
    CheckConstant(node.buffer, node.indices);
    return StmtMutator::MutateStore(node, s);
  }
  Expr MutateRead(const Read& node, const Expr& e) override {
    CheckConstant(node.buffer, node.indices);
    return ExprMutator::MutateRead(node, e);
  }

 private:
  // Registers do not outlive a function.
  void CheckOutlined(const For& loop) {
    if (!loop.marks.outline || !status_.ok()) return;
    std::vector<std::string> crossing;
    for (const std::string& name : BuffersUsed(loop.body)) {
      if (registers_.contains(name) && open_.contains(name)) crossing.push_back(name);
    }
    if (crossing.empty()) return;
    std::sort(crossing.begin(), crossing.end());
    status_ = absl::InvalidArgumentError(absl::StrCat(
        "loop ", loop.var, " cannot be outlined: ", absl::StrJoin(crossing, ", "),
        " in registers is used both inside and outside of it; outline a loop around, or keep the "
        "buffer in memory"));
  }
  void CheckConstant(const std::string& buffer, const std::vector<Expr>& indices) {
    if (!status_.ok() || !registers_.contains(buffer)) return;
    std::vector<std::string> loops;
    bool is_irregular = false;  // constant, but lanes without a fixed stride
    for (const Expr& index : indices) {
      const auto* ramp = index.As<Ramp>();
      if (AsConstInt(ramp ? ramp->base : index)) continue;
      is_irregular = true;
      for (const std::string& loop : FreeVars(index)) loops.push_back(loop);
    }
    std::string rule =
        absl::StrCat("buffer ", buffer, " is in registers, so its indices must be constant");
    if (!loops.empty()) {
      std::sort(loops.begin(), loops.end());
      status_ = absl::InvalidArgumentError(
          absl::StrCat(rule, ", but one depends on the loops ", absl::StrJoin(loops, ", "),
                       "; unroll or vectorize them, or keep the buffer in memory"));
    } else if (is_irregular) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(rule, ", and evenly spaced in vectors; keep the buffer in memory"));
    }
  }

  absl::flat_hash_set<std::string> registers_;
  absl::flat_hash_set<std::string> allocated_, open_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Program> FinishLowering(const Program& program) {
  Program result = program;
  Finisher finisher(program);
  result.body = finisher.Mutate(program.body);
  if (!finisher.status().ok()) return finisher.status();
  // Partitioned and unrolled copies of loops that turned out to be empty leave
  // their buffers behind.
  std::erase_if(result.buffers, [&](const Buffer& buffer) { return !finisher.Keeps(buffer); });
  result.lowered = true;
  return result;
}

}  // namespace lathe
