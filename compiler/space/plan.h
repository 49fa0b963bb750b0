// A plan schedules some nests of a naive program; a sketch is plans that
// together cover all of them, so that rules compose over functions of several
// stages.
#ifndef LATHE_COMPILER_SPACE_PLAN_H_
#define LATHE_COMPILER_SPACE_PLAN_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/analysis/schedule_model.h"
#include "compiler/space/space.h"
#include "compiler/space/structure.h"
#include "compiler/space/trace_builder.h"

namespace lathe {

class Plan {
 public:
  virtual ~Plan() = default;
  // Of the rule, with its variant where a rule has several: "tiled", "tiled.packed".
  virtual std::string_view name() const = 0;
  // Knob names begin with the stage they are about: "t.rows".
  const std::vector<Knob>& knobs() const { return knobs_; }
  // `values` hold one value (not index) for each knob.
  virtual bool IsLegal(std::span<const int64_t> values) const { return true; }
  virtual void Emit(std::span<const int64_t> values, TraceBuilder& trace) const = 0;
  // Appends what the plan's loops do; in microseconds, not milliseconds.
  virtual void Model(std::span<const int64_t> values, ScheduleModel& model) const = 0;
  // The legal values that EstimateSeconds likes best.
  virtual std::vector<int64_t> Analytic(const SpaceOptions& options) const;

 protected:
  std::vector<Knob> knobs_;
};

// What rules see of a function.
struct SpaceContext {
  const Function& function;
  const Program& naive;
  std::vector<StageNest> nests;  // of `naive`, in order
  const SpaceOptions& options;

  // A number for each buffer, as ModelAccess wants it.
  int BufferNumber(std::string_view buffer) const;
  // Whether a nest other than those of `among` reads what nests[nest] stores.
  bool IsReadOutside(size_t nest, std::span<const size_t> among) const;
  // The same, or it is an output.
  bool IsReadElsewhere(size_t nest, std::span<const size_t> among) const;
};

// One way to schedule the nests of a context that begin at some nest.
struct PlanMatch {
  std::shared_ptr<const Plan> plan;
  std::vector<size_t> nests;  // that it schedules, ascending
};

// Whether the plan's trace replays on the naive program and lowers at the ends of
// its knobs' domains: rules ask where structure alone does not tell.
bool ReplaysAtEnds(const Plan& plan, const Program& naive);

// A sketch that carries out `plans` in order.
std::unique_ptr<Sketch> NewPlanSketch(std::vector<std::shared_ptr<const Plan>> plans,
                                      const SpaceOptions& options);

// The rules, one file each.
std::unique_ptr<Rule> NewTiledContractionRule();
std::unique_ptr<Rule> NewStreamedContractionRule();
std::unique_ptr<Rule> NewDotContractionRule();
std::unique_ptr<Rule> NewRowFusedRule();
std::unique_ptr<Rule> NewReductionRule();
std::unique_ptr<Rule> NewColumnReductionRule();
std::unique_ptr<Rule> NewLayoutRule();
// Matches every nest: the last one asked.
std::unique_ptr<Rule> NewElementwiseRule();

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_PLAN_H_
