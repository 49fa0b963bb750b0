// Softmax and normalisations, of the rows of a matrix, in two passes.
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/types.h"

namespace lathe {

std::vector<OperatorDefinition> NormalizationOperators() {
  using Kind = OperatorParameter::Kind;
  const OperatorParameter rows = {"rows", "rows"}, columns = {"columns", "columns"};
  const OperatorParameter eps = {"eps", "added to the variance", Kind::kReal, "1e-5"};
  std::vector<OperatorDefinition> operators;
  operators.push_back(
      {{"layer_norm",
        "y[i, j] = (x[i, j] - mean(i)) / sqrt(variance(i) + eps) * gamma[j] + beta[j]",
        "x[rows, columns], gamma[columns], beta[columns] -> y[rows, columns]",
        "Ba, Kiros, Hinton, Layer Normalization, 2016, arXiv:1607.06450; ONNX LayerNormalization",
        {rows, columns, eps, FloatType()}},
       nullptr,
       "func layer_norm(x: $in[$rows, $columns], gamma: $in[$columns], beta: $in[$columns]) "
       "-> (y) {\n"
       "  total[i] = sum(j) $acc(x[i, j])\n"
       "  mean[i] = total[i] / $columns\n"
       "  squares[i] = sum(j) ($acc(x[i, j]) - mean[i]) * ($acc(x[i, j]) - mean[i])\n"
       "  scale[i] = rsqrt(squares[i] / $columns + $eps)\n"
       "  y[i, j] = $result(($acc(x[i, j]) - mean[i]) * scale[i] * $acc(gamma[j])"
       " + $acc(beta[j]))\n"
       "}\n"});
  operators.push_back(
      {{"rms_norm",
        "y[i, j] = x[i, j] / sqrt(sum(k) x[i, k]^2 / columns + eps) * gamma[j]",
        "x[rows, columns], gamma[columns] -> y[rows, columns]",
        "Zhang, Sennrich, Root Mean Square Layer Normalization, 2019, arXiv:1910.07467; ONNX "
        "RMSNormalization",
        {rows, columns, eps, FloatType()}},
       nullptr,
       "func rms_norm(x: $in[$rows, $columns], gamma: $in[$columns]) -> (y) {\n"
       "  squares[i] = sum(j) $acc(x[i, j]) * $acc(x[i, j])\n"
       "  scale[i] = rsqrt(squares[i] / $columns + $eps)\n"
       "  y[i, j] = $result($acc(x[i, j]) * scale[i] * $acc(gamma[j]))\n"
       "}\n"});
  operators.push_back({{"softmax",
                        "y[i, j] = exp(x[i, j] - max(i)) / sum(i), of every row",
                        "x[rows, columns] -> y[rows, columns]",
                        "ONNX Softmax",
                        {rows, columns, FloatType()}},
                       nullptr,
                       "func softmax(x: $in[$rows, $columns]) -> (y) {\n"
                       "  top[i] = max(j) x[i, j]\n"
                       "  e[i, j] = exp($acc(x[i, j]) - $acc(top[i]))\n"
                       "  total[i] = sum(j) e[i, j]\n"
                       "  y[i, j] = $result(e[i, j] / total[i])\n"
                       "}\n"});
  return operators;
}

}  // namespace lathe
