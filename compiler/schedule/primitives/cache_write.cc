// cache_write: a stage computes into a buffer of its own, from which a new
// stage writes the old buffer.
//
//   for i in 4 { for j in 8 { for k in 16 { C[i, j] += ... } } }
// N = cache_write(C, register) ->
//   for i in 4 { for j in 8 { for k in 16 { C.acc[i, j] += ... } } }
//   for N.i in 4 { for N.j in 8 { N: C[N.i, N.j] = C.acc[N.i, N.j] } }
//
// Legal when the loops around the stage contain no other stage: it stands at
// the root of the program and nothing was moved into it. To keep the new buffer
// small, move the new stage inwards with reverse_compute_at.

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

// The loops of the new stage: buffer[axes] = cache[axes].
Stmt CopyNest(const StageInfo& stage, const Buffer& cache, const std::string& buffer) {
  std::vector<std::pair<std::string, Expr>> bindings;
  std::vector<Expr> indices;
  for (const Axis& axis : stage.spatial) {
    indices.push_back(MakeVar(absl::StrCat(stage.name, ".", axis.name)));
    bindings.emplace_back(axis.name, indices.back());
  }
  Expr value = MakeRead(Type{cache.type}, cache.name, indices);
  Stmt nest = MakeStore(stage.name, StoreRole::kWhole, std::move(bindings), buffer, indices, value);
  for (auto axis = stage.spatial.rbegin(); axis != stage.spatial.rend(); ++axis) {
    nest = MakeFor(absl::StrCat(stage.name, ".", axis->name), axis->extent, {}, std::move(nest));
  }
  return nest;
}

}  // namespace

absl::StatusOr<Program> CacheWrite(const Program& program, std::string_view stage, Scope scope,
                                   std::string_view copy) {
  std::string action = absl::StrCat("cache the writes of stage ", ToAbsl(stage));
  if (scope != Scope::kWorkspace && scope != Scope::kStack && scope != Scope::kRegister) {
    return schedule::Refuse(action, "the scope is not workspace, stack or register");
  }
  ASSIGN_OR_RETURN(const StageInfo* info, schedule::FindStage(program, action, stage));
  std::vector<StoreSite> stores = schedule::StoresOfStage(program, stage);
  if (stores.size() != 1) return schedule::Refuse(action, "it has several stores");
  RETURN_IF_ERROR(schedule::CheckUnshared(program, action, stage));
  const Store& store = *stores[0].store;
  if (!stores[0].loops.empty()) {
    for (const StoreSite& below : schedule::StoresBelow(stores[0].loops.front()->body)) {
      if (below.store->stage == stage) continue;
      return schedule::Refuse(action,
                              absl::StrCat("its loops also contain stage ", below.store->stage,
                                           "; cache_write comes before "
                                           "reverse_compute_at"));
    }
  }

  const Buffer& buffer = *program.FindBuffer(store.buffer);
  Buffer cache = {
      absl::StrCat(info->name, ".acc"), buffer.type, buffer.shape, scope, Access::kNone, {}};
  StageInfo copy_info = {std::string(copy), info->spatial, {}, ReduceOp::kSum};
  RETURN_IF_ERROR(schedule::CheckNewStage(program, action, copy_info.name));
  RETURN_IF_ERROR(schedule::CheckNewStage(program, action, cache.name));
  std::vector<std::string> loops;
  for (const Axis& axis : info->spatial) {
    loops.push_back(absl::StrCat(copy_info.name, ".", axis.name));
  }
  RETURN_IF_ERROR(schedule::CheckNewLoops(program, action, loops));

  Stmt nest = MakeStore(store.stage, store.role, store.bindings, cache.name, store.indices,
                        store.value, store.predicate, store.region);
  const StmtNode* old_nest = &store;
  if (!stores[0].loops.empty()) {
    const For& top = *stores[0].loops.front();
    nest = MakeFor(top.var, top.extent, top.marks, schedule::Replace(top.body, &store, nest));
    old_nest = &top;
  }
  Program result = program;
  Stmt both = MakeSequence({std::move(nest), CopyNest(copy_info, cache, buffer.name)});
  result.body = schedule::Replace(program.body, old_nest, both);
  result.buffers.push_back(std::move(cache));
  auto position = result.stages.begin() + (info - program.stages.data()) + 1;
  result.stages.insert(position, std::move(copy_info));
  return result;
}

}  // namespace lathe
