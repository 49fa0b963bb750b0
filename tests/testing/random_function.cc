#include "tests/testing/random_function.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/tensor/rules.h"

namespace lathe::testing {
namespace {

constexpr Type kF32{ScalarType::kF32, 1};

class FunctionGenerator {
 public:
  FunctionGenerator(std::mt19937_64& random, const RandomFunctionOptions& options)
      : random_(random), options_(options) {}

  Function Generate() {
    function_.name = "random";
    int64_t arguments = 1 + Below(options_.max_arguments);
    for (int64_t a = 0; a < arguments; ++a) {
      Argument argument{absl::StrCat("x", a), ScalarType::kF32, {}, Chance(3)};
      if (options_.mixed_types) argument.type = RandomType();
      int64_t rank = a == 0 ? 2 : Below(4);
      for (int64_t d = 0; d < rank; ++d) argument.shape.push_back(Extent());
      function_.arguments.push_back(std::move(argument));
    }
    int64_t stages = 1 + Below(options_.max_stages);
    for (int64_t s = 0; s < stages; ++s) function_.stages.push_back(RandomStage(s));
    while (auto unused = FindUnusedStage(function_)) {
      function_.outputs.push_back(function_.stages[*unused].name);
    }
    absl::Status status = CheckFunction(function_);
    CHECK(status.ok()) << status.message() << "\n" << ToText(function_);
    return std::move(function_);
  }

 private:
  // std's distributions differ between libraries.
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int64_t one_in) { return Below(one_in) == 0; }
  int64_t Extent() { return 1 + Below(options_.max_extent); }

  Stage RandomStage(int64_t number) {
    Stage stage;
    stage.name = absl::StrCat("s", number);
    if (options_.mixed_types) type_ = {RandomType(), 1};
    in_scope_.clear();
    reductions_ = 0;
    int64_t rank = 1 + Below(3);
    for (int64_t d = 0; d < rank; ++d) stage.axes.push_back({absl::StrCat("i", d), Extent()});
    in_scope_ = stage.axes;
    bool reduces = options_.reductions && Chance(2);
    stage.body = reduces ? Reduction(options_.max_height) : Value(options_.max_height);
    stage.type = stage.body.type().scalar;
    return stage;
  }

  ScalarType RandomType() {
    constexpr ScalarType kTypes[] = {ScalarType::kF32,  ScalarType::kF16, ScalarType::kF16,
                                     ScalarType::kBF16, ScalarType::kI32, ScalarType::kI8,
                                     ScalarType::kU8,   ScalarType::kBF16};
    return kTypes[Below(std::size(kTypes))];
  }

  // Halves reduce in f32, where sums of small integers are exact.
  Expr Reduction(int height) {
    const Type type = type_;
    if (IsFloat(type.scalar)) type_ = kF32;
    Expr reduced = ReductionOfType(height);
    type_ = type;
    return MakeCast(type, std::move(reduced));
  }

  Expr ReductionOfType(int height) {
    size_t outer = in_scope_.size();
    std::vector<Axis> axes;
    int64_t count = 1 + Below(2);
    for (int64_t i = 0; i < count; ++i)
      axes.push_back({absl::StrCat("k", reductions_++), Extent()});
    in_scope_.insert(in_scope_.end(), axes.begin(), axes.end());
    Expr body = Chance(2) ? Product() : Value(height - 1);
    in_scope_.resize(outer);
    ReduceOp op = Chance(4) ? ReduceOp::kMax : Chance(4) ? ReduceOp::kMin : ReduceOp::kSum;
    return MakeReduce(op, std::move(axes), std::move(body));
  }

  Expr Value(int height) {
    if (height <= 0) return Chance(4) ? Constant() : Read();
    switch (Below(options_.functions && IsFloat(type_.scalar) ? 11 : 9)) {
      case 0:
        return Two(BinaryOp::kAdd, height);
      case 1:
        return Two(BinaryOp::kSub, height);
      case 2:
        return Two(BinaryOp::kMul, height);
      case 3:
        return Two(Chance(2) ? BinaryOp::kMax : BinaryOp::kMin, height);
      case 4: {
        Expr condition = Condition(), a = Value(height - 1), b = Value(height - 1);
        return MakeSelect(std::move(condition), std::move(a), std::move(b));
      }
      case 5: {
        Expr a = Value(height - 1);
        return MakeUnary(Chance(2) ? UnaryOp::kNeg : UnaryOp::kAbs, std::move(a));
      }
      case 6:
        return options_.reductions && Chance(2) ? Reduction(height - 1) : Read();
      case 9: {
        Expr a = Value(height - 1);
        return MakeUnary(Chance(2) ? UnaryOp::kTanh : UnaryOp::kSigmoid, std::move(a));
      }
      case 10:  // exp of nothing positive
        return MakeUnary(UnaryOp::kExp, MakeUnary(UnaryOp::kNeg, MakeUnary(UnaryOp::kAbs, Read())));
      default:
        return Read();
    }
  }

