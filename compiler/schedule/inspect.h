// What primitives ask of a program: where a loop or store stands, which axes a
// loop binds, which names are free. Internal to compiler/schedule.
#ifndef LATHE_COMPILER_SCHEDULE_INSPECT_H_
#define LATHE_COMPILER_SCHEDULE_INSPECT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "compiler/loop/program.h"
#include "compiler/loop/store_site.h"

namespace lathe::schedule {

// The refusal of a primitive: InvalidArgument "cannot ACTION: RULE", where the
// action is "split loop t.i".
absl::Status Refuse(std::string_view action, std::string_view rule);

struct LoopSite {
  const For* loop = nullptr;
  std::vector<const For*> enclosing;  // outermost first
};

// The loop `name`, or a refusal that suggests a close name.
absl::StatusOr<LoopSite> FindLoop(const Program& program, std::string_view action,
                                  std::string_view name);
// All stores below `s` in order, with the loops from `s` (inclusive) down.
std::vector<StoreSite> StoresBelow(const Stmt& s);
std::vector<StoreSite> StoresOf(const Program& program);
// The stores of one stage.
std::vector<StoreSite> StoresOfStage(const Program& program, std::string_view stage);
// All loops below `s` in order, `s` included.
std::vector<const For*> LoopsBelow(const Stmt& s);

// The stage `name`, or a refusal that suggests a close name.
absl::StatusOr<const StageInfo*> FindStage(const Program& program, std::string_view action,
                                           std::string_view name);

// The buffer `name`, or a refusal that suggests a close name.
absl::StatusOr<const Buffer*> FindBuffer(const Program& program, std::string_view action,
                                         std::string_view name);

// Refuses the buffer of an output, or of a prepared stage.
absl::Status CheckIntermediate(std::string_view action, const Buffer& buffer);

// The one store of `stage`, whose loops are unmarked and contain nothing else:
// it can move as a whole. Else a refusal.
absl::StatusOr<StoreSite> FindOwnNest(const Program& program, std::string_view action,
                                      std::string_view stage);
// Of such a store: which axis (an index into its bindings) each loop is. Refuses
// unless that is one loop for each axis.
absl::StatusOr<absl::flat_hash_map<std::string, size_t>> AxesOfLoops(std::string_view action,
                                                                     const StoreSite& site);

// Which kinds of axes of the store's stage `loop` binds.
struct Binds {
  bool spatial = false;
  bool reduction = false;
};
Binds BindsOf(const Program& program, const Store& store, const std::string& loop);

// Whether `loop` is outside of the store's region (it has one): each iteration
// computes the region.
bool IsOutsideRegion(const Store& store, const std::string& loop);

// Refuses unless the loop is serial with a mask tail: marks come last, since a
// rewrite could not tell which of the new loops they mean.
absl::Status CheckUnmarked(std::string_view action, const For& loop);
// Refuses a loop whose kind is marked already, or that outline keeps serial.
absl::Status CheckSerial(std::string_view action, const For& loop);
// Whether the store's value, predicate or indices read `buffer`.
bool Reads(const Store& store, const std::string& buffer);
// Refuses a stage that reads or writes a buffer of two stages (store_in): which
// of the two a read means depends on where it stands, so such stages do not move.
absl::Status CheckUnshared(const Program& program, std::string_view action, std::string_view stage);
// Refuses a peeled loop.
absl::Status CheckNotPeeled(std::string_view action, const For& loop);
// Refuses a loop below a vectorised one or around a parallel one.
absl::Status CheckPlainCode(std::string_view action, const LoopSite& site);
// Refuses unless iterations of `loop` write disjoint elements: every store
// below binds a spatial axis to it and none a reduction axis.
// With `regions`, a stage that each iteration computes anew (compute_at) passes:
// its buffer is private to the iteration.
absl::Status CheckDisjointWrites(const Program& program, std::string_view action, const For& loop,
                                 bool regions = false);
// Refuses names that are taken, repeated or too long.
absl::Status CheckNewLoops(const Program& program, std::string_view action,
                           const std::vector<std::string>& names);
absl::Status CheckNewStage(const Program& program, std::string_view action,
                           const std::string& name);

// `root` with the one statement `old` replaced; null drops it.
Stmt Replace(const Stmt& root, const StmtNode* old, const Stmt& replacement);
// `root` with `inserted` right before the loop or store `place`.
Stmt InsertBefore(const Stmt& root, const StmtNode* place, const Stmt& inserted);
// `program` with another body.
Program WithBody(const Program& program, Stmt body);
// `program` with the marks of `loop` changed.
Program WithMarks(const Program& program, const For* loop, LoopMarks marks);
// `s` with `condition` required of every store below.
Stmt AddPredicate(const Stmt& s, const Expr& condition);
// a && b, where either may be null.
Expr And(const Expr& a, const Expr& b);

}  // namespace lathe::schedule

#endif  // LATHE_COMPILER_SCHEDULE_INSPECT_H_
