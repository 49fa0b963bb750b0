#include "compiler/codegen/packed_block.h"

#include "compiler/codegen/workspace_layout.h"
#include "compiler/loop/buffer_uses.h"

namespace lathe {

PackedBlock PlanPackedBlock(const Program& lowered) {
  PackedBlock block;
  const absl::flat_hash_set<std::string> prepare = BuffersUsed(lowered.prepare);
  const absl::flat_hash_set<std::string> call = BuffersUsed(lowered.body);
  for (const Buffer& buffer : lowered.buffers) {
    if (buffer.access == Access::kPacked) {
      block.offsets.push_back(block.bytes);
      block.bytes += AlignedBytes(buffer);
    }
    if (buffer.access == Access::kConst && prepare.contains(buffer.name)) {
      block.sources.insert(buffer.name);
      if (!call.contains(buffer.name)) block.replaced.insert(buffer.name);
    }
  }
  return block;
}

}  // namespace lathe
