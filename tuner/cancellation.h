// A request to stop, safe to make from a signal handler.
#ifndef LATHE_TUNER_CANCELLATION_H_
#define LATHE_TUNER_CANCELLATION_H_

#include <atomic>
#include <cstdint>

namespace lathe {

class Cancellation {
 public:
  void Request() noexcept { requested_.store(true); }
  bool requested() const noexcept { return requested_.load(); }

 private:
  static_assert(std::atomic<bool>::is_always_lock_free);
  std::atomic<bool> requested_ = false;
};

// What the signals of a person who wants an end ask for: the first, to finish in order;
// one that follows within kGrace, nothing, since shells and process groups may deliver
// one Ctrl-C twice; a later one, to end at once. Safe in a signal handler.
class Interruptions {
 public:
  enum class Response { kFinish, kNothing, kEnd };
  static constexpr int64_t kGrace = 1'000'000'000;  // nanoseconds

  // `now`: nanoseconds of a monotonic clock.
  Response On(int64_t now) noexcept {
    int64_t first = kNone;
    if (first_.compare_exchange_strong(first, now)) return Response::kFinish;
    return now - first < kGrace ? Response::kNothing : Response::kEnd;
  }

 private:
  static constexpr int64_t kNone = -1;
  static_assert(std::atomic<int64_t>::is_always_lock_free);
  std::atomic<int64_t> first_ = kNone;
};

// Whether it is requested; null is a run that cannot be cancelled.
inline bool IsRequested(const Cancellation* cancellation) {
  return cancellation != nullptr && cancellation->requested();
}

}  // namespace lathe

#endif  // LATHE_TUNER_CANCELLATION_H_
