// Any bytes either give an error, or a loop program whose text parses back to
// the same text; the verifier accepts or refuses it, but does not fall over.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "compiler/base/check.h"
#include "compiler/loop/program.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto program = lathe::ParseProgram(text, "fuzz.loop");
  if (!program.ok()) {
    CHECK(program.status().code() == absl::StatusCode::kInvalidArgument);
    return 0;
  }
  std::string printed = lathe::ToText(*program);
  auto again = lathe::ParseProgram(printed, "printed.loop");
  CHECK(again.ok()) << again.status().message() << "\n" << printed;
  CHECK(lathe::ToText(*again) == printed) << printed;
  absl::Status verified = lathe::Verify(*program);
  CHECK(verified.ok() || verified.code() == absl::StatusCode::kFailedPrecondition) << verified;
  lathe::Simplify(program->body);
  return 0;
}
