// Rule for stages that no other rule matches: marks that are always safe.
#include "compiler/space/plan.h"

namespace lathe {
namespace {

class ElementwisePlan : public Plan {
 public:
  std::string_view name() const override { return "elementwise"; }

  ElementwisePlan(std::string parallel_loop, std::string vector_loop, int lanes)
      : parallel_loop_(std::move(parallel_loop)),
        vector_loop_(std::move(vector_loop)),
        lanes_(lanes) {}

  void Emit(std::span<const int64_t>, TraceBuilder& trace) const override {
    std::string parallel = parallel_loop_;
    if (!vector_loop_.empty()) {
      auto [outer, inner] = trace.Split(vector_loop_, lanes_);
      trace.Mark("vectorize", {inner});
      if (parallel == vector_loop_) parallel = outer;
    }
    if (!parallel.empty()) trace.Mark("parallel", {parallel});
  }
  void Model(std::span<const int64_t>, ScheduleModel&) const override {}

 private:
  const std::string parallel_loop_, vector_loop_;  // empty: none
  const int lanes_;
};

bool IsContiguousOver(const StageNest& nest, const std::string& loop) {
  if (!nest.output.affine || nest.output.StrideOf(loop) != 1) return false;
  for (const ReadStride& read : nest.reads) {
    int64_t stride = read.StrideOf(loop);
    if (!read.affine || stride < 0 || stride > 1) return false;
  }
  return true;
}

std::shared_ptr<const Plan> NewElementwisePlan(const StageNest& nest, const SpaceOptions& options) {
  if (nest.loops.empty()) return nullptr;
  size_t num_spatial = nest.stage->spatial.size();
  std::string parallel, vector;
  if (options.threads > 1) {
    for (size_t i = 0; i < num_spatial && parallel.empty(); ++i) {
      if (nest.loops[i]->extent > 1) parallel = nest.loops[i]->var;
    }
  }
  int lanes = options.target.VectorLanes(ByteSize(nest.store->value.type().scalar));
  if (nest.stage->reduction.empty()) {
    const For* inner = nest.loops.back();
    if (inner->extent >= lanes && lanes > 1 && IsContiguousOver(nest, inner->var)) {
      vector = inner->var;
    }
  }
  if (parallel.empty() && vector.empty()) return nullptr;
  return std::make_shared<ElementwisePlan>(std::move(parallel), std::move(vector), lanes);
}

class ElementwiseRule : public Rule {
 public:
  std::string_view name() const override { return "elementwise"; }
  bool is_fallback() const override { return true; }

  std::vector<PlanMatch> Match(const SpaceContext& context, size_t first) const override {
    auto plan = NewElementwisePlan(context.nests[first], context.options);
    if (plan == nullptr) return {};
    TraceBuilder trace;
    plan->Emit({}, trace);
    if (!Replay(context.naive, std::move(trace).Build()).ok()) return {};
    return {{std::move(plan), {first}}};
  }
};

}  // namespace

std::unique_ptr<Rule> NewElementwiseRule() { return std::make_unique<ElementwiseRule>(); }

}  // namespace lathe
