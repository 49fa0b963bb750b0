// Shared memory by key, with the least recently used given up beyond a size:
// for artifacts by digest, and for the outputs of references.
#ifndef LATHE_MEASURER_MEMORY_CACHE_H_
#define LATHE_MEASURER_MEMORY_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "measurer/descriptor.h"

namespace lathe {

// Not thread-safe. What was handed out stays valid after it leaves the cache.
class MemoryCache {
 public:
  explicit MemoryCache(uint64_t capacity_bytes) : capacity_(capacity_bytes) {}

  // Null when absent; otherwise it becomes the most recently used.
  std::shared_ptr<const SharedMemory> Find(const std::string& key);
  // Replaces an entry of that key. The newest entry stays, however large.
  void Insert(const std::string& key, std::shared_ptr<const SharedMemory> memory);
  uint64_t bytes() const { return bytes_; }

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const SharedMemory>>;
  void Erase(const std::string& key);

  uint64_t capacity_;
  uint64_t bytes_ = 0;
  std::list<Entry> recent_;  // most recently used first
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_MEMORY_CACHE_H_
