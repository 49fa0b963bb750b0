// Rule for nests that no other rule matches: elementwise functions in lanes and
// unrolled vectors, anything else as it is written.
#include <optional>

#include "compiler/space/row_plan.h"

namespace lathe {
namespace {

// The nest as it is written.
class PlainPlan : public Plan {
 public:
  explicit PlainPlan(NestNumbers numbers) : numbers_(std::move(numbers)) {}
  std::string_view name() const override { return "plain"; }
  void Emit(std::span<const int64_t>, TraceBuilder&) const override {}
  void Model(std::span<const int64_t>, ScheduleModel& model) const override {
    std::vector<TileLoop> loops;
    for (size_t l = 0; l < numbers_.extents.size(); ++l) {
      loops.push_back({static_cast<int>(l), 1, static_cast<double>(numbers_.extents[l])});
    }
    model.nests.push_back(ModelOf(numbers_, loops));
  }

 private:
  const NestNumbers numbers_;
};

class ElementwiseRule : public Rule {
 public:
  std::string_view name() const override { return "elementwise"; }
  bool is_fallback() const override { return true; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    std::shared_ptr<const Plan> plan;
    if (std::optional<RowGroup> group = GroupRows(context, first, first)) {
      group->name = "elementwise";
      plan = NewRowPlan(*std::move(group), context);
    }
    if (plan == nullptr) {
      plan = std::make_shared<PlainPlan>(NumbersOf(context, context.nests[first]));
    }
    return {{std::move(plan), {first}}};
  }
};

}  // namespace

std::unique_ptr<Rule> NewElementwiseRule() { return std::make_unique<ElementwiseRule>(); }

}  // namespace lathe
