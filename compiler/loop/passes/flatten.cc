// Buffers become one-dimensional.
//
//   c[i, ramp(j*16, 1, 16)], c: f32[64, 48]  ->  c[ramp(i*48 + j*16, 1, 16)], c: f32[3072]
#include <algorithm>
#include <utility>

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

 protected:
  Stmt MutateStore(const Store& node, const Stmt&) override {
    return MakeStore(node.stage, node.role, {}, node.buffer, {Flat(node.buffer, node.indices)},
                     Mutate(node.value), node.predicate);
  }
  Stmt MutatePrefetch(const Prefetch& node, const Stmt&) override {
    return MakePrefetch(node.buffer, {Flat(node.buffer, node.indices)});
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
    return gather ? Gather(buffer, indices, lanes) : Row(buffer, indices).ToExpr(lanes);
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

  absl::flat_hash_map<std::string, const Buffer*> buffers_;
};

}  // namespace

Program FlattenBuffers(const Program& program) {
  Program result = program;
  result.body = Flattener(program).Mutate(program.body);
  for (Buffer& buffer : result.buffers) buffer.shape = {buffer.NumElements()};
  return result;
}

}  // namespace lathe
