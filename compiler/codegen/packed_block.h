// Packed arguments as a caller sees them: which there are, what they are made
// from, and how the deployable wrapper lays them out.
#ifndef LATHE_COMPILER_CODEGEN_PACKED_BLOCK_H_
#define LATHE_COMPILER_CODEGEN_PACKED_BLOCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "compiler/loop/program.h"

namespace lathe {

// One block of memory for all packed arguments of a program.
struct PackedBlock {
  std::vector<int64_t> offsets;  // of each packed argument, in order; multiples of 64
  int64_t bytes = 0;             // a multiple of 64; 0: there are none
  // Const arguments that preparing reads, and those that no call reads then.
  absl::flat_hash_set<std::string> sources, replaced;
  bool empty() const { return offsets.empty(); }
};

PackedBlock PlanPackedBlock(const Program& lowered);

}  // namespace lathe

#endif  // LATHE_COMPILER_CODEGEN_PACKED_BLOCK_H_
