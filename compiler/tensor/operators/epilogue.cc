#include "compiler/tensor/operators/epilogue.h"

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"

namespace lathe {

OperatorParameter Activation() {
  static constexpr std::string_view kActivations[] = {"none", "relu", "gelu"};
  return {"act", "what is applied at the end", OperatorParameter::Kind::kWord, "none",
          kActivations};
}

std::string GeluText(std::string_view v) {
  return absl::StrCat("0.5 * ", ToAbsl(v), " * (1 + erf(", ToAbsl(v), " * 0.7071067811865476))");
}

void SetEquations(Words& words, const Accumulation& a, std::string_view finish) {
  std::string indices(a.indices);
  std::string left(a.left.empty() ? a.indices : a.left);
  std::string result(a.result), sum(a.sum);
  if (finish == "$t" && words.Is("result", words.Get("acc"))) {
    words.Set("equations", absl::StrCat(result, "[", left, "] = ", sum));
    return;
  }
  words.Set("t", absl::StrCat(ToAbsl(a.partial), "[", indices, "]"));
  words.Set("equations", absl::StrCat(ToAbsl(a.partial), "[", left, "] = ", sum, "\n  ", result,
                                      "[", indices, "] = $result(", ToAbsl(finish), ")"));
}

absl::Status SetEquations(Words& words, const Accumulation& a) {
  bool bias = words.Has("bias") && words.Flag("bias");
  bool relu = words.Has("relu") && words.Flag("relu");
  bool gelu = false;
  if (words.Has("act")) {
    relu = words.Is("act", "relu");
    gelu = words.Is("act", "gelu");
  }
  if (gelu && words.Is("acc", "i32")) {
    return absl::InvalidArgumentError(
        absl::StrCat("act=gelu needs a floating type, not ", words.Get("type")));
  }
  std::string value = "$t";
  if (bias) value = absl::StrCat("$t + $acc(", ToAbsl(a.bias), ")");
  if (gelu) value = GeluText(bias ? absl::StrCat("(", value, ")") : value);
  if (relu) value = absl::StrCat("max(", value, ", 0)");
  SetEquations(words, a, value);
  return absl::OkStatus();
}

}  // namespace lathe
