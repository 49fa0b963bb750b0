// Products of matrices.
#include "absl/strings/str_cat.h"
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/epilogue.h"
#include "compiler/tensor/operators/types.h"

namespace lathe {
namespace {

using Kind = OperatorParameter::Kind;

constexpr OperatorParameter kM = {"m", "rows of A and C"};
constexpr OperatorParameter kN = {"n", "columns of B and C"};
constexpr OperatorParameter kK = {"k", "columns of A, rows of B"};
constexpr OperatorParameter kTransposeA = {"ta", "1: A is stored as [k, m]", Kind::kFlag, "0"};
constexpr OperatorParameter kTransposeB = {"tb", "1: B is stored as [n, k]", Kind::kFlag, "0"};
constexpr OperatorParameter kConstB = {"const_b", "1: B is known before the call", Kind::kFlag,
                                       "0"};
constexpr OperatorParameter kBias = {"bias", "1: adds a row vector", Kind::kFlag, "0"};
constexpr OperatorParameter kRelu = {"relu", "1: max(..., 0) at the end", Kind::kFlag, "0"};

constexpr std::string_view kEdges[] = {"outgoing", "incoming"};

// What stands for the operands, transposed or not.
void SetOperands(Words& words) {
  bool ta = words.Flag("ta"), tb = words.Flag("tb");
  words.Set("a_shape", ta ? "$k, $m" : "$m, $k");
  words.Set("a_at", ta ? "k, i" : "i, k");
  words.Set("b_shape", tb ? "$n, $k" : "$k, $n");
  words.Set("b_at", tb ? "j, k" : "k, j");
  words.Set("const", words.Flag("const_b") ? "const " : "");
}

absl::Status DeriveMatmul(Words& words) {
  SetOperands(words);
  words.Set("bias_argument", words.Flag("bias") ? ", bias: $bias_type[$n]" : "");
  return SetEquations(words, {.partial = "T",
                              .result = "C",
                              .indices = "i, j",
                              .sum = "sum(k) $acc(A[$a_at]) * $acc(B[$b_at])",
                              .bias = "bias[j]"});
}

absl::Status DeriveBatchMatmul(Words& words) {
  SetOperands(words);
  return SetEquations(words, {.partial = "T",
                              .result = "C",
                              .indices = "b, i, j",
                              .sum = "sum(k) $acc(A[b, $a_at]) * $acc(B[b, $b_at])"});
}

absl::Status DeriveLinear(Words& words) {
  bool tw = words.Flag("tw");
  words.Set("w_shape", tw ? "$n, $k" : "$k, $n");
  words.Set("w_at", tw ? "j, k" : "k, j");
  words.Set("const", words.Flag("const_w") ? "const " : "");
  words.Set("bias_argument", words.Flag("bias") ? ", b: $bias_type[$n]" : "");
  return SetEquations(
      words, {.indices = "i, j", .sum = "sum(k) $acc(x[i, k]) * $acc(w[$w_at])", .bias = "b[j]"});
}

absl::Status DeriveLinearRelu(Words& words) {
  for (const char* flag : {"const_w", "bias", "relu"}) words.Set(flag, "1");
  words.Set("tw", "0");
  return DeriveLinear(words);
}

absl::Status DeriveTriangle(Words& words) {
  bool incoming = words.Is("edges", "incoming");
  return SetEquations(words, {.indices = "i, j, c",
                              .sum = incoming ? "sum(k) $acc(a[k, i, c]) * $acc(b[k, j, c])"
                                              : "sum(k) $acc(a[i, k, c]) * $acc(b[j, k, c])"});
}

}  // namespace

std::vector<OperatorDefinition> MatmulOperators() {
  std::vector<OperatorDefinition> operators;
  operators.push_back(
      {{"batch_matmul",
        "C[b, i, j] = sum(k) A[b, i, k] * B[b, k, j]",
        "A[batch, m, k], B[batch, k, n] -> C[batch, m, n]",
        "ONNX MatMul",
        {{"batch", "matrices in A, B and C"},
         kM,
         kN,
         kK,
         kTransposeA,
         kTransposeB,
         kConstB,
         ProductType(),
         ResultType()}},
       DeriveBatchMatmul,
       "func batch_matmul(A: $in[$batch, $a_shape], B: $const$weight[$batch, $b_shape]) -> (C) {\n"
       "  $equations\n"
       "}\n"});
  operators.push_back(
      {{"linear",
        "y[i, j] = act(sum(k) x[i, k] * w[k, j] + b[j])",
        "x[m, k], w[k, n], b[n] -> y[m, n]",
        "ONNX Gemm",
        {{"m", "rows of x"},
         {"k", "columns of x"},
         {"n", "columns of y"},
         {"bias", "1: adds b", Kind::kFlag, "1"},
         Activation(),
         {"tw", "1: w is stored as [n, k]", Kind::kFlag, "0"},
         {"const_w", "1: w is known before the call", Kind::kFlag, "1"},
         ProductType(),
         ResultType()}},
       DeriveLinear,
       "func linear(x: $in[$m, $k], w: $const$weight[$w_shape]$bias_argument) -> (y) {\n"
       "  $equations\n"
       "}\n"});
  operators.push_back(
      {{"linear_relu",
        "y[i, j] = max(sum(k) x[i, k] * w[k, j] + b[j], 0), w const",
        "x[m, k], w[k, n], b[n] -> y[m, n]",
        "ONNX Gemm, Relu",
        {{"m", "rows of x", Kind::kExtent, "1"},
         {"k", "columns of x", Kind::kExtent, "3072"},
         {"n", "columns of y", Kind::kExtent, "200"},
         ProductType(),
         ResultType()}},
       DeriveLinearRelu,
       "func linear_relu(x: $in[$m, $k], w: $const$weight[$w_shape]$bias_argument) -> (y) {\n"
       "  $equations\n"
       "}\n"});
  operators.push_back(
      {{"matmul",
        "C[i, j] = sum(k) A[i, k] * B[k, j]",
        "A[m, k], B[k, n], bias[n] -> C[m, n]",
        "ONNX MatMul, Gemm",
        {kM, kN, kK, kConstB, kBias, kRelu, kTransposeA, kTransposeB, ProductType(), ResultType()}},
       DeriveMatmul,
       "func matmul(A: $in[$a_shape], B: $const$weight[$b_shape]$bias_argument) -> (C) {\n"
       "  $equations\n"
       "}\n"});
  operators.push_back(
      {{"triangle_multiplication",
        "y[i, j, c] = sum(k) a[i, k, c] * b[j, k, c] (incoming: a[k, i, c] * b[k, j, c])",
        "a[n, n, c], b[n, n, c] -> y[n, n, c]",
        "Jumper et al., AlphaFold, Nature 596 (2021), supplement, algorithms 11 and 12, line 4",
        {{"n", "residues: rows and columns"},
         {"c", "channels"},
         {"edges", "which edges of the triangle are multiplied", Kind::kWord, "outgoing", kEdges},
         FloatType(),
         ResultType()}},
       DeriveTriangle,
       "func triangle_multiplication(a: $in[$n, $n, $c], b: $in[$n, $n, $c]) -> (y) {\n"
       "  $equations\n"
       "}\n"});
  return operators;
}

}  // namespace lathe
