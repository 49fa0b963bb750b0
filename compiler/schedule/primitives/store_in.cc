// store_in: the values of an intermediate stage live in the buffer of another
// stage, which replaces each by its own value: partial sums in the output.
//
//   workspace t: f32[8]
//   out y: f32[8]
//   for k in 4 { for i in 8 { t: t[i] sum= x[k, i] } }
//   for j in 8 { y: y[j] = max(t[j], 0) }
// store_in(t, y) ->
//   out y: f32[8]
//   for k in 4 { for i in 8 { t: y[i] sum= x[k, i] } }
//   for j in 8 { y: y[j] = max(y[j], 0) }
//
// Legal when
//   - the stage writes a buffer that is neither argument nor table, the other
//     stage a buffer of the same type and shape, and each is its buffer's only
//     stage;
//   - the other stage has no reduction and reads the values right where it writes
//     its own;
//   - all other reads of the values come before: in the program, and in every
//     loop around both (rules one-store and order of the verifier);
//   - a stage that was moved by compute_at computes each element once (rule
//     coverage): its store has no region then, as the buffer is not private to an
//     iteration any more.
// Stages that touch the common buffer do not move any more: store_in comes after
// the primitives that move stages.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/inspect.h"
#include "compiler/schedule/primitives.h"

namespace lathe {
namespace {

class BufferRenamer : public StmtMutator {
 public:
  BufferRenamer(const std::string& from, const std::string& to) : from_(from), to_(to) {}

 protected:
  Stmt MutateStore(const Store& node, const Stmt& s) override {
    Stmt mutated = StmtMutator::MutateStore(node, s);
    if (node.buffer != from_) return mutated;
    const auto& store = *mutated.As<Store>();
    return MakeStore(store.stage, store.role, store.bindings, to_, store.indices, store.value,
                     store.predicate);
  }
  Expr MutateRead(const Read& node, const Expr& e) override {
    Expr mutated = ExprMutator::MutateRead(node, e);
    if (node.buffer != from_) return mutated;
    const auto& read = *mutated.As<Read>();
    return MakeRead(read.type, to_, read.indices, read.predicate, read.otherwise);
  }

 private:
  const std::string& from_;
  const std::string& to_;
};

}  // namespace

absl::StatusOr<Program> StoreIn(const Program& program, std::string_view stage,
                                std::string_view buffer) {
  std::string action =
      absl::StrCat("store the values of stage ", ToAbsl(stage), " in buffer ", ToAbsl(buffer));
  RETURN_IF_ERROR(schedule::FindStage(program, action, stage).status());
  std::vector<StoreSite> sites = schedule::StoresOfStage(program, stage);
  if (sites.size() != 1) return schedule::Refuse(action, "it has several stores");
  const Store& store = *sites[0].store;
  const Buffer& old = *program.FindBuffer(store.buffer);
  const Buffer* target = program.FindBuffer(buffer);
  if (target == nullptr) return schedule::Refuse(action, "there is no such buffer");
  if (target == &old) return schedule::Refuse(action, "they live there already");
  if (old.scope == Scope::kArgument) {
    return schedule::Refuse(action, absl::StrCat(old.name, " is an argument"));
  }
  if (target->type != old.type || target->shape != old.shape) {
    return schedule::Refuse(action, absl::StrCat("it has another type or shape than ", old.name));
  }

  const Store* last = nullptr;  // of the buffer
  for (const StoreSite& site : schedule::StoresOf(program)) {
    bool writes_old = site.store->buffer == old.name && site.store != &store;
    if (writes_old || (site.store->buffer == buffer && last != nullptr)) {
      return schedule::Refuse(
          action, absl::StrCat("several stages write ", site.store->buffer, " already"));
    }
    if (site.store->buffer == buffer) {
      last = site.store;
    } else if (last != nullptr && schedule::Reads(*site.store, old.name)) {
      return schedule::Refuse(
          action, absl::StrCat("stage ", site.store->stage, " reads them after stage ", last->stage,
                               " replaced them"));
    }
  }
  if (last == nullptr) return schedule::Refuse(action, "no stage writes that buffer");

  Program result =
      schedule::WithBody(program, BufferRenamer(old.name, target->name).Mutate(program.body));
  std::erase_if(result.buffers, [&](const Buffer& other) { return other.name == old.name; });
  absl::Status legal = Verify(result);
  if (!legal.ok()) return schedule::Refuse(action, FromAbsl(legal.message()));
  return result;
}

}  // namespace lathe
