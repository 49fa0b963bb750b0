#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "compiler/runtime/lathe_thread_pool.h"

namespace {

using Pool = std::unique_ptr<lathe_thread_pool, void (*)(lathe_thread_pool*)>;

Pool MakePool(int32_t threads) {
  return Pool(lathe_thread_pool_create(threads, nullptr, 0), lathe_thread_pool_destroy);
}

struct Counts {
  explicit Counts(int64_t n) : seen(n) {}
  std::vector<std::atomic<int>> seen;
  std::atomic<int> bad_thread{0};
  int32_t threads = 0;
};

int32_t CountIteration(void* closure, int64_t i, int32_t thread) {
  auto* counts = static_cast<Counts*>(closure);
  counts->seen[i].fetch_add(1);
  if (thread < 0 || thread >= counts->threads) counts->bad_thread.fetch_add(1);
  return 0;
}

TEST(ThreadPool, RunsEveryIterationOnce) {
  for (int32_t threads : {1, 2, 5}) {
    Pool pool = MakePool(threads);
    ASSERT_NE(pool, nullptr);
    EXPECT_EQ(lathe_thread_pool_size(pool.get()), threads);
    for (int64_t iterations : {0, 1, 2, 7, 1000}) {
      for (int repeat = 0; repeat < 20; ++repeat) {
        Counts counts(iterations);
        counts.threads = threads;
        EXPECT_EQ(lathe_thread_pool_run(pool.get(), iterations, CountIteration, &counts), 0);
        for (auto& seen : counts.seen) EXPECT_EQ(seen.load(), 1);
        EXPECT_EQ(counts.bad_thread.load(), 0);
      }
    }
  }
}

TEST(ThreadPool, ReturnsATasksErrorAndStopsEarly) {
  Pool pool = MakePool(3);
  auto fail_at_ten = [](void* closure, int64_t i, int32_t) -> int32_t {
    static_cast<std::atomic<int64_t>*>(closure)->fetch_add(1);
    return i == 10 ? 7 : 0;
  };
  std::atomic<int64_t> ran{0};
  EXPECT_EQ(lathe_thread_pool_run(pool.get(), 1'000'000, fail_at_ten, &ran), 7);
  EXPECT_GE(ran.load(), 11);
  EXPECT_EQ(lathe_thread_pool_run(pool.get(), 5, fail_at_ten, &ran), 0) << "reusable afterwards";
}

TEST(ThreadPool, NestedLoopsRunOnTheirCaller) {
  Pool pool = MakePool(2);
  struct Nested {
    lathe_thread_pool* pool;
    std::atomic<int64_t> sum{0};
  } nested{pool.get()};
  auto outer = [](void* closure, int64_t, int32_t) -> int32_t {
    auto inner = [](void* c, int64_t i, int32_t) -> int32_t {
      static_cast<Nested*>(c)->sum.fetch_add(i);
      return 0;
    };
    return lathe_thread_pool_run(static_cast<Nested*>(closure)->pool, 5, inner, closure);
  };
  EXPECT_EQ(lathe_thread_pool_run(pool.get(), 4, outer, &nested), 0);
  EXPECT_EQ(nested.sum.load(), 40);
}

TEST(ThreadPool, RefusesToBeEmpty) { EXPECT_EQ(lathe_thread_pool_create(0, nullptr, 0), nullptr); }

}  // namespace
