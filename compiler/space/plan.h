// A plan schedules one nest of a naive program; a sketch is one plan for each
// nest, so that rules compose over functions of several stages.
#ifndef LATHE_COMPILER_SPACE_PLAN_H_
#define LATHE_COMPILER_SPACE_PLAN_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compiler/space/space.h"
#include "compiler/space/structure.h"
#include "compiler/space/trace_builder.h"

namespace lathe {

class Plan {
 public:
  virtual ~Plan() = default;
  const std::vector<Knob>& knobs() const { return knobs_; }
  // `values` hold one value (not index) for each knob.
  virtual bool IsLegal(std::span<const int64_t> values) const { return true; }
  virtual void Emit(std::span<const int64_t> values, TraceBuilder& trace) const = 0;
  virtual std::vector<int64_t> Analytic() const = 0;

 protected:
  std::vector<Knob> knobs_;
};

// A sketch of the rule named `rule` that carries out `plans` in order.
std::unique_ptr<Sketch> NewPlanSketch(std::string rule, std::vector<std::unique_ptr<Plan>> plans);

// Marks without knobs: innermost contiguous loop in vectors, outermost
// parallel. Null when nothing is safe to mark.
std::unique_ptr<Plan> NewElementwisePlan(const StageNest& nest, const SpaceOptions& options);

// Tiles a reduction with reuse into a register tile, with `consumers` (in
// order; elementwise on the nest's result) fused behind it. Null when the
// structure does not match. `result_is_read_elsewhere`: the nest's buffer is an
// output or read by others than `consumers`.
std::unique_ptr<Plan> NewTiledReductionPlan(const StageNest& nest,
                                            const std::vector<const StageNest*>& consumers,
                                            bool result_is_read_elsewhere,
                                            const SpaceOptions& options);

std::unique_ptr<Rule> NewTiledReductionRule();

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_PLAN_H_