  // Operands are drawn one after the other: the order in which C++ evaluates
  // arguments is the compiler's.
  Expr Two(BinaryOp op, int height) {
    Expr a = Value(height - 1), b = Value(height - 1);
    return MakeBinary(op, std::move(a), std::move(b));
  }

  Expr Product() {
    Expr a = Read(), b = Read();
    return std::move(a) * std::move(b);
  }

  Expr Constant() { return Constant(type_); }

  Expr Constant(Type type) {
    constexpr double kValues[] = {0, 1, -1, 0.5, 2, -3, 0.1};
    constexpr double kDyadic[] = {0, 1, -1, 0.5, 2, -3, 0.25};
    constexpr int64_t kIntegers[] = {0, 1, 2, 3, 5};
    if (!IsFloat(type.scalar)) return MakeInt(kIntegers[Below(std::size(kIntegers))], type);
    const double* values = options_.mixed_types ? kDyadic : kValues;
    return MakeFloat(values[Below(std::size(kValues))], type);
  }

  // On indices only, so that no rounding can turn it.
  Expr Condition() {
    constexpr BinaryOp kOps[] = {BinaryOp::kLt, BinaryOp::kLe, BinaryOp::kGt,
                                 BinaryOp::kGe, BinaryOp::kEq, BinaryOp::kNe};
    BinaryOp op = kOps[Below(std::size(kOps))];
    Expr index = Index();
    return MakeBinary(op, std::move(index), MakeInt(Below(4)));
  }

  const Axis& RandomAxis() { return in_scope_[Below(static_cast<int64_t>(in_scope_.size()))]; }
  Expr Index() { return MakeVar(RandomAxis().name); }

  Expr Read() {
    int64_t count = static_cast<int64_t>(function_.arguments.size() + function_.stages.size());
    int64_t pick = Below(count);
    int64_t arguments = static_cast<int64_t>(function_.arguments.size());
    std::string name =
        pick < arguments ? function_.arguments[pick].name : function_.stages[pick - arguments].name;
    const auto tensor = *FindTensor(function_, name);
    const std::vector<int64_t>& shape = tensor.shape;
    const Type type{tensor.type, 1};
    bool guarded = options_.guarded && !shape.empty() && Chance(5);
    std::vector<Expr> indices;
    for (int64_t extent : shape) indices.push_back(guarded ? AnySubscript() : Inside(extent));
    Expr otherwise = guarded ? Constant(type) : Expr();
    return MakeCast(
        type_, MakeRead(type, std::move(name), std::move(indices), Expr(), std::move(otherwise)));
  }

  Expr AnySubscript() {
    Expr index = Index();
    int64_t offset = Below(5) - 2;
    if (Chance(4)) index = index * (1 + Below(2));
    if (Chance(4)) index = index + Index();
    return offset < 0 ? index - (-offset) : offset > 0 ? index + offset : index;
  }

  // A subscript within 0 .. extent - 1.
  Expr Inside(int64_t extent) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const Axis& axis = RandomAxis();
      Expr index = MakeVar(axis.name);
      int64_t room = extent - axis.extent;
      if (room == 0) return index;
      if (room > 0) return Chance(2) ? index : index + Below(room + 1);
      if (Chance(3)) return MakeBinary(BinaryOp::kMod, index, MakeInt(extent));
      if (Chance(3)) {
        return MakeBinary(BinaryOp::kFloorDiv, index, MakeInt((axis.extent + extent - 1) / extent));
      }
    }
    return MakeInt(Below(extent));
  }

  std::mt19937_64& random_;
  const RandomFunctionOptions& options_;
  Function function_;
  std::vector<Axis> in_scope_;
  int reductions_ = 0;
  Type type_ = kF32;  // of what is being generated
};

}  // namespace

Function RandomFunction(std::mt19937_64& random, const RandomFunctionOptions& options) {
  return FunctionGenerator(random, options).Generate();
}

}  // namespace lathe::testing
