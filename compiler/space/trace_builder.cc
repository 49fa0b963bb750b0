#include "compiler/space/trace_builder.h"

namespace lathe {

void TraceBuilder::Add(std::string primitive, std::vector<std::string> results,
                       std::vector<TraceArgument> arguments) {
  TraceStep step;
  step.primitive = std::move(primitive);
  step.results = std::move(results);
  step.arguments = std::move(arguments);
  trace_.steps.push_back(std::move(step));
}

std::pair<std::string, std::string> TraceBuilder::Split(const std::string& loop, int64_t factor) {
  std::string outer = loop + ".o", inner = loop + ".i";
  Add("split", {outer, inner}, {loop, factor});
  return {outer, inner};
}

std::string TraceBuilder::Fuse(const std::string& outer, const std::string& inner,
                               const std::string& fused) {
  Add("fuse", {fused}, {outer, inner});
  return fused;
}

void TraceBuilder::Reorder(const std::vector<std::string>& loops) {
  Add("reorder", {}, {loops.begin(), loops.end()});
}

void TraceBuilder::ReverseComputeAt(const std::string& stage, const std::string& loop) {
  Add("reverse_compute_at", {}, {stage, loop});
}

std::string TraceBuilder::RFactor(const std::string& stage, const std::string& loop,
                                  const std::string& suffix) {
  std::string fold = stage + suffix;
  Add("rfactor", {fold}, {stage, loop});
  return fold;
}

std::string TraceBuilder::CacheWrite(const std::string& stage, const std::string& scope) {
  std::string copy = stage + ".copy";
  Add("cache_write", {copy}, {stage, scope});
  return copy;
}

std::string TraceBuilder::Pack(const std::string& buffer,
                               const std::vector<std::pair<int64_t, int64_t>>& blocks) {
  std::string copy = buffer + ".pack";
  std::vector<TraceArgument> arguments{buffer};
  for (const auto& [dimension, size] : blocks) {
    arguments.emplace_back(dimension);
    arguments.emplace_back(size);
  }
  Add("pack", {copy}, std::move(arguments));
  return copy;
}

std::string TraceBuilder::Pad(const std::string& buffer) {
  std::string copy = buffer + ".pad";
  Add("pad", {copy}, {buffer});
  return copy;
}

void TraceBuilder::Mark(const std::string& primitive, const std::vector<std::string>& arguments) {
  Add(primitive, {}, {arguments.begin(), arguments.end()});
}

}  // namespace lathe
