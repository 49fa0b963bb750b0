// Sums, means and extremes of the rows and of the columns of a matrix.
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/epilogue.h"
#include "compiler/tensor/operators/types.h"

namespace lathe {
namespace {

absl::Status DeriveRowSum(Words& words) {
  return SetEquations(words, {.indices = "i", .sum = "sum(j) $acc(x[i, j])"});
}
absl::Status DeriveColumnSum(Words& words) {
  return SetEquations(words, {.indices = "j", .sum = "sum(i) $acc(x[i, j])"});
}
absl::Status DeriveRowMean(Words& words) {
  SetEquations(words, {.indices = "i", .sum = "sum(j) $acc(x[i, j])"}, "$t / $columns");
  return absl::OkStatus();
}
absl::Status DeriveColumnMean(Words& words) {
  SetEquations(words, {.indices = "j", .sum = "sum(i) $acc(x[i, j])"}, "$t / $rows");
  return absl::OkStatus();
}

// What is read again, the mean, must not be rounded to a narrow type first.
absl::Status DeriveMeanVariance(Words& words) {
  bool is_narrow = !words.Is("result", words.Get("acc"));
  words.Set("center", is_narrow ? "center[i]" : "mean[i]");
  words.Set("mean", is_narrow ? "mean[i] = $result(center[i])" : "");
  return absl::OkStatus();
}

}  // namespace

std::vector<OperatorDefinition> ReductionOperators() {
  constexpr OperatorParameter rows = {"rows", "rows"}, columns = {"columns", "columns"};
  std::vector<OperatorDefinition> operators;
  auto add = [&](std::string_view name, std::string_view summary, std::string_view source,
                 OperatorParameter type, absl::Status (*derive)(Words&), std::string_view body) {
    std::string shapes =
        name.starts_with("row") ? "x[rows, columns] -> y[rows]" : "x[rows, columns] -> y[columns]";
    operators.push_back({{name, summary, shapes, source, {rows, columns, type}},
                         derive,
                         absl::StrCat("func ", ToAbsl(name), "(x: $in[$rows, $columns]) -> (y) {\n",
                                      "  ", ToAbsl(body), "\n}\n")});
  };
  add("column_max", "y[j] = max(i) x[i, j]", "ONNX ReduceMax", PickType(), nullptr,
      "y[j] = max(i) x[i, j]");
  add("column_mean", "y[j] = sum(i) x[i, j] / rows", "ONNX ReduceMean", FloatType(),
      DeriveColumnMean, "$equations");
  add("column_min", "y[j] = min(i) x[i, j]", "ONNX ReduceMin", PickType(), nullptr,
      "y[j] = min(i) x[i, j]");
  add("column_sum", "y[j] = sum(i) x[i, j]", "ONNX ReduceSum", FloatType(), DeriveColumnSum,
      "$equations");
  add("row_max", "y[i] = max(j) x[i, j]", "ONNX ReduceMax", PickType(), nullptr,
      "y[i] = max(j) x[i, j]");
  add("row_mean", "y[i] = sum(j) x[i, j] / columns", "ONNX ReduceMean", FloatType(), DeriveRowMean,
      "$equations");
  add("row_min", "y[i] = min(j) x[i, j]", "ONNX ReduceMin", PickType(), nullptr,
      "y[i] = min(j) x[i, j]");
  add("row_sum", "y[i] = sum(j) x[i, j]", "ONNX ReduceSum", FloatType(), DeriveRowSum,
      "$equations");
  operators.push_back(
      {{"row_mean_variance",
        "mean[i] = sum(j) x[i, j] / columns; variance[i] = sum(j) (x[i, j] - mean[i])^2 / columns",
        "x[rows, columns] -> mean[rows], variance[rows]",
        "in two passes: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 1.9",
        {rows, columns, FloatType()}},
       DeriveMeanVariance,
       "func row_mean_variance(x: $in[$rows, $columns]) -> (mean, variance) {\n"
       "  total[i] = sum(j) $acc(x[i, j])\n"
       "  $center = total[i] / $columns\n"
       "  squares[i] = sum(j) ($acc(x[i, j]) - $center) * ($acc(x[i, j]) - $center)\n"
       "  $mean\n"
       "  variance[i] = $result(squares[i] / $columns)\n"
       "}\n"});
  return operators;
}

}  // namespace lathe
