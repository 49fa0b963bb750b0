#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/loop/affine.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

// Substitutes while it copies, so that the work is the size of the result.
class Unroller : public StmtMutator {
 public:
  explicit Unroller(int64_t max_stores) : max_stores_(max_stores) {}
  const absl::Status& status() const { return status_; }

 protected:
  Stmt MutateFor(const For& node, const Stmt& s) override {
    if (node.marks.kind != LoopKind::kUnroll) return StmtMutator::MutateFor(node, s);
    std::vector<Stmt> copies;
    for (int64_t i = 0; i < node.extent && status_.ok(); ++i) {
      values_[node.var] = MakeInt(i);
      copies.push_back(Mutate(node.body));
      if (stores_ > max_stores_) Refuse(node);
    }
    values_.erase(node.var);
    return MakeSequence(std::move(copies));
  }

  Stmt MutateStore(const Store& node, const Stmt& s) override {
    if (!values_.empty() && ++stores_ > max_stores_) return s;
    return StmtMutator::MutateStore(node, s);
  }

  Stmt MutateIntrinsic(const Intrinsic& node, const Stmt& s) override {
    if (!values_.empty() && ++stores_ > max_stores_) return s;
    return StmtMutator::MutateIntrinsic(node, s);
  }

  Expr MutateVar(const Var& node, const Expr& e) override {
    auto value = values_.find(node.name);
    return value == values_.end() ? e : value->second;
  }

  // Folds what became constant, so that later passes see few nodes.
  Expr MutateBinary(const Binary& node, const Expr& e) override {
    Expr a = Mutate(node.a), b = Mutate(node.b);
    if (a.SameAs(node.a) && b.SameAs(node.b)) return e;
    const auto *x = a.As<IntImm>(), *y = b.As<IntImm>();
    if (x != nullptr && y != nullptr && node.type == kIndexType) {
      if (node.op == BinaryOp::kAdd) return MakeInt(WrapAdd(x->value, y->value));
      if (node.op == BinaryOp::kSub) return MakeInt(WrapAdd(x->value, WrapMul(y->value, -1)));
      if (node.op == BinaryOp::kMul) return MakeInt(WrapMul(x->value, y->value));
    }
    return MakeBinary(node.op, std::move(a), std::move(b));
  }

 private:
  void Refuse(const For& loop) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("loop ", loop.var, " cannot be unrolled: the code would have more than ",
                     max_stores_, " stores; unroll fewer or smaller loops"));
  }

  const int64_t max_stores_;
  int64_t stores_ = 0;
  Substitution values_;  // of the unrolled loops around
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Program> UnrollLoops(const Program& program, int64_t max_stores) {
  Program result = program;
  Unroller unroller(max_stores);
  result.body = unroller.Mutate(program.body);
  if (!unroller.status().ok()) return unroller.status();
  return result;
}

}  // namespace lathe
