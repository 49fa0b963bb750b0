// The verifier's parts; users include verify.h, where verify.cc states the rules.
#ifndef LATHE_COMPILER_LOOP_VERIFY_INTERNAL_H_
#define LATHE_COMPILER_LOOP_VERIFY_INTERNAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/loop/program.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/store_site.h"

namespace lathe {

// FailedPrecondition "rule RULE: WHAT", where `what` names stage, loop or buffer.
absl::Status Broken(std::string_view rule, std::string_view what);

// The extents of loops as bounds of their variables.
Bounds BoundsOfLoops(const std::vector<const For*>& loops);

// Narrows the bounds of variables to what a simplified condition says of each.
void NarrowBounds(const Expr& condition, Bounds& bounds);

// Rules of both forms (verify_structure.cc): names, declarations, types,
// scopes of variables. Yields the stores in order.
absl::StatusOr<std::vector<StoreSite>> VerifyStructure(const Program& program);

// The axis values, as variables named "@AXIS", that each loop around a store
// is a function of: loop variable -> expression over those.
using LoopValues = absl::flat_hash_map<std::string, Expr>;

// Coverage: the store's bindings run through the stage's domain exactly once
// (verify_coverage.cc). Yields how the axes determine the loops.
absl::StatusOr<LoopValues> VerifyCoverage(const StageInfo& stage, const StoreSite& site);
std::string AxisVariable(std::string_view axis);

// Rules of scheduled (verify_scheduled.cc) and of lowered programs.
absl::Status VerifyScheduled(const Program& program, const std::vector<StoreSite>& sites);
absl::Status VerifyLowered(const Program& program, const std::vector<StoreSite>& sites);

// Reads of an expression, each with the predicates it stands under.
struct ReadSite {
  const Read* read = nullptr;
  std::vector<Expr> predicates;
};
std::vector<ReadSite> ReadsOf(const Store& store);

// In-bounds: refuses an access that leaves its buffer for sure. `conditions`
// hold where it is made; without any, affine indices are checked exactly.
absl::Status VerifyInBounds(const Program& program, const StoreSite& site);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_VERIFY_INTERNAL_H_
