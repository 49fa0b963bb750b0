// lathe ops: the operator library.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/command.h"
#include "cli/output.h"
#include "compiler/tensor/operators.h"

namespace lathe::cli {
namespace {

Json ToJson(const Operator& op) {
  Json parameters = Json::array();
  for (const OperatorParameter& parameter : op.parameters) {
    Json entry = {{"name", parameter.name}, {"help", parameter.help}};
    if (parameter.required) {
      entry["required"] = true;
    } else {
      entry["default"] = parameter.default_value;
    }
    parameters.push_back(std::move(entry));
  }
  return {{"name", op.name}, {"summary", op.summary}, {"parameters", std::move(parameters)}};
}

std::string ToLine(const Operator& op) {
  std::string signature = absl::StrCat("op:", std::string(op.name), "(");
  std::string separator;
  for (const OperatorParameter& parameter : op.parameters) {
    absl::StrAppend(&signature, separator, std::string(parameter.name));
    if (!parameter.required) absl::StrAppend(&signature, "=", parameter.default_value);
    separator = ", ";
  }
  return absl::StrCat(signature, ")\n    ", std::string(op.summary), "\n");
}

absl::StatusOr<ExitCode> Ops(bool json) {
  if (json) {
    Json list = Json::array();
    for (const Operator& op : Operators()) list.push_back(ToJson(op));
    PrintJson(list);
  } else {
    for (const Operator& op : Operators()) Print(ToLine(op));
  }
  return kSuccess;
}

}  // namespace

Action AddOps(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "Print JSON");
  return [json] { return Ops(*json); };
}

}  // namespace lathe::cli
