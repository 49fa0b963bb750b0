// How rules compose into sketches.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"
#include "compiler/space/plan.h"
#include "compiler/space/space.h"

namespace lathe {
namespace {

constexpr size_t kMaxSketches = 24;

class PlanSketch : public Sketch {
 public:
  PlanSketch(std::vector<std::shared_ptr<const Plan>> plans, const SpaceOptions& options)
      : plans_(std::move(plans)) {
    for (const auto& plan : plans_) {
      absl::StrAppend(&name_, name_.empty() ? "" : "+", std::string(plan->name()));
      knobs_.insert(knobs_.end(), plan->knobs().begin(), plan->knobs().end());
    }
    analytic_ = FindAnalytic(options);
  }

  std::string_view name() const override { return name_; }
  const std::vector<Knob>& knobs() const override { return knobs_; }

  bool IsLegal(const Setting& setting) const override {
    bool legal = true;
    ForEachPlan(setting, [&](const Plan& plan, std::span<const int64_t> values) {
      legal = legal && plan.IsLegal(values);
    });
    return legal;
  }

  Trace Instantiate(const Setting& setting) const override {
    TraceBuilder trace;
    ForEachPlan(setting, [&](const Plan& plan, std::span<const int64_t> values) {
      plan.Emit(values, trace);
    });
    return std::move(trace).Build();
  }

  ScheduleModel Model(const Setting& setting) const override {
    ScheduleModel model;
    ForEachPlan(setting, [&](const Plan& plan, std::span<const int64_t> values) {
      plan.Model(values, model);
    });
    return model;
  }

  Setting Analytic() const override { return analytic_; }

 private:
  template <typename Visit>
  void ForEachPlan(const Setting& setting, Visit visit) const {
    CHECK_EQ(setting.size(), knobs_.size());
    std::vector<int64_t> values(setting.size());
    for (size_t k = 0; k < setting.size(); ++k) values[k] = knobs_[k].domain.at(setting[k]);
    size_t at = 0;
    for (const auto& plan : plans_) {
      visit(*plan, std::span<const int64_t>(values).subspan(at, plan->knobs().size()));
      at += plan->knobs().size();
    }
  }

  Setting FindAnalytic(const SpaceOptions& options) const {
    Setting setting;
    for (const auto& plan : plans_) {
      std::vector<int64_t> values = plan->Analytic(options);
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

  std::string name_;
  const std::vector<std::shared_ptr<const Plan>> plans_;
  std::vector<Knob> knobs_;
  Setting analytic_;
};

// All ways to cover the nests with matches, each rule's first match first.
class Composer {
 public:
  Composer(const SpaceContext& context, const std::vector<std::unique_ptr<Rule>>& rules)
      : context_(context), rules_(rules), covered_(context.nests.size(), false) {}

  std::vector<std::vector<std::shared_ptr<const Plan>>> Compose() && {
    Cover(0);
    return std::move(covers_);
  }

 private:
  void Cover(size_t first) {
    while (first < covered_.size() && covered_[first]) ++first;
    if (first == covered_.size()) {
      covers_.push_back(plans_);
      return;
    }
    bool matched = false;
    for (const auto& rule : rules_) {
      if (matched && rule->is_fallback()) continue;
      for (const PlanMatch& match : rule->Match(context_, first)) {
        if (covers_.size() >= kMaxSketches) return;
        bool free = std::none_of(match.nests.begin(), match.nests.end(),
                                 [&](size_t nest) { return covered_[nest]; });
        if (!free) continue;
        matched = true;
        for (size_t nest : match.nests) covered_[nest] = true;
        plans_.push_back(match.plan);
        Cover(first + 1);
        plans_.pop_back();
        for (size_t nest : match.nests) covered_[nest] = false;
      }
    }
    if (matched) return;
    covered_[first] = true;  // left as it is written
    Cover(first + 1);
    covered_[first] = false;
  }

  const SpaceContext& context_;
  const std::vector<std::unique_ptr<Rule>>& rules_;
  std::vector<bool> covered_;
  std::vector<std::shared_ptr<const Plan>> plans_;
  std::vector<std::vector<std::shared_ptr<const Plan>>> covers_;
};

}  // namespace

int SpaceContext::BufferNumber(std::string_view buffer) const {
  for (size_t b = 0; b < naive.buffers.size(); ++b) {
    if (naive.buffers[b].name == buffer) return static_cast<int>(b);
  }
  return static_cast<int>(naive.buffers.size());
}

bool SpaceContext::IsReadElsewhere(size_t nest, std::span<const size_t> among) const {
  return function.IsOutput(nests[nest].stage->name) || IsReadOutside(nest, among);
}

bool SpaceContext::IsReadOutside(size_t nest, std::span<const size_t> among) const {
  for (size_t n = 0; n < nests.size(); ++n) {
    if (n == nest || std::find(among.begin(), among.end(), n) != among.end()) continue;
    for (const ReadStride& read : nests[n].reads) {
      if (read.read->buffer == nests[nest].store->buffer) return true;
    }
  }
  return false;
}

std::unique_ptr<Sketch> NewPlanSketch(std::vector<std::shared_ptr<const Plan>> plans,
                                      const SpaceOptions& options) {
  return std::make_unique<PlanSketch>(std::move(plans), options);
}

std::vector<std::unique_ptr<Rule>> DefaultRules() {
  std::vector<std::unique_ptr<Rule>> rules;
  rules.push_back(NewTiledContractionRule());
  rules.push_back(NewStreamedContractionRule());
  rules.push_back(NewDotContractionRule());
  rules.push_back(NewRowFusedRule());
  rules.push_back(NewReductionRule());
  rules.push_back(NewColumnReductionRule());
  rules.push_back(NewLayoutRule());
  rules.push_back(NewElementwiseRule());
  return rules;
}

absl::StatusOr<Space> SketchesOf(const Function& function, const SpaceOptions& options) {
  ASSIGN_OR_RETURN(Program naive, BuildNaive(function));
  SpaceContext context{function, naive, NestsOf(naive), options};
  std::vector<std::unique_ptr<Rule>> rules = DefaultRules();
  std::vector<std::pair<double, std::unique_ptr<Sketch>>> ranking;
  auto covers = Composer(context, rules).Compose();
  rules.erase(rules.begin(), rules.end() - 1);
  CHECK(rules.back()->is_fallback());
  // What needs no fusion at all, should every other sketch fail to replay.
  auto plain = Composer(context, rules).Compose();
  covers.insert(covers.end(), plain.begin(), plain.end());
  for (size_t c = 0; c < covers.size(); ++c) {
    if (c + plain.size() >= covers.size() && !ranking.empty()) break;
    auto& plans = covers[c];
    auto sketch = NewPlanSketch(std::move(plans), options);
    // A rule that does not see every reason against its trace must not win.
    if (!Replay(naive, sketch->Instantiate(sketch->Analytic())).ok()) continue;
    double seconds =
        EstimateSeconds(sketch->Model(sketch->Analytic()), options.target, options.threads);
    ranking.emplace_back(seconds, std::move(sketch));
  }
  if (ranking.empty()) ranking.emplace_back(0, NewPlanSketch({}, options));
  std::stable_sort(ranking.begin(), ranking.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Space space;
  for (auto& [seconds, sketch] : ranking) space.push_back(std::move(sketch));
  return space;
}

absl::StatusOr<Trace> DefaultTrace(const Function& function, const SpaceOptions& options) {
  ASSIGN_OR_RETURN(Space sketches, SketchesOf(function, options));
  return sketches.front()->Instantiate(sketches.front()->Analytic());
}

}  // namespace lathe
