// What expressions in the text of a loop program may name. Internal to the parser.
#ifndef LATHE_COMPILER_LOOP_PROGRAM_ENVIRONMENT_H_
#define LATHE_COMPILER_LOOP_PROGRAM_ENVIRONMENT_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/loop/program.h"
#include "compiler/tensor/typing.h"

namespace lathe {

// Buffers, and the loops around; `program` may still grow.
class ProgramEnvironment : public ExprEnvironment {
 public:
  explicit ProgramEnvironment(const Program& program) : program_(program) {}

  bool HasVariable(std::string_view name) const {
    return std::find(variables_.begin(), variables_.end(), name) != variables_.end();
  }
  void Enter(std::string name) { variables_.push_back(std::move(name)); }
  void Leave() { variables_.pop_back(); }

  absl::StatusOr<ScalarType> TypeOf(std::string_view tensor) const override {
    if (const Buffer* buffer = program_.FindBuffer(tensor)) return buffer->type;
    std::vector<std::string> names;
    for (const Buffer& buffer : program_.buffers) names.push_back(buffer.name);
    return absl::InvalidArgumentError(
        absl::StrCat("there is no buffer '", ToAbsl(tensor), "'", DidYouMean(tensor, names)));
  }
  absl::Status CheckVariable(std::string_view name) const override {
    if (HasVariable(name)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("no loop around here is named '", ToAbsl(name),
                                                   "'", DidYouMean(name, variables_)));
  }
  absl::Status CheckRead(const Read& read) const override {
    return CheckRank(read.buffer, read.indices.size());
  }
  absl::Status CheckSubscript(const Read&, size_t) const override { return absl::OkStatus(); }
  absl::StatusOr<Axis> EnterAxis(const SyntaxAxis&) override {
    return absl::InvalidArgumentError("a reduction is a stage of its own in a loop program");
  }
  void LeaveAxis(const Axis&) override {}
  bool IsLoopProgram() const override { return true; }

  absl::Status CheckRank(std::string_view name, size_t rank) const {
    const Buffer& buffer = *program_.FindBuffer(name);
    if (buffer.shape.size() == rank) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(buffer.name, " has ", buffer.shape.size(), " dimensions, not ", rank));
  }

 private:
  const Program& program_;
  std::vector<std::string> variables_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_PROGRAM_ENVIRONMENT_H_
