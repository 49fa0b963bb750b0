// Traces: the list of primitives, with their decisions, that makes an
// implementation of a tensor function.
//
// Text:  lathe-trace 1
//        i.o, i.i = split(t.i, 12)     # results name the new loops
//        reorder(i.o, k, i.i)
//        tail(i.o, partition)
// A primitive of semantic version n > 1 is written NAME@n.
#ifndef LATHE_COMPILER_SCHEDULE_TRACE_H_
#define LATHE_COMPILER_SCHEDULE_TRACE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"

namespace lathe {

using TraceArgument = std::variant<std::string, int64_t>;  // a name or word; a number

struct TraceStep {
  std::string primitive;
  int version = 1;
  std::vector<std::string> results;
  std::vector<TraceArgument> arguments;
  int line = 0;  // of the text it came from; 0 if built in C++
  bool operator==(const TraceStep& other) const {
    return primitive == other.primitive && version == other.version && results == other.results &&
           arguments == other.arguments;
  }
};

struct Trace {
  std::vector<TraceStep> steps;
  bool operator==(const Trace&) const = default;
};

absl::StatusOr<Trace> ParseTrace(std::string_view text, std::string_view file_name);
std::string ToText(const Trace& trace);
// One step without its results, as in "split(t.i, 12)".
std::string CallText(const TraceStep& step);

// Applies every step to `program`, or none: an error names the step, its line
// and text, and the reason. Unknown primitives and versions are errors. In
// debug builds the verifier runs after every step, and always at the end.
absl::StatusOr<Program> Replay(const Program& program, const Trace& trace);

// Function -> naive -> replay -> lower: the program code generation takes.
absl::StatusOr<Program> LowerWithTrace(const Function& function, const Trace& trace);

}  // namespace lathe

#endif  // LATHE_COMPILER_SCHEDULE_TRACE_H_
