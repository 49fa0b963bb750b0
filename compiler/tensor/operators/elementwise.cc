// Functions of single elements, alone and in chains, and transposition.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/epilogue.h"
#include "compiler/tensor/operators/types.h"

namespace lathe {
namespace {

// Operands x, a and b are matrices, the others one row for all of x's.
struct Elementwise {
  std::string_view name, summary, source;
  std::vector<std::string_view> operands;
  std::string value;  // $x is an element of x in the type of computation
};

std::vector<Elementwise> Rows() {
  return {
      {"add", "y = a + b", "ONNX Add", {"a", "b"}, "$a + $b"},
      {"add_relu", "y = max(a + b, 0)", "ONNX Add, Relu", {"a", "b"}, "max($a + $b, 0)"},
      {"bias_add", "y[i, j] = x[i, j] + bias[j]", "ONNX Add", {"x", "bias"}, "$x + $bias"},
      {"bias_gelu",
       "y[i, j] = gelu(x[i, j] + bias[j])",
       "ONNX Add, Gelu",
       {"x", "bias"},
       GeluText("($x + $bias)")},
      {"bias_relu",
       "y[i, j] = max(x[i, j] + bias[j], 0)",
       "ONNX Add, Relu",
       {"x", "bias"},
       "max($x + $bias, 0)"},
      {"gelu",
       "y = x * (1 + erf(x / sqrt(2))) / 2",
       "Hendrycks, Gimpel, Gaussian Error Linear Units, 2016, arXiv:1606.08415; ONNX Gelu",
       {"x"},
       GeluText("$x")},
      {"gelu_tanh",
       "y = x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2",
       "as gelu; ONNX Gelu, approximate=tanh",
       {"x"},
       "0.5 * $x * (1 + tanh(0.7978845608028654 * ($x + 0.044715 * $x * $x * $x)))"},
      {"hard_swish",
       "y = x * max(0, min(1, x / 6 + 1 / 2))",
       "Howard et al., Searching for MobileNetV3, 2019, arXiv:1905.02244; ONNX HardSwish",
       {"x"},
       "$x * max(min($x / 6 + 0.5, 1), 0)"},
      {"mul", "y = a * b", "ONNX Mul", {"a", "b"}, "$a * $b"},
      {"relu", "y = max(x, 0)", "ONNX Relu", {"x"}, "max($x, 0)"},
      {"scale_shift",
       "y[i, j] = x[i, j] * scale[j] + shift[j]: batch normalisation at inference",
       "ONNX BatchNormalization",
       {"x", "scale", "shift"},
       "$x * $scale + $shift"},
      {"sigmoid", "y = 1 / (1 + exp(-x))", "ONNX Sigmoid", {"x"}, "sigmoid($x)"},
      {"silu",
       "y = x * sigmoid(x)",
       "Hendrycks, Gimpel, as gelu; ONNX Swish",
       {"x"},
       "$x * sigmoid($x)"},
      {"sub", "y = a - b", "ONNX Sub", {"a", "b"}, "$a - $b"},
      {"tanh", "y = tanh(x)", "ONNX Tanh", {"x"}, "tanh($x)"},
  };
}

// Sets $x to an element of x, and so for all operands.
absl::Status DeriveElements(Words& words) {
  for (const char* matrix : {"a", "b", "x"}) {
    words.Set(matrix, absl::StrCat("$acc(", matrix, "[i, j])"));
  }
  for (const char* row : {"bias", "scale", "shift"}) {
    words.Set(row, absl::StrCat("$acc(", row, "[j])"));
  }
  return absl::OkStatus();
}

// The operands, each followed by its shape: `matrix` or `vector`.
std::string Operands(const Elementwise& row, absl::string_view matrix, absl::string_view vector) {
  auto append = [&](std::string* out, std::string_view operand) {
    absl::StrAppend(out, ToAbsl(operand), operand.size() == 1 ? matrix : vector);
  };
  return absl::StrJoin(row.operands, ", ", append);
}

std::string Shapes(const Elementwise& row) {
  return absl::StrCat(Operands(row, "[rows, columns]", "[columns]"), " -> y[rows, columns]");
}

std::string Text(const Elementwise& row) {
  return absl::StrCat("func ", ToAbsl(row.name), "(",
                      Operands(row, ": $in[$rows, $columns]", ": $in[$columns]"), ") -> (y) {\n",
                      "  y[i, j] = $result(", row.value, ")\n", "}\n");
}

}  // namespace

std::vector<OperatorDefinition> ElementwiseOperators() {
  constexpr OperatorParameter rows = {"rows", "rows"}, columns = {"columns", "columns"};
  std::vector<OperatorDefinition> operators;
  for (const Elementwise& row : Rows()) {
    operators.push_back(
        {{row.name, row.summary, Shapes(row), row.source, {rows, columns, FloatType()}},
         DeriveElements,
         Text(row)});
  }
  operators.push_back({{"transpose",
                        "y[j, i] = x[i, j]",
                        "x[rows, columns] -> y[columns, rows]",
                        "ONNX Transpose",
                        {rows, columns, AnyType()}},
                       nullptr,
                       "func transpose(x: $in[$rows, $columns]) -> (y) {\n"
                       "  y[j, i] = x[i, j]\n"
                       "}\n"});
  return operators;
}

}  // namespace lathe
