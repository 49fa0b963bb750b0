// Replay: a trace applied to a program, all of it or nothing.

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/lower.h"
#include "compiler/loop/packed.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/registry.h"
#include "compiler/schedule/trace.h"

namespace lathe {
namespace {

#ifdef NDEBUG
constexpr bool kVerifyEveryStep = false;
#else
constexpr bool kVerifyEveryStep = true;
#endif

absl::StatusOr<Program> ApplyStep(const Program& program, const TraceStep& step) {
  ASSIGN_OR_RETURN(const schedule::Primitive* primitive, schedule::FindPrimitive(step));
  return primitive->apply(program, step);
}

// "step 3 (line 4): split(t.i, 0): " before the reason.
absl::Status AtStep(const Trace& trace, size_t index, const absl::Status& reason) {
  const TraceStep& step = trace.steps[index];
  std::string line = step.line > 0 ? absl::StrCat(" (line ", step.line, ")") : "";
  return absl::Status(reason.code(), absl::StrCat("step ", index + 1, line, ": ", CallText(step),
                                                  ": ", reason.message()));
}

// A program that breaks a rule is the trace's fault.
absl::Status IllegalAt(const Trace& trace, size_t index, const absl::Status& broken) {
  return AtStep(trace, index, absl::InvalidArgumentError(broken.message()));
}

// Rules that later steps cannot repair are checked after each step; the others
// at the end, as the whole check is dear.
absl::Status VerifyStep(const Program& program, bool last) {
  if (kVerifyEveryStep || last) return Verify(program);
  return HasPacked(program) ? CheckPacked(program) : absl::OkStatus();
}

// Replays once more, with the whole check after every step: the last one need
// not be the one that broke the rule.
absl::Status FirstBroken(Program program, const Trace& trace, const absl::Status& at_end) {
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    absl::StatusOr<Program> next = ApplyStep(program, trace.steps[i]);
    if (!next.ok()) break;
    program = *std::move(next);
    absl::Status verified = Verify(program);
    if (!verified.ok()) return IllegalAt(trace, i, verified);
  }
  return IllegalAt(trace, trace.steps.size() - 1, at_end);
}

}  // namespace

absl::StatusOr<Program> Replay(const Program& program, const Trace& trace) {
  if (program.lowered) {
    return absl::InvalidArgumentError("a lowered program cannot be scheduled");
  }
  Program current = program;
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    absl::StatusOr<Program> next = ApplyStep(current, trace.steps[i]);
    if (!next.ok()) return AtStep(trace, i, next.status());
    current = *std::move(next);
    bool last = i + 1 == trace.steps.size();
    absl::Status verified = VerifyStep(current, last);
    if (!verified.ok()) {
      return last ? FirstBroken(program, trace, verified) : IllegalAt(trace, i, verified);
    }
  }
  return current;
}

absl::StatusOr<Program> LowerWithTrace(const Function& function, const Trace& trace) {
  ASSIGN_OR_RETURN(Program naive, BuildNaive(function));
  ASSIGN_OR_RETURN(Program scheduled, Replay(naive, trace));
  return Lower(scheduled);
}

}  // namespace lathe
