// Any bytes either give an error, or functions whose text parses back to the
// same text and the same key.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/base/check.h"
#include "compiler/tensor/function.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto functions = lathe::ParseFunctions(text, "fuzz.tfn");
  if (!functions.ok()) {
    CHECK(functions.status().code() == absl::StatusCode::kInvalidArgument);
    return 0;
  }
  for (const lathe::Function& function : *functions) {
    std::string printed = lathe::ToText(function);
    auto again = lathe::ParseFunction(printed, "printed.tfn");
    CHECK(again.ok()) << again.status().message() << "\n" << printed;
    CHECK(lathe::ToText(*again) == printed) << printed;
    lathe::FunctionKey key = lathe::CanonicalKey(function);
    CHECK(key.hash == lathe::CanonicalKey(*again).hash) << printed;
    auto canonical = lathe::ParseFunction(key.text, "key.tfn");
    CHECK(canonical.ok()) << canonical.status().message() << "\n" << key.text;
    CHECK(lathe::CanonicalKey(*canonical).text == key.text) << key.text;
    CHECK(lathe::FamilyKey(*canonical) == lathe::FamilyKey(function)) << key.text;
    lathe::CountWork(function);
  }
  return 0;
}
