#include "bench/operator_call.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/operators.h"

namespace lathe {

absl::StatusOr<OperatorCall> ParseOperatorCall(std::string_view spec) {
  RETURN_IF_ERROR(BuildOperator(spec).status());  // knows the grammar and every error
  const std::string text(absl::StripAsciiWhitespace(ToAbsl(spec)));
  const size_t open = text.find('(');
  OperatorCall call;
  call.name = std::string(absl::StripAsciiWhitespace(text.substr(0, open)));
  ASSIGN_OR_RETURN(const Operator* op, FindOperator(call.name));
  for (const OperatorParameter& parameter : op->parameters) {
    call.parameters.emplace_back(parameter.name, parameter.default_value);
  }
  if (open == std::string::npos) return call;
  const std::string list = text.substr(open + 1, text.size() - open - 2);
  for (const std::string& setting :
       std::vector<std::string>(absl::StrSplit(list, ',', absl::SkipWhitespace()))) {
    const std::vector<std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
    const std::string name(absl::StripAsciiWhitespace(parts[0]));
    for (auto& [parameter, value] : call.parameters) {
      if (parameter == name) value = std::string(absl::StripAsciiWhitespace(parts[1]));
    }
  }
  return call;
}

absl::StatusOr<OperatorCall> OperatorCallOf(const Function& function, std::string_view spec) {
  ASSIGN_OR_RETURN(Function candidate, BuildOperator(spec));
  if (CanonicalKey(candidate).text != CanonicalKey(function).text) {
    return absl::InvalidArgumentError(
        absl::StrCat(function.name, " is not what op:", std::string(spec),
                     " computes; lathe show op:", std::string(spec), " prints that"));
  }
  return ParseOperatorCall(spec);
}

}  // namespace lathe
