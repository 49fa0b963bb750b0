// The table of primitives that traces may name. Internal to compiler/schedule.
#ifndef LATHE_COMPILER_SCHEDULE_REGISTRY_H_
#define LATHE_COMPILER_SCHEDULE_REGISTRY_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "compiler/loop/program.h"
#include "compiler/schedule/trace.h"

namespace lathe::schedule {

struct Primitive {
  std::string_view name;
  // What a step of this version does to a program never changes: a change of
  // meaning takes the next number, and the old one stays as long as it can.
  int version;
  std::string_view usage;  // "OUTER, INNER = split(LOOP, FACTOR)"
  // Checks the step's results and arguments, then applies it.
  absl::StatusOr<Program> (*apply)(const Program& program, const TraceStep& step);
};

// In alphabetical order of names.
absl::Span<const Primitive> Primitives();

// The primitive of a step; an error lists what is known.
absl::StatusOr<const Primitive*> FindPrimitive(const TraceStep& step);

}  // namespace lathe::schedule

#endif  // LATHE_COMPILER_SCHEDULE_REGISTRY_H_
