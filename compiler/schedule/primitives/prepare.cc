// prepare: a stage of const arguments is computed ahead of the calls.
//
//   in x: f32[8, 64]                       in x: f32[8, 64]
//   const w: f32[32, 64]                   const w: f32[32, 64]
//   out y: f32[8, 32]          ->          out y: f32[8, 32]
//   workspace P: f32[64, 32]               packed P: f32[64, 32]
//
// Its buffer becomes an argument that the kernel's `lathe_prepare` writes once
// and each call reads; lowering moves the loops there. Legal for a stage with a
// buffer of its own that is neither argument nor output, if the loops it stands
// in read const arguments, tables and prepared stages only, and compute nothing
// that is read elsewhere (CheckPacked). Splits, orders and marks of those
// loops may come before or after; what moves or divides stages comes before.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/packed.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

absl::StatusOr<Program> Prepare(const Program& program, std::string_view stage) {
  const std::string action = absl::StrCat("prepare stage ", ToAbsl(stage));
  RETURN_IF_ERROR(schedule::FindStage(program, action, stage).status());
  const std::string& name = schedule::StoresOfStage(program, stage).front().store->buffer;
  Program result = program;
  auto buffer = std::find_if(result.buffers.begin(), result.buffers.end(),
                             [&](const Buffer& candidate) { return candidate.name == name; });
  if (buffer->access == Access::kPacked) return schedule::Refuse(action, "it is prepared already");
  if (buffer->scope == Scope::kArgument) {
    return schedule::Refuse(action, "it computes an output, which belongs to the call");
  }
  Buffer packed = *buffer;
  result.buffers.erase(buffer);
  packed.scope = Scope::kArgument;
  packed.access = Access::kPacked;
  auto behind_arguments =
      std::find_if(result.buffers.begin(), result.buffers.end(),
                   [](const Buffer& other) { return other.scope != Scope::kArgument; });
  result.buffers.insert(behind_arguments, std::move(packed));
  absl::Status legal = CheckPacked(result);
  if (!legal.ok()) return schedule::Refuse(action, FromAbsl(legal.message()));
  return result;
}

}  // namespace lathe
