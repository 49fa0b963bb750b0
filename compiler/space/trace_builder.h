// Appends steps to a trace: rules write schedules through it.
#ifndef LATHE_COMPILER_SPACE_TRACE_BUILDER_H_
#define LATHE_COMPILER_SPACE_TRACE_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "compiler/schedule/trace.h"

namespace lathe {

class TraceBuilder {
 public:
  // Names of the two new loops: LOOP.o and LOOP.i.
  std::pair<std::string, std::string> Split(const std::string& loop, int64_t factor);
  std::string Fuse(const std::string& outer, const std::string& inner, const std::string& fused);
  void Reorder(const std::vector<std::string>& loops);
  void ReverseComputeAt(const std::string& stage, const std::string& loop);
  std::string CacheWrite(const std::string& stage, const std::string& scope);
  // Blocks of (dimension, size). The copy is the stage and buffer BUFFER.pack.
  std::string Pack(const std::string& buffer,
                   const std::vector<std::pair<int64_t, int64_t>>& blocks);
  std::string Pad(const std::string& buffer);  // BUFFER.pad
  // The new stage, STAGE.sum by default, reduces STAGE.sum.part.
  std::string RFactor(const std::string& stage, const std::string& loop,
                      const std::string& suffix = ".sum");
  // A step whose arguments are all names: marks, set_scope, compute_at, inline.
  void Mark(const std::string& primitive, const std::vector<std::string>& arguments);

  Trace Build() && { return std::move(trace_); }

 private:
  void Add(std::string primitive, std::vector<std::string> results,
           std::vector<TraceArgument> arguments);
  Trace trace_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_TRACE_BUILDER_H_
