// Cold caches: data are pushed out of every cache before a call.
#ifndef LATHE_MEASURER_CACHE_FLUSH_H_
#define LATHE_MEASURER_CACHE_FLUSH_H_

#include <cstdint>
#include <vector>

namespace lathe {

struct MemoryRange {
  const char* data = nullptr;
  uint64_t bytes = 0;
};

// Evicts by the instruction that does so for all cores and all levels (x86: clflushopt
// or clflush; AArch64: dc civac), and else by walking over memory of its own that is
// larger than the largest cache, which evicts from the caches of this core only.
class CacheFlusher {
 public:
  explicit CacheFlusher(uint64_t largest_cache_bytes);

  // `ranges` must be readable. On return nothing of them is in a cache.
  void Flush(const std::vector<MemoryRange>& ranges);

  // Whether there is an instruction for it.
  static bool ByInstruction();

 private:
  void Walk();

  uint64_t walk_bytes_;
  std::vector<char> walk_;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_CACHE_FLUSH_H_
