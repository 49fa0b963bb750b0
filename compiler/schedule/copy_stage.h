// A new stage that copies a buffer into another layout, for its readers. Shared
// by pack and pad. Internal to compiler/schedule.
#ifndef LATHE_COMPILER_SCHEDULE_COPY_STAGE_H_
#define LATHE_COMPILER_SCHEDULE_COPY_STAGE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"
#include "compiler/loop/simplify.h"

namespace lathe::schedule {

class CopyStage {
 public:
  // The stage, its buffer (in workspace) and the prefix of its loops: `name`.
  CopyStage(const Buffer& source, std::string name) : source_(source), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  // Axes from the outermost; the loop variable of the axis.
  Expr AddAxis(Axis axis);
  // Each element is source[indices], and `otherwise` outside of the source.
  void SetSource(std::vector<Expr> indices, Expr otherwise);

  // Puts the stage at the root before the first nest that reads the source, and
  // replaces each read of the source by `replace(read, bounds)`, if not null.
  // Refuses when the source is not complete there, or nothing reads it.
  using ReplaceFn = std::function<Expr(const Read& read, const Bounds& bounds)>;
  absl::StatusOr<Program> Insert(const Program& program, const std::string& action,
                                 const ReplaceFn& replace) const;

 private:
  Stmt Nest() const;

  const Buffer& source_;
  const std::string name_;
  std::vector<Axis> axes_;
  Expr value_;
};

}  // namespace lathe::schedule

#endif  // LATHE_COMPILER_SCHEDULE_COPY_STAGE_H_
