// Buffers become one-dimensional, those without a use are dropped, and only
// serial and parallel loops are left.
//
//   c[i, ramp(j*16, 1, 16)], c: f32[64, 48]  ->  c[ramp(i*48 + j*16, 1, 16)], c: f32[3072]
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/loop/conditions.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

class Flattener : public StmtMutator {
 public:
  explicit Flattener(const Program& program) {
    for (const Buffer& buffer : program.buffers) buffers_[buffer.name] = &buffer;
  }
  const absl::Status& status() const { return status_; }
  bool Keeps(const Buffer& buffer) const {
    return buffer.scope == Scope::kArgument || buffer.scope == Scope::kTable ||
           allocated_.contains(buffer.name);
  }

 protected:
  Stmt MutateFor(const For& node, const Stmt&) override {
    LoopMarks marks;
    if (node.marks.kind == LoopKind::kParallel) marks.kind = LoopKind::kParallel;
    return MakeFor(node.var, node.extent, marks, Mutate(node.body));
  }
  Stmt MutateAllocate(const Allocate& node, const Stmt& s) override {
    allocated_.insert(node.buffer);
    return StmtMutator::MutateAllocate(node, s);
  }
  Stmt MutateStore(const Store& node, const Stmt&) override {
    return MakeStore(node.stage, node.role, {}, node.buffer, {Flat(node.buffer, node.indices)},
                     Mutate(node.value), node.predicate);
  }
  Expr MutateRead(const Read& node, const Expr&) override {
    Expr otherwise = node.otherwise ? Mutate(node.otherwise) : Expr();
    return MakeRead(node.type, node.buffer, {Flat(node.buffer, node.indices)}, node.predicate,
                    std::move(otherwise));
  }

 private:
  Expr Flat(const std::string& name, const std::vector<Expr>& indices) {
    const Buffer& buffer = *buffers_.at(name);
    int lanes = 1;
    bool gather = false;  // a vector index that is no ramp
    for (const Expr& index : indices) {
      lanes = std::max(lanes, index.type().lanes);
      gather = gather || (index.type().lanes > 1 && !index.As<Ramp>() && !index.As<Broadcast>());
    }
    Expr flat = gather ? Gather(buffer, indices, lanes) : Row(buffer, indices).ToExpr(lanes);
    if (buffer.scope == Scope::kRegister) CheckConstant(buffer, flat);
    return flat;
  }

  static Linear Row(const Buffer& buffer, const std::vector<Expr>& indices) {
    Linear sum;
    int64_t stride = 1;
    for (size_t d = indices.size(); d > 0; --d) {
      AddLinear(indices[d - 1], stride, sum);
      stride *= buffer.shape[d - 1];
    }
    return sum;
  }

  static Expr Gather(const Buffer& buffer, const std::vector<Expr>& indices, int lanes) {
    Expr sum;
    int64_t stride = 1;
    for (size_t d = indices.size(); d > 0; --d) {
      Expr index = indices[d - 1];
      if (index.type().lanes == 1) index = MakeBroadcast(std::move(index), lanes);
      if (stride != 1) index = std::move(index) * stride;
      sum = sum ? std::move(index) + std::move(sum) : std::move(index);
      stride *= buffer.shape[d - 1];
    }
    return sum;
  }

  void CheckConstant(const Buffer& buffer, const Expr& index) {
    absl::flat_hash_set<std::string> used = FreeVars(index);
    if (used.empty() || !status_.ok()) return;
    std::vector<std::string> loops(used.begin(), used.end());
    std::sort(loops.begin(), loops.end());
    status_ = absl::InvalidArgumentError(absl::StrCat(
        "buffer ", buffer.name,
        " is in registers, so its indices must be constant, "
        "but one depends on the loops ",
        absl::StrJoin(loops, ", "), "; unroll or vectorize them, or keep the buffer in memory"));
  }

  absl::flat_hash_map<std::string, const Buffer*> buffers_;
  absl::flat_hash_set<std::string> allocated_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Program> FlattenBuffers(const Program& program) {
  Program result = program;
  Flattener flattener(program);
  result.body = flattener.Mutate(program.body);
  if (!flattener.status().ok()) return flattener.status();
  // Partitioned and unrolled copies of loops that turned out to be empty leave
  // their buffers behind.
  std::erase_if(result.buffers, [&](const Buffer& buffer) { return !flattener.Keeps(buffer); });
  for (Buffer& buffer : result.buffers) buffer.shape = {buffer.NumElements()};
  return result;
}

}  // namespace lathe
