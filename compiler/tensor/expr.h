// Expressions of tensor functions and of loop programs: immutable, shared.
//
// Semantics. Integer arithmetic wraps in the width of its type; subscripts are
// i64 and never overflow in a checked program. `//` and `%` round towards
// minus infinity, by a positive divisor. Comparisons yield bool. min and max
// of floats: if either operand is NaN the result is the *second* operand when
// the comparison `a < b` (min) or `a > b` (max) is false, that is
// min(a, b) = a < b ? a : b and max(a, b) = a > b ? a : b, which is what one
// vminps/vmaxps computes. A `Reduce` folds in any order (accuracy `strict`
// allows reassociation). Type rules: operands of an arithmetic node have one
// type; only `Cast` changes it.
#ifndef LATHE_COMPILER_TENSOR_EXPR_H_
#define LATHE_COMPILER_TENSOR_EXPR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/base/check.h"
#include "compiler/tensor/type.h"

namespace lathe {

enum class ExprKind : uint8_t {
#define LATHE_EXPR_NODE(Name) k##Name,
#include "compiler/tensor/expr_nodes.def"
#undef LATHE_EXPR_NODE
};

enum class UnaryOp : uint8_t {
  kNeg,
  kNot,
  kAbs,
  kFloor,
  kExp,
  kLog,
  kSqrt,
  kRsqrt,
  kTanh,
  kErf,
  kSigmoid
};
enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,  // kDiv: floats only
  kFloorDiv,
  kMod,  // integers only
  kMin,
  kMax,
  kPow,
  kLt,
  kLe,
  kGt,
  kGe,
  kEq,
  kNe,
  kAnd,
  kOr
};
enum class ReduceOp : uint8_t { kSum, kProd, kMax, kMin };

// Base of all nodes. Nodes are made by the Make* functions below only.
struct ExprNode {
  ExprNode(ExprKind kind, Type type) : kind(kind), type(type) {}
  virtual ~ExprNode() = default;
  const ExprKind kind;
  const Type type;
};

// A shared handle to an immutable node; null when default-constructed.
class Expr {
 public:
  Expr() = default;
  explicit Expr(std::shared_ptr<const ExprNode> node) : node_(std::move(node)) {}
  explicit operator bool() const { return node_ != nullptr; }
  const ExprNode* operator->() const { return node_.get(); }
  const ExprNode* get() const { return node_.get(); }
  ExprKind kind() const { return node_->kind; }
  Type type() const { return node_->type; }
  // The node as `Node` if it is one, else nullptr.
  template <typename Node>
  const Node* As() const {
    return node_ && node_->kind == Node::kKind ? static_cast<const Node*>(node_.get()) : nullptr;
  }
  bool SameAs(const Expr& other) const { return node_ == other.node_; }

 private:
  std::shared_ptr<const ExprNode> node_;
};

// An axis of a stage or reduction: a name and how many values it takes (from 0).
struct Axis {
  std::string name;
  int64_t extent = 0;
  bool operator==(const Axis&) const = default;
};

struct IntImm : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kIntImm;
  IntImm(Type type, int64_t value) : ExprNode(kKind, type), value(value) {}
  const int64_t value;
};
struct FloatImm : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kFloatImm;
  FloatImm(Type type, double value) : ExprNode(kKind, type), value(value) {}
  const double value;  // already rounded to `type`
};
struct Var : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kVar;
  explicit Var(std::string name) : ExprNode(kKind, kIndexType), name(std::move(name)) {}
  const std::string name;  // unique in its function stage, or in its loop program
};
struct Unary : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kUnary;
  Unary(Type type, UnaryOp op, Expr a) : ExprNode(kKind, type), op(op), a(std::move(a)) {}
  const UnaryOp op;
  const Expr a;
};
struct Binary : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kBinary;
  Binary(Type type, BinaryOp op, Expr a, Expr b)
      : ExprNode(kKind, type), op(op), a(std::move(a)), b(std::move(b)) {}
  const BinaryOp op;
  const Expr a, b;
};
struct Select : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kSelect;
  Select(Expr condition, Expr a, Expr b)
      : ExprNode(kKind, a.type()),
        condition(std::move(condition)),
        a(std::move(a)),
        b(std::move(b)) {}
  const Expr condition, a, b;  // both arms may be evaluated
};
struct Cast : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kCast;
  Cast(Type type, Expr value) : ExprNode(kKind, type), value(std::move(value)) {}
  const Expr value;
};
// buffer[indices]. With `otherwise`, a guarded read: its value where the guard
// is false, and memory is then not touched (lane by lane in vector form).
// The guard: in a tensor function implicit, "all indices lie inside the
// tensor" (predicate is null); in a loop program the explicit `predicate`.
struct Read : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kRead;
  Read(Type type, std::string buffer, std::vector<Expr> indices, Expr predicate, Expr otherwise)
      : ExprNode(kKind, type),
        buffer(std::move(buffer)),
        indices(std::move(indices)),
        predicate(std::move(predicate)),
        otherwise(std::move(otherwise)) {}
  const std::string buffer;
  const std::vector<Expr> indices;
  const Expr predicate;  // may be null
  const Expr otherwise;  // may be null
};
struct Reduce : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kReduce;
  Reduce(ReduceOp op, std::vector<Axis> axes, Expr body)
      : ExprNode(kKind, body.type()), op(op), axes(std::move(axes)), body(std::move(body)) {}
  const ReduceOp op;
  const std::vector<Axis> axes;  // at least one
  const Expr body;
};
struct Ramp : ExprNode {  // lane l is base + l * stride
  static constexpr ExprKind kKind = ExprKind::kRamp;
  Ramp(Expr base, int64_t stride, int lanes)
      : ExprNode(kKind, base.type().WithLanes(lanes)), base(std::move(base)), stride(stride) {}
  const Expr base;  // scalar
  const int64_t stride;
};
struct Broadcast : ExprNode {
  static constexpr ExprKind kKind = ExprKind::kBroadcast;
  Broadcast(Expr value, int lanes)
      : ExprNode(kKind, value.type().WithLanes(lanes)), value(std::move(value)) {}
  const Expr value;  // scalar
};

