#include "compiler/tensor/operator_builders.h"

#include <cmath>
#include <utility>

#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

constexpr Type kF32{ScalarType::kF32, 1};

Argument Input(std::string name, std::vector<int64_t> shape, bool is_const = false) {
  return {std::move(name), ScalarType::kF32, std::move(shape), is_const};
}

Stage Equation(std::string name, std::vector<Axis> axes, Expr body) {
  ScalarType type = body.type().scalar;
  return {std::move(name), type, std::move(axes), std::move(body)};
}

Expr At(std::string tensor, const std::vector<std::string>& indices) {
  std::vector<Expr> subscripts;
  for (const std::string& index : indices) subscripts.push_back(MakeVar(index));
  return MakeRead(kF32, std::move(tensor), std::move(subscripts));
}

Expr Number(double value) { return MakeFloat(value, kF32); }
Expr Div(Expr a, Expr b) { return MakeBinary(BinaryOp::kDiv, std::move(a), std::move(b)); }
Expr Max(Expr a, Expr b) { return MakeBinary(BinaryOp::kMax, std::move(a), std::move(b)); }

// y[i, j] = body, of x[rows, columns].
Function Elementwise(std::string name, int64_t rows, int64_t columns, Expr body) {
  Function f;
  f.name = std::move(name);
  f.arguments = {Input("x", {rows, columns})};
  f.outputs = {"y"};
  f.stages = {Equation("y", {{"i", rows}, {"j", columns}}, std::move(body))};
  return f;
}

Expr Product(const std::string& a, const std::string& b, int64_t k) {
  return MakeReduce(ReduceOp::kSum, {{"k", k}}, At(a, {"i", "k"}) * At(b, {"k", "j"}));
}

}  // namespace

Function Add(int64_t rows, int64_t columns) {
  Function f = Elementwise("add", rows, columns, At("a", {"i", "j"}) + At("b", {"i", "j"}));
  f.arguments = {Input("a", {rows, columns}), Input("b", {rows, columns})};
  return f;
}

Function Gelu(int64_t rows, int64_t columns) {
  Expr x = At("x", {"i", "j"});
  Expr erf = MakeUnary(UnaryOp::kErf, x * Number(std::sqrt(0.5)));
  return Elementwise("gelu", rows, columns, Number(0.5) * x * (Number(1) + erf));
}

Function Relu(int64_t rows, int64_t columns) {
  return Elementwise("relu", rows, columns, Max(At("x", {"i", "j"}), Number(0)));
}

Function Transpose(int64_t rows, int64_t columns) {
  Function f = Elementwise("transpose", rows, columns, At("x", {"i", "j"}));
  std::swap(f.stages[0].axes[0], f.stages[0].axes[1]);
  return f;
}

Function RowSum(int64_t rows, int64_t columns) {
  Function f;
  f.name = "row_sum";
  f.arguments = {Input("x", {rows, columns})};
  f.outputs = {"y"};
  Expr sum = MakeReduce(ReduceOp::kSum, {{"j", columns}}, At("x", {"i", "j"}));
  f.stages = {Equation("y", {{"i", rows}}, std::move(sum))};
  return f;
}

Function RowMeanVariance(int64_t rows, int64_t columns) {
  Function f;
  f.name = "row_mean_variance";
  f.arguments = {Input("x", {rows, columns})};
  f.outputs = {"mean", "variance"};
  Expr count = Number(static_cast<double>(columns));
  Expr x = At("x", {"i", "j"});
  Expr centered = x - At("mean", {"i"});
  auto sum = [&](Expr term) {
    return MakeReduce(ReduceOp::kSum, {{"j", columns}}, std::move(term));
  };
  std::vector<Axis> axes = {{"i", rows}};
  f.stages = {Equation("total", axes, sum(x)),
              Equation("mean", axes, Div(At("total", {"i"}), count)),
              Equation("squares", axes, sum(centered * centered)),
              Equation("variance", axes, Div(At("squares", {"i"}), count))};
  return f;
}

Function Softmax(int64_t rows, int64_t columns) {
  Function f;
  f.name = "softmax";
  f.arguments = {Input("x", {rows, columns})};
  f.outputs = {"y"};
  std::vector<Axis> row = {{"i", rows}}, all = {{"i", rows}, {"j", columns}};
  Expr x = At("x", {"i", "j"});
  f.stages = {
      Equation("top", row, MakeReduce(ReduceOp::kMax, {{"j", columns}}, x)),
      Equation("e", all, MakeUnary(UnaryOp::kExp, x - At("top", {"i"}))),
      Equation("total", row, MakeReduce(ReduceOp::kSum, {{"j", columns}}, At("e", {"i", "j"}))),
      Equation("y", all, Div(At("e", {"i", "j"}), At("total", {"i"})))};
  return f;
}

Function LinearRelu(int64_t m, int64_t k, int64_t n) {
  Function f;
  f.name = "linear_relu";
  f.arguments = {Input("x", {m, k}), Input("w", {k, n}, true), Input("b", {n})};
  f.outputs = {"y"};
  std::vector<Axis> axes = {{"i", m}, {"j", n}};
  f.stages = {Equation("t", axes, Product("x", "w", k)),
              Equation("y", axes, Max(At("t", {"i", "j"}) + At("b", {"j"}), Number(0)))};
  return f;
}

Function MatmulWithEpilogue(int64_t m, int64_t n, int64_t k, bool const_b, bool bias, bool relu) {
  Function f;
  f.name = "matmul";
  f.arguments = {Input("A", {m, k}), Input("B", {k, n}, const_b)};
  f.outputs = {"C"};
  std::vector<Axis> axes = {{"i", m}, {"j", n}};
  if (!bias && !relu) {
    f.stages = {Equation("C", axes, Product("A", "B", k))};
    return f;
  }
  if (bias) f.arguments.push_back(Input("bias", {n}));
  Expr value = At("T", {"i", "j"});
  if (bias) value = value + At("bias", {"j"});
  if (relu) value = Max(std::move(value), Number(0));
  f.stages = {Equation("T", axes, Product("A", "B", k)), Equation("C", axes, std::move(value))};
  return f;
}

Function Matmul(int64_t m, int64_t n, int64_t k, bool const_b) {
  return MatmulWithEpilogue(m, n, k, const_b, false, false);
}

}  // namespace lathe
