#include "compiler/tensor/operators.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/check.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/operators/definition.h"
#include "compiler/tensor/operators/types.h"
#include "compiler/tensor/rules.h"

namespace lathe {
namespace {

using Kind = OperatorParameter::Kind;

// All operators, by name.
const std::vector<OperatorDefinition>& Definitions() {
  static const auto& definitions = *[] {
    auto* all = new std::vector<OperatorDefinition>;
    for (auto family :
         {AttentionOperators, ConvolutionOperators, ElementwiseOperators, MatmulOperators,
          NormalizationOperators, PoolingOperators, ReductionOperators}) {
      std::vector<OperatorDefinition> operators = family();
      std::move(operators.begin(), operators.end(), std::back_inserter(*all));
    }
    std::sort(all->begin(), all->end(),
              [](const auto& a, const auto& b) { return a.op.name < b.op.name; });
    return all;
  }();
  return definitions;
}

std::string JoinWords(const OperatorParameter& parameter, const char* separator) {
  return absl::StrJoin(parameter.words, separator,
                       [](std::string* out, std::string_view word) { out->append(word); });
}

absl::StatusOr<const OperatorDefinition*> FindDefinition(std::string_view name) {
  std::vector<std::string> names;
  for (const OperatorDefinition& definition : Definitions()) {
    if (definition.op.name == name) return &definition;
    names.emplace_back(definition.op.name);
  }
  return absl::NotFoundError(absl::StrCat("there is no operator '", ToAbsl(name), "'",
                                          DidYouMean(name, names), "; operators are ",
                                          absl::StrJoin(names, ", ")));
}

absl::Status Wrong(const Operator& op, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("operator ", ToAbsl(op.name), ": ", what, "; expected ", Signature(op)));
}

// `text` as the parameter's value in its plainest form, or what is wrong with it.
absl::StatusOr<std::string> Value(const OperatorParameter& parameter, std::string text) {
  auto wrong = [&](const std::string& what) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToAbsl(parameter.name), " is ", text, ", but must be ", what));
  };
  if (parameter.kind == Kind::kWord) {
    for (std::string_view word : parameter.words) {
      if (word == text) return text;
    }
    return wrong(absl::StrCat("one of ", JoinWords(parameter, ", ")));
  }
  if (parameter.kind == Kind::kReal) {
    double number = 0;
    bool is_number = absl::SimpleAtod(text, &number) && number >= 0 && number <= 1e300;
    if (!is_number) return wrong("a number, zero or more");
    return absl::StrCat(absl::StripAsciiWhitespace(text));
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToAbsl(parameter.name), " is '", text, "', which is no 64-bit integer"));
  }
  if (parameter.kind == Kind::kFlag && number != 0 && number != 1) return wrong("0 or 1");
  if (parameter.kind == Kind::kExtent && number <= 0) return wrong("positive");
  if (parameter.kind == Kind::kCount && number < 0) return wrong("zero or more");
  if (number > kMaxElements) return wrong("at most 2^40");
  return absl::StrCat(number);
}

// Sets the parameter that `setting` ("m=512") names.
absl::Status Assign(const Operator& op, const std::string& setting, Words& words) {
  std::vector<std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
  if (parts.size() != 2) return Wrong(op, absl::StrCat("'", setting, "' is not NAME=VALUE"));
  std::string name(absl::StripAsciiWhitespace(parts[0]));
  auto parameter = std::find_if(op.parameters.begin(), op.parameters.end(),
                                [&](const OperatorParameter& p) { return p.name == name; });
  if (parameter == op.parameters.end()) {
    return Wrong(op, absl::StrCat("there is no parameter '", name, "'"));
  }
  if (words.Has(name)) return Wrong(op, absl::StrCat(name, " is given twice"));
  absl::StatusOr<std::string> value =
      Value(*parameter, std::string(absl::StripAsciiWhitespace(parts[1])));
  if (!value.ok()) return Wrong(op, value.status().message());
  words.Set(name, *std::move(value));
  return absl::OkStatus();
}

// The words that `arguments` ("m=512, n=8") gives, and the other parameters' defaults.
absl::StatusOr<Words> ParseArguments(const Operator& op, absl::string_view arguments) {
  Words words;
  if (!absl::StripAsciiWhitespace(arguments).empty()) {
    for (absl::string_view setting : absl::StrSplit(arguments, ',')) {
      RETURN_IF_ERROR(Assign(op, std::string(setting), words));
    }
  }
  for (const OperatorParameter& parameter : op.parameters) {
    if (words.Has(parameter.name)) continue;
    if (parameter.required()) {
      return Wrong(op, absl::StrCat(ToAbsl(parameter.name), " is missing"));
    }
    words.Set(parameter.name, std::string(parameter.default_value));
  }
  return words;
}

}  // namespace

absl::Span<const Operator> Operators() {
  static const auto& operators = *[] {
    auto* all = new std::vector<Operator>;
    for (const OperatorDefinition& definition : Definitions()) all->push_back(definition.op);
    return all;
  }();
  return operators;
}

absl::StatusOr<const Operator*> FindOperator(std::string_view name) {
  ASSIGN_OR_RETURN(const OperatorDefinition* definition, FindDefinition(name));
  return &definition->op;
}

std::string Signature(const Operator& op) {
  auto append = [](std::string* out, const OperatorParameter& parameter) {
    absl::StrAppend(out, ToAbsl(parameter.name), "=",
                    parameter.required()            ? "..."
                    : parameter.kind == Kind::kWord ? JoinWords(parameter, "|")
                                                    : std::string(parameter.default_value));
  };
  return absl::StrCat(ToAbsl(op.name), "(", absl::StrJoin(op.parameters, ", ", append), ")");
}

absl::StatusOr<Function> BuildOperator(std::string_view spec) {
  absl::string_view text = absl::StripAsciiWhitespace(ToAbsl(spec));
  size_t open = text.find('(');
  std::string name(absl::StripAsciiWhitespace(text.substr(0, open)));
  ASSIGN_OR_RETURN(const OperatorDefinition* definition, FindDefinition(name));
  const Operator& op = definition->op;
  absl::string_view arguments;
  if (open != absl::string_view::npos) {
    if (text.back() != ')') return Wrong(op, "a ')' is missing at the end");
    arguments = text.substr(open + 1, text.size() - open - 2);
  }
  ASSIGN_OR_RETURN(Words words, ParseArguments(op, arguments));
  SetTypes(words);
  if (definition->derive) {
    absl::Status derived = definition->derive(words);
    if (!derived.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("operator ", name, ": ", derived.message()));
    }
  }
  std::string function = absl::StrCat("lathe 1\n", words.Fill(definition->text));
  return ParseFunction(function, absl::StrCat("op:", name));
}

Function Matmul(int64_t m, int64_t n, int64_t k, bool const_b) {
  absl::StatusOr<Function> matmul = BuildOperator(
      absl::StrCat("matmul(m=", m, ",n=", n, ",k=", k, ",const_b=", const_b ? 1 : 0, ")"));
  CHECK(matmul.ok()) << matmul.status();
  return *std::move(matmul);
}

}  // namespace lathe
