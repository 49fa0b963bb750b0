#include <algorithm>
#include <utility>

#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"
#include "compiler/space/plan.h"
#include "compiler/space/space.h"

namespace lathe {
namespace {

class PlanSketch : public Sketch {
 public:
  PlanSketch(std::string rule, std::vector<std::unique_ptr<Plan>> plans)
      : rule_(std::move(rule)), plans_(std::move(plans)) {
    for (const auto& plan : plans_) {
      knobs_.insert(knobs_.end(), plan->knobs().begin(), plan->knobs().end());
    }
  }

  std::string_view rule() const override { return rule_; }
  const std::vector<Knob>& knobs() const override { return knobs_; }

  bool IsLegal(const Setting& setting) const override {
    std::vector<int64_t> values = ValuesOf(setting);
    size_t at = 0;
    for (const auto& plan : plans_) {
      size_t n = plan->knobs().size();
      if (!plan->IsLegal(std::span(values).subspan(at, n))) return false;
      at += n;
    }
    return true;
  }

  Trace Instantiate(const Setting& setting) const override {
    std::vector<int64_t> values = ValuesOf(setting);
    TraceBuilder trace;
    size_t at = 0;
    for (const auto& plan : plans_) {
      size_t n = plan->knobs().size();
      plan->Emit(std::span(values).subspan(at, n), trace);
      at += n;
    }
    return std::move(trace).Build();
  }

  Setting Analytic() const override {
    Setting setting;
    for (const auto& plan : plans_) {
      std::vector<int64_t> values = plan->Analytic();
      CHECK_EQ(values.size(), plan->knobs().size());
      for (size_t k = 0; k < values.size(); ++k) {
        const std::vector<int64_t>& domain = plan->knobs()[k].domain;
        auto it = std::find(domain.begin(), domain.end(), values[k]);
        CHECK(it != domain.end()) << plan->knobs()[k].name;
        setting.push_back(static_cast<int>(it - domain.begin()));
      }
    }
    return setting;
  }

 private:
  std::vector<int64_t> ValuesOf(const Setting& setting) const {
    CHECK_EQ(setting.size(), knobs_.size());
    std::vector<int64_t> values;
    for (size_t k = 0; k < setting.size(); ++k) values.push_back(knobs_[k].domain.at(setting[k]));
    return values;
  }

  const std::string rule_;
  const std::vector<std::unique_ptr<Plan>> plans_;
  std::vector<Knob> knobs_;
};

// One sketch without knobs: every nest gets the marks that replay.
std::unique_ptr<Sketch> FallbackSketch(const Program& program, const SpaceOptions& options) {
  std::vector<std::unique_ptr<Plan>> plans;
  for (const StageNest& nest : NestsOf(program)) {
    std::unique_ptr<Plan> plan = NewElementwisePlan(nest, options);
    if (!plan) continue;
    TraceBuilder trace;
    plan->Emit({}, trace);
    if (Replay(program, std::move(trace).Build()).ok()) plans.push_back(std::move(plan));
  }
  return NewPlanSketch("elementwise", std::move(plans));
}

}  // namespace

std::unique_ptr<Sketch> NewPlanSketch(std::string rule, std::vector<std::unique_ptr<Plan>> plans) {
  return std::make_unique<PlanSketch>(std::move(rule), std::move(plans));
}

std::vector<std::unique_ptr<Rule>> DefaultRules() {
  std::vector<std::unique_ptr<Rule>> rules;
  rules.push_back(NewTiledReductionRule());
  return rules;
}

absl::StatusOr<std::vector<std::unique_ptr<Sketch>>> SketchesOf(const Function& function,
                                                                const SpaceOptions& options) {
  ASSIGN_OR_RETURN(Program program, BuildNaive(function));
  std::vector<std::unique_ptr<Sketch>> sketches;
  for (const auto& rule : DefaultRules()) {
    for (auto& sketch : rule->Propose(function, program, options)) {
      // A rule that does not see every reason against its trace must not win.
      if (Replay(program, sketch->Instantiate(sketch->Analytic())).ok()) {
        sketches.push_back(std::move(sketch));
      }
    }
  }
  if (sketches.empty()) sketches.push_back(FallbackSketch(program, options));
  return sketches;
}

absl::StatusOr<Trace> DefaultTrace(const Function& function, const SpaceOptions& options) {
  ASSIGN_OR_RETURN(auto sketches, SketchesOf(function, options));
  return sketches.front()->Instantiate(sketches.front()->Analytic());
}

}  // namespace lathe
