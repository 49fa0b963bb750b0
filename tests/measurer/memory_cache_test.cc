#include "measurer/memory_cache.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

std::shared_ptr<const SharedMemory> Memory(uint64_t bytes) {
  return std::make_shared<const SharedMemory>(SharedMemory::Create(bytes).value());
}

TEST(MemoryCache, TheLeastRecentlyUsedGoesFirst) {
  MemoryCache cache(100);
  cache.Insert("a", Memory(40));
  cache.Insert("b", Memory(40));
  auto a = cache.Find("a");
  ASSERT_NE(a, nullptr);
  cache.Insert("c", Memory(40));
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_EQ(cache.Find("a"), a);
  EXPECT_EQ(cache.bytes(), 80u);
  cache.Insert("huge", Memory(500));
  EXPECT_NE(cache.Find("huge"), nullptr);
  EXPECT_EQ(cache.Find("a"), nullptr);
  cache.Insert("huge", Memory(10));
  EXPECT_EQ(cache.bytes(), 10u);
}

}  // namespace
}  // namespace lathe
