#include "compiler/tensor/operators.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/operator_builders.h"

namespace lathe {
namespace {

// An operator and what builds it from its parameters, in order.
struct Entry {
  Operator op;
  Function (*build)(const std::vector<int64_t>& values);
};

OperatorParameter Required(std::string_view name, std::string_view help) {
  return {name, help, 0, true};
}
OperatorParameter Flag(std::string_view name, std::string_view help) {
  return {name, help, 0, false};
}

const OperatorParameter kRows = Required("rows", "rows");
const OperatorParameter kColumns = Required("columns", "columns");

// Extents come without a default; parameters with one are flags, 0 or 1.
const std::vector<Entry>& Entries() {
  using Values = const std::vector<int64_t>&;
  static const auto& entries = *new std::vector<Entry>{
      {{"add", "y = a + b, elementwise", {kRows, kColumns}},
       [](Values v) { return Add(v[0], v[1]); }},
      {{"gelu", "y = x * (1 + erf(x / sqrt(2))) / 2", {kRows, kColumns}},
       [](Values v) { return Gelu(v[0], v[1]); }},
      {{"linear_relu",
        "y = max(x w + b, 0), with const weights",
        {{"m", "rows of x", 1, false},
         {"k", "columns of x", 3072, false},
         {"n", "columns of y", 200, false}}},
       [](Values v) { return LinearRelu(v[0], v[1], v[2]); }},
      {{"matmul",
        "C = A B",
        {Required("m", "rows of A"), Required("n", "columns of B"), Required("k", "columns of A"),
         Flag("const_b", "1: B is known before the call"), Flag("bias", "1: adds a row vector"),
         Flag("relu", "1: max(..., 0) at the end")}},
       [](Values v) {
         return MatmulWithEpilogue(v[0], v[1], v[2], v[3] != 0, v[4] != 0, v[5] != 0);
       }},
      {{"relu", "y = max(x, 0)", {kRows, kColumns}}, [](Values v) { return Relu(v[0], v[1]); }},
      {{"row_mean_variance", "mean and variance of every row", {kRows, kColumns}},
       [](Values v) { return RowMeanVariance(v[0], v[1]); }},
      {{"row_sum", "the sum of every row", {kRows, kColumns}},
       [](Values v) { return RowSum(v[0], v[1]); }},
      {{"softmax", "exp(x - max) / sum, of every row", {kRows, kColumns}},
       [](Values v) { return Softmax(v[0], v[1]); }},
      {{"transpose", "y[j, i] = x[i, j]", {kRows, kColumns}},
       [](Values v) { return Transpose(v[0], v[1]); }},
  };
  return entries;
}

std::string Signature(const Operator& op) {
  return absl::StrCat(ToAbsl(op.name), "(",
                      absl::StrJoin(op.parameters, ", ",
                                    [](std::string* out, const OperatorParameter& parameter) {
                                      absl::StrAppend(out, ToAbsl(parameter.name), "=",
                                                      parameter.required
                                                          ? "..."
                                                          : absl::StrCat(parameter.default_value));
                                    }),
                      ")");
}

absl::StatusOr<const Entry*> FindEntry(const std::string& name) {
  std::vector<std::string> names, signatures;
  for (const Entry& entry : Entries()) {
    if (entry.op.name == name) return &entry;
    names.emplace_back(entry.op.name);
    signatures.push_back(Signature(entry.op));
  }
  return absl::NotFoundError(absl::StrCat("there is no operator '", name, "'",
                                          DidYouMean(name, names), "; operators are\n  ",
                                          absl::StrJoin(signatures, "\n  ")));
}

absl::Status Wrong(const Operator& op, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("operator ", ToAbsl(op.name), ": ", what, "; expected ", Signature(op)));
}

// Sets the parameter that `setting` ("m=512") names.
absl::Status Assign(const Operator& op, const std::string& setting,
                    std::vector<std::optional<int64_t>>& values) {
  std::vector<std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
  if (parts.size() != 2) return Wrong(op, absl::StrCat("'", setting, "' is not NAME=VALUE"));
  std::string name(absl::StripAsciiWhitespace(parts[0]));
  auto it = std::find_if(op.parameters.begin(), op.parameters.end(),
                         [&](const OperatorParameter& p) { return p.name == name; });
  if (it == op.parameters.end()) {
    return Wrong(op, absl::StrCat("there is no parameter '", name, "'"));
  }
  std::optional<int64_t>& value = values[it - op.parameters.begin()];
  if (value) return Wrong(op, absl::StrCat(name, " is given twice"));
  int64_t number = 0;
  if (!absl::SimpleAtoi(parts[1], &number)) {
    return Wrong(op, absl::StrCat(name, " is '", parts[1], "', which is no 64-bit integer"));
  }
  bool is_flag = !it->required && it->default_value == 0;
  if (is_flag && number != 0 && number != 1) {
    return Wrong(op, absl::StrCat(name, " is ", number, ", but must be 0 or 1"));
  }
  if (!is_flag && number <= 0) {
    return Wrong(op, absl::StrCat(name, " is ", number, ", but must be positive"));
  }
  value = number;
  return absl::OkStatus();
}

}  // namespace

absl::Span<const Operator> Operators() {
  static const auto& operators = *[] {
    auto* all = new std::vector<Operator>;
    for (const Entry& entry : Entries()) all->push_back(entry.op);
    return all;
  }();
  return operators;
}

absl::StatusOr<Function> BuildOperator(std::string_view spec) {
  std::string text(absl::StripAsciiWhitespace(ToAbsl(spec)));
  size_t open = text.find('(');
  std::string name(absl::StripAsciiWhitespace(text.substr(0, open)));
  ASSIGN_OR_RETURN(const Entry* entry, FindEntry(name));
  const Operator& op = entry->op;
  std::vector<std::optional<int64_t>> given(op.parameters.size());
  if (open != std::string::npos) {
    if (text.back() != ')') return Wrong(op, "a ')' is missing at the end");
    std::string list = text.substr(open + 1, text.size() - open - 2);
    if (!absl::StripAsciiWhitespace(list).empty()) {
      for (absl::string_view setting : absl::StrSplit(list, ',')) {
        RETURN_IF_ERROR(Assign(op, std::string(setting), given));
      }
    }
  }
  std::vector<int64_t> values;
  for (size_t i = 0; i < given.size(); ++i) {
    const OperatorParameter& parameter = op.parameters[i];
    if (parameter.required && !given[i]) {
      return Wrong(op, absl::StrCat(std::string(parameter.name), " is missing"));
    }
    values.push_back(given[i].value_or(parameter.default_value));
  }
  Function function = entry->build(values);
  absl::Status status = CheckFunction(function);
  if (!status.ok()) return Wrong(op, std::string(status.message()));
  return function;
}

}  // namespace lathe
