// lathe ops: the operator library.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/command.h"
#include "cli/output.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/operators.h"

namespace lathe::cli {
namespace {

using Kind = OperatorParameter::Kind;

constexpr size_t kColumns = 100;

std::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kExtent:
      return "extent";
    case Kind::kCount:
      return "count";
    case Kind::kFlag:
      return "flag";
    case Kind::kReal:
      return "real";
    case Kind::kWord:
      return "word";
  }
  return "";
}

Json DefaultOf(const OperatorParameter& parameter) {
  double number = 0;
  int64_t integer = 0;
  if (absl::SimpleAtoi(ToAbsl(parameter.default_value), &integer)) return integer;
  if (absl::SimpleAtod(ToAbsl(parameter.default_value), &number)) return number;
  return parameter.default_value;
}

Json ToJson(const Operator& op) {
  Json parameters = Json::array();
  for (const OperatorParameter& parameter : op.parameters) {
    Json entry = {
        {"name", parameter.name}, {"help", parameter.help}, {"kind", Name(parameter.kind)}};
    if (parameter.required()) {
      entry["required"] = true;
    } else {
      entry["default"] = DefaultOf(parameter);
    }
    if (!parameter.words.empty()) {
      entry["words"] = std::vector<std::string>(parameter.words.begin(), parameter.words.end());
    }
    parameters.push_back(std::move(entry));
  }
  return {{"name", op.name},
          {"summary", op.summary},
          {"shapes", op.shapes},
          {"source", op.source},
          {"parameters", std::move(parameters)}};
}

// `text` in lines of at most kColumns, broken at spaces: the first indented by
// `first`, the others by `more`.
std::string Wrap(std::string_view text, size_t first, size_t more) {
  std::string wrapped;
  size_t indent = first;
  while (text.size() > kColumns - indent) {
    size_t space = text.rfind(' ', kColumns - indent);
    if (space == std::string_view::npos) break;
    absl::StrAppend(&wrapped, std::string(indent, ' '), ToAbsl(text.substr(0, space)), "\n");
    text.remove_prefix(space + 1);
    indent = more;
  }
  return absl::StrCat(wrapped, std::string(indent, ' '), ToAbsl(text), "\n");
}

std::string Summary(const Operator& op) {
  return absl::StrCat(Wrap("op:" + Signature(op), 0, 8), Wrap(op.summary, 4, 8));
}

std::string Details(const Operator& op) {
  std::string text = Summary(op);
  absl::StrAppend(&text, Wrap(op.shapes, 4, 8), Wrap(op.source, 4, 8), "\n");
  for (const OperatorParameter& parameter : op.parameters) {
    std::string line =
        absl::StrFormat("%-10s %s", std::string(parameter.name), std::string(parameter.help));
    if (!parameter.required()) {
      absl::StrAppend(&line, " (default ", ToAbsl(parameter.default_value), ")");
    }
    absl::StrAppend(&text, Wrap(line, 4, 15));
  }
  return text;
}

absl::StatusOr<ExitCode> OneOperator(const std::string& name, bool json) {
  ASSIGN_OR_RETURN(const Operator* op, FindOperator(name));
  if (json) {
    PrintJson(ToJson(*op));
  } else {
    Print(Details(*op));
  }
  return kSuccess;
}

absl::StatusOr<ExitCode> AllOperators(bool json) {
  Json list = Json::array();
  for (const Operator& op : Operators()) {
    if (json) {
      list.push_back(ToJson(op));
    } else {
      Print(Summary(op));
    }
  }
  if (json) PrintJson(list);
  return kSuccess;
}

}  // namespace

Action AddOps(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  app.add_option("name", *name, "Show this operator with its parameters");
  app.add_flag("--json", *json, "Print JSON");
  return [name, json] { return name->empty() ? AllOperators(*json) : OneOperator(*name, *json); };
}

}  // namespace lathe::cli