struct LaneReduce : ExprNode {  // value[0] op value[1] op ..., in any order
  static constexpr ExprKind kKind = ExprKind::kLaneReduce;
  LaneReduce(ReduceOp op, Expr value)
      : ExprNode(kKind, value.type().WithLanes(1)), op(op), value(std::move(value)) {}
  const ReduceOp op;
  const Expr value;  // a vector
};

// Makers CHECK the type rules stated at the top (parsers test them first and
// report errors). Arithmetic makers fold constants of integers, nothing else.
Expr MakeInt(int64_t value, Type type = kIndexType);  // wraps to the type; bool: 0 or 1
Expr MakeFloat(double value, Type type);              // rounds to the type
Expr MakeBool(bool value);
Expr MakeVar(std::string name);
Expr MakeUnary(UnaryOp op, Expr a);
Expr MakeBinary(BinaryOp op, Expr a, Expr b);
Expr MakeSelect(Expr condition, Expr a, Expr b);
Expr MakeCast(Type type, Expr value);  // returns `value` when the type is the same
Expr MakeRead(Type type, std::string buffer, std::vector<Expr> indices, Expr predicate = Expr(),
              Expr otherwise = Expr());
Expr MakeReduce(ReduceOp op, std::vector<Axis> axes, Expr body);
Expr MakeRamp(Expr base, int64_t stride, int lanes);
Expr MakeBroadcast(Expr value, int lanes);  // returns `value` when lanes == 1
Expr MakeLaneReduce(ReduceOp op, Expr value);
Expr MakeConst(double value, Type type);  // IntImm or FloatImm, broadcast to lanes

inline Expr operator+(Expr a, Expr b) {
  return MakeBinary(BinaryOp::kAdd, std::move(a), std::move(b));
}
inline Expr operator-(Expr a, Expr b) {
  return MakeBinary(BinaryOp::kSub, std::move(a), std::move(b));
}
inline Expr operator*(Expr a, Expr b) {
  return MakeBinary(BinaryOp::kMul, std::move(a), std::move(b));
}
inline Expr operator+(Expr a, int64_t b) { return a + MakeConst(static_cast<double>(b), a.type()); }
inline Expr operator-(Expr a, int64_t b) { return a - MakeConst(static_cast<double>(b), a.type()); }
inline Expr operator*(Expr a, int64_t b) { return a * MakeConst(static_cast<double>(b), a.type()); }

// The value of an IntImm (or of a broadcast IntImm) if `e` is one.
std::optional<int64_t> AsConstInt(const Expr& e);

// Names as in text: "exp", "+", "sum".
std::string_view Name(UnaryOp op);
std::string_view Name(BinaryOp op);
std::string_view Name(ReduceOp op);
bool IsComparison(BinaryOp op);
// The operation that folds one more value into a reduction, and its identity
// (sum 0, prod 1, max the lowest value or -infinity, min the highest).
BinaryOp Combiner(ReduceOp op);
Expr Identity(ReduceOp op, Type type);

// Same tree, same names, same constants bit by bit.
bool StructurallyEqual(const Expr& a, const Expr& b);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_EXPR_H_
