// Rule: consecutive stages of which only the last is read by others, and which
// share their outer row axes, run under one row loop, outputs among them too;
// elementwise ones are computed where they are read.
#include <algorithm>
#include <optional>

#include "compiler/space/row_plan.h"

namespace lathe {
namespace {

constexpr size_t kMaxStages = 12;
constexpr double kCheap = 4;  // operations that may be computed twice

double Instances(const StageNest& nest) {
  double instances = 1;
  for (const For* loop : nest.loops) instances *= static_cast<double>(loop->extent);
  return instances;
}

// How a stage may be computed where it is read.
enum class Inlining : uint8_t {
  kNever,      // more often than it has elements, or not at all
  kRecompute,  // costly, and read more than once an element
  kAlways,
};

Inlining InliningOf(const SpaceContext& context, size_t producer, size_t last) {
  const StageNest& nest = context.nests[producer];
  if (!nest.stage->reduction.empty()) return Inlining::kNever;
  if (context.function.IsOutput(nest.stage->name)) return Inlining::kNever;
  int reads = 0;
  for (size_t reader = producer + 1; reader <= last; ++reader) {
    for (const ReadStride& read : context.nests[reader].reads) {
      if (read.read->buffer != nest.store->buffer) continue;
      if (Instances(context.nests[reader]) > Instances(nest)) return Inlining::kNever;
      ++reads;
    }
  }
  if (reads <= 1) return Inlining::kAlways;
  OperationCounts counts = CountOperations(nest);
  double cost = counts.multiply_adds + counts.arithmetic;
  bool cheap = counts.divisions + counts.elementary == 0 && cost <= kCheap;
  return cheap ? Inlining::kAlways : Inlining::kRecompute;
}

class RowFusedRule : public Rule {
 public:
  std::string_view name() const override { return "row_fused"; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    size_t end = std::min(context.nests.size(), first + kMaxStages);
    for (size_t last = end; last-- > first + 1;) {
      std::vector<size_t> range;
      for (size_t n = first; n <= last; ++n) range.push_back(n);
      bool closed = std::none_of(range.begin(), range.end() - 1,
                                 [&](size_t n) { return context.IsReadOutside(n, range); });
      if (!closed) continue;
      std::vector<PlanMatch> matches = MatchRange(context, range);
      if (!matches.empty()) return matches;
    }
    return {};
  }

 private:
  static std::vector<PlanMatch> MatchRange(const SpaceContext& context,
                                           const std::vector<size_t>& range) {
    std::vector<PlanMatch> matches;
    std::vector<std::string> always, all;
    for (size_t n : range) {
      if (n == range.back()) break;
      Inlining inlining = InliningOf(context, n, range.back());
      const std::string& stage = context.nests[n].stage->name;
      if (inlining == Inlining::kAlways) always.push_back(stage);
      if (inlining != Inlining::kNever) all.push_back(stage);
    }
    if (auto plan = PlanOf(context, range, always, "")) matches.push_back({plan, range});
    if (all != always) {
      if (auto plan = PlanOf(context, range, all, ".recompute")) matches.push_back({plan, range});
    }
    return matches;
  }

  static std::shared_ptr<const Plan> PlanOf(const SpaceContext& context,
                                            const std::vector<size_t>& range,
                                            const std::vector<std::string>& inlined,
                                            const std::string& variant) {
    TraceBuilder trace;
    for (const std::string& stage : inlined) trace.Mark("inline", {stage});
    absl::StatusOr<Program> program = Replay(context.naive, std::move(trace).Build());
    if (!program.ok()) return nullptr;
    SpaceContext inner{context.function, *program, NestsOf(*program), context.options};
    size_t first = range.front(), last = range.back() - inlined.size();
    std::optional<RowGroup> group = GroupRows(inner, first, last);
    if (!group) {
      group = GroupRows(inner, first, last, /*products=*/true);
      if (!group) return nullptr;
      group->name = "row_products" + variant;
      group->inlined = inlined;
      return NewRowProductsPlan(*std::move(group), context);
    }
    bool single = group->stages.size() == 1;
    bool folds = group->stages.back().kind == RowStageKind::kFold;
    group->name = (single ? folds ? "reduction" : "elementwise" : "row_fused") + variant;
    group->inlined = inlined;
    return NewRowPlan(*std::move(group), context);
  }
};

}  // namespace

std::unique_ptr<Rule> NewRowFusedRule() { return std::make_unique<RowFusedRule>(); }

}  // namespace lathe
