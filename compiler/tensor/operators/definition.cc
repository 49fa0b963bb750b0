#include "compiler/tensor/operators/definition.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"

namespace lathe {

bool Words::Has(std::string_view name) const { return words_.contains(name); }

const std::string& Words::Get(std::string_view name) const {
  auto it = words_.find(name);
  CHECK(it != words_.end()) << "there is no word " << name;
  return it->second;
}

int64_t Words::Number(std::string_view name) const {
  int64_t number = 0;
  CHECK(absl::SimpleAtoi(Get(name), &number)) << name << " is no number";
  return number;
}

void Words::Set(std::string_view name, std::string value) {
  CHECK(words_.emplace(std::string(name), std::move(value)).second) << name << " is set twice";
}

std::string Words::Fill(std::string_view text) const {
  std::string filled;
  while (true) {
    size_t dollar = text.find('$');
    filled += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return filled;
    size_t end = dollar + 1;
    while (end < text.size() && (absl::ascii_isalnum(text[end]) || text[end] == '_')) ++end;
    filled += Fill(Get(text.substr(dollar + 1, end - dollar - 1)));
    text.remove_prefix(end);
  }
}

}  // namespace lathe
