#include <utility>

#include "compiler/tensor/error_bound.h"
#include "compiler/tensor/expr_visitor.h"
#include "compiler/tensor/rules.h"

namespace lathe {
namespace {

constexpr Type kF64{ScalarType::kF64, 1};

bool IsFloating(const Expr& e) { return IsFloat(e.type().scalar); }

class Widener : public ExprMutator {
 public:
  explicit Widener(const Function& function) : function_(function) {}

 protected:
  Expr MutateFloatImm(const FloatImm& node, const Expr&) override {
    return MakeFloat(node.value, kF64);
  }

  Expr MutateCast(const Cast& node, const Expr&) override {
    Type type = IsFloat(node.type.scalar) ? kF64 : node.type;
    return MakeCast(type, Mutate(node.value));
  }

  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr otherwise = node.otherwise ? Mutate(node.otherwise) : Expr();
    if (!IsFloating(e)) {
      return MakeRead(node.type, node.buffer, node.indices, Expr(), std::move(otherwise));
    }
    if (function_.FindStage(node.buffer)) {
      return MakeRead(kF64, node.buffer, node.indices, Expr(), std::move(otherwise));
    }
    if (!otherwise || node.otherwise.As<FloatImm>()) return MakeCast(kF64, e);
    // The guarded element has the argument's type, the other value is f64.
    Expr guarded = MakeRead(node.type, node.buffer, node.indices, Expr(), MakeConst(0, node.type));
    return MakeSelect(IsInside(function_, node), MakeCast(kF64, std::move(guarded)),
                      std::move(otherwise));
  }

 private:
  const Function& function_;
};

}  // namespace

Expr IsInside(const Function& function, const Read& read) {
  std::vector<int64_t> shape = FindTensor(function, read.buffer)->shape;
  Expr inside = MakeBool(true);
  for (size_t d = 0; d < shape.size(); ++d) {
    Expr low = MakeBinary(BinaryOp::kGe, read.indices[d], MakeInt(0));
    Expr high = MakeBinary(BinaryOp::kLt, read.indices[d], MakeInt(shape[d]));
    Expr both = MakeBinary(BinaryOp::kAnd, std::move(low), std::move(high));
    inside = d == 0 ? both : MakeBinary(BinaryOp::kAnd, std::move(inside), std::move(both));
  }
  return inside;
}

Expr ValueInF64(const Function& function, const Expr& body) {
  return Widener(function).Mutate(body);
}

}  // namespace lathe
