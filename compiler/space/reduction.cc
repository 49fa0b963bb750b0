// Rule: a reduction over the contiguous axis of what it reads, in lanes that are
// folded once for each element of the result.
#include <optional>

#include "compiler/space/row_plan.h"

namespace lathe {
namespace {

class ReductionRule : public Rule {
 public:
  std::string_view name() const override { return "reduction"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    if (context.nests[first].stage->reduction.empty()) return {};
    std::optional<RowGroup> group = GroupRows(context, first, first);
    if (!group || group->stages.back().kind != RowStageKind::kFold) return {};
    group->name = "reduction";
    auto plan = NewRowPlan(*std::move(group), context);
    if (plan == nullptr) return {};
    return {{std::move(plan), {first}}};
  }
};

}  // namespace

std::unique_ptr<Rule> NewReductionRule() { return std::make_unique<ReductionRule>(); }

}  // namespace lathe
