// Traces: parsing never crashes, what parses prints and parses back, and what
// replays verifies. The first byte chooses the function.

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/base/check.h"
#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

const char* const kFunctions[] = {
    "lathe 1\n"
    "func linear_relu(x: f32[3, 7], w: const f32[7, 20], b: f32[20]) -> (y) {\n"
    "  t[i, j] = sum(k) x[i, k] * w[k, j]\n"
    "  y[i, j] = max(t[i, j] + b[j], 0)\n"
    "}\n",
    "lathe 1\n"
    "func mean_and_variance(x: f32[4, 8]) -> (mean, var) {\n"
    "  mean[i] = sum(j) x[i, j] * 0.125\n"
    "  d[i, j] = x[i, j] - mean[i]\n"
    "  var[i] = sum(j) d[i, j] * d[i, j]\n"
    "}\n",
    "lathe 1\n"
    "func stencil(x: f32[6, 13]) -> (y) {\n"
    "  s[i, j] = (x[i, j - 1] else 0) + x[i, j] + (x[i, j + 1] else 0)\n"
    "  y[j, i] = s[i, j] * 2\n"
    "}\n",
};

std::vector<Program> NaivePrograms() {
  std::vector<Program> programs;
  for (const char* text : kFunctions) {
    absl::StatusOr<Function> function = ParseFunction(text, "fuzz.tfn");
    CHECK(function.ok()) << function.status();
    programs.push_back(*BuildNaive(*function));
  }
  return programs;
}

}  // namespace
}  // namespace lathe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<lathe::Program>& programs =
      *new std::vector<lathe::Program>(lathe::NaivePrograms());
  if (size == 0) return 0;
  const lathe::Program& program = programs[data[0] % programs.size()];
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  absl::StatusOr<lathe::Trace> trace = lathe::ParseTrace(text, "fuzz.trace");
  if (!trace.ok()) return 0;
  absl::StatusOr<lathe::Trace> again = lathe::ParseTrace(lathe::ToText(*trace), "again.trace");
  CHECK(again.ok() && *again == *trace) << again.status();
  absl::StatusOr<lathe::Program> scheduled = lathe::Replay(program, *trace);
  // A primitive or the verifier refuses with InvalidArgument; another code is a bug.
  CHECK(scheduled.ok() || scheduled.status().code() == absl::StatusCode::kInvalidArgument)
      << scheduled.status();
  return 0;
}
