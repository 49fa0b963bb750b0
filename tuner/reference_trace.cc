#include "tuner/reference_trace.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "compiler/loop/program.h"
#include "compiler/space/structure.h"
#include "compiler/space/trace_builder.h"

namespace lathe {
namespace {

// Of one nest; empty where nothing is contiguous.
Trace StepsFor(const StageNest& nest, int64_t lanes) {
  auto lane = std::find_if(nest.loops.begin(), nest.loops.end(), [&](const For* loop) {
    return nest.output.StrideOf(loop->var) == 1 && loop->extent >= lanes;
  });
  if (lane == nest.loops.end()) return {};
  TraceBuilder trace;
  std::vector<std::string> order;
  for (const For* loop : nest.loops) {
    if (loop != *lane) order.push_back(loop->var);
  }
  auto [outer, inner] = trace.Split((*lane)->var, lanes);
  order.insert(order.end(), {outer, inner});
  if (*lane != nest.loops.back()) trace.Reorder(order);
  trace.Mark("vectorize", {inner});
  if ((*lane)->extent % lanes != 0) trace.Mark("tail", {outer, "partition"});
  return std::move(trace).Build();
}

}  // namespace

Trace ReferenceTrace(const Function& reference, const Target& target) {
  const int64_t lanes = target.VectorLanes(sizeof(double));
  Trace whole;
  absl::StatusOr<Program> naive = BuildNaive(reference);
  if (!naive.ok() || lanes < 2) return whole;
  for (const StageNest& nest : NestsOf(*naive)) {
    Trace extended = whole;
    for (TraceStep& step : StepsFor(nest, lanes).steps) extended.steps.push_back(std::move(step));
    if (Replay(*naive, extended).ok()) whole = std::move(extended);
  }
  return whole;
}

}  // namespace lathe
