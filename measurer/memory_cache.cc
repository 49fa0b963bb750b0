#include "measurer/memory_cache.h"

namespace lathe {

std::shared_ptr<const SharedMemory> MemoryCache::Find(const std::string& key) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return found->second->second;
}

void MemoryCache::Insert(const std::string& key, std::shared_ptr<const SharedMemory> memory) {
  Erase(key);
  bytes_ += memory->bytes();
  recent_.emplace_front(key, std::move(memory));
  by_key_[key] = recent_.begin();
  while (bytes_ > capacity_ && recent_.size() > 1) Erase(std::string(recent_.back().first));
}

void MemoryCache::Erase(const std::string& key) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  bytes_ -= found->second->second->bytes();
  recent_.erase(found->second);
  by_key_.erase(found);
}

}  // namespace lathe
