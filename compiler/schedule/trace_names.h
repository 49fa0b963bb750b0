// Traces in an author's names and in canonical names. A trace names loops
// STAGE.AXIS of the naive program, so it fits one spelling of a function;
// databases hold traces of the canonical spelling (Canonicalize).
#ifndef LATHE_COMPILER_SCHEDULE_TRACE_NAMES_H_
#define LATHE_COMPILER_SCHEDULE_TRACE_NAMES_H_

#include "absl/status/statusor.h"
#include "compiler/schedule/trace.h"
#include "compiler/tensor/function.h"

namespace lathe {

class TraceNames {
 public:
  TraceNames() = default;  // of no function: every name stays
  // For `function` as its author wrote it; errors are BuildNaive's.
  static absl::StatusOr<TraceNames> Of(const Function& function);

  // The same steps in the other names. Names that a trace gives itself keep
  // what is not the name of a stage or an axis. Unknown names stay as they are.
  Trace ToCanonical(const Trace& trace) const { return Rename(trace, to_canonical_); }
  Trace ToAuthor(const Trace& trace) const { return Rename(trace, to_author_); }

 private:
  struct StageNames {
    std::string name;  // in the other names
    Renaming axes;
  };
  using Dictionary = absl::flat_hash_map<std::string, StageNames>;  // by stage

  static Trace Rename(const Trace& trace, Dictionary stages);
  static std::string RenameOne(const std::string& name, bool is_stage, const Dictionary& stages);

  Dictionary to_canonical_, to_author_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_SCHEDULE_TRACE_NAMES_H_
