#include "compiler/loop/lower.h"

#include <utility>

#include "compiler/base/status_macros.h"
#include "compiler/loop/packed.h"
#include "compiler/loop/passes/passes.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/verify.h"

namespace lathe {
namespace {

Program SimplifyProgram(const Program& program) {
  Program result = program;
  result.body = Simplify(program.body);
  return result;
}

}  // namespace

absl::StatusOr<Program> Lower(const Program& scheduled, const LowerOptions& options) {
  CHECK(!scheduled.lowered) << scheduled.name << " is lowered already";
  Program program = scheduled;
  auto run = [&](std::string_view name, absl::StatusOr<Program> result) -> absl::Status {
    if (!result.ok()) return std::move(result).status();
    program = *std::move(result);
    CHECK(static_cast<bool>(program.body)) << name << " left nothing of " << program.name;
    if (options.observer) options.observer(name, program);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(CheckPacked(program));
  RETURN_IF_ERROR(run("materialize_init", MaterializeInit(program)));
  RETURN_IF_ERROR(run("shrink_buffers", ShrinkBuffers(program)));
  RETURN_IF_ERROR(run("drop_bindings", DropBindings(program)));
  RETURN_IF_ERROR(run("expand_prefetches", ExpandPrefetches(program)));
  RETURN_IF_ERROR(run("partition_loops", PartitionLoops(program, options.max_stores)));
  RETURN_IF_ERROR(run("trim_loops", TrimLoops(program)));
  RETURN_IF_ERROR(run("simplify", SimplifyProgram(program)));
  RETURN_IF_ERROR(run("tensorize", TensorizeNests(program)));
  RETURN_IF_ERROR(run("vectorize", VectorizeLoops(program)));
  // Each index is simplified and flattened before unrolling copies it.
  RETURN_IF_ERROR(run("simplify", SimplifyProgram(program)));
  RETURN_IF_ERROR(run("flatten", FlattenBuffers(program)));
  RETURN_IF_ERROR(run("unroll", UnrollLoops(program, options.max_stores)));
  RETURN_IF_ERROR(run("simplify", SimplifyProgram(program)));
  RETURN_IF_ERROR(run("hoist_predicates", HoistPredicates(program)));
  RETURN_IF_ERROR(run("finish", FinishLowering(program)));
  if (HasPacked(program)) RETURN_IF_ERROR(run("move_prepare", MovePrepare(program)));
  DCHECK(Verify(program).ok()) << Verify(program) << " in\n" << ToText(program);
  return program;
}

}  // namespace lathe
