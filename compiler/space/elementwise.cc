// The plan for stages that no rule tiles: marks that are always safe.
#include "compiler/space/plan.h"

namespace lathe {
namespace {

class ElementwisePlan : public Plan {
 public:
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
  std::vector<int64_t> Analytic() const override { return {}; }

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

}  // namespace

std::unique_ptr<Plan> NewElementwisePlan(const StageNest& nest, const SpaceOptions& options) {
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
  return std::make_unique<ElementwisePlan>(std::move(parallel), std::move(vector), lanes);
}

}  // namespace lathe
