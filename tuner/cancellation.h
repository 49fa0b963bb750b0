// A request to stop, safe to make from a signal handler.
#ifndef LATHE_TUNER_CANCELLATION_H_
#define LATHE_TUNER_CANCELLATION_H_

#include <atomic>

namespace lathe {

class Cancellation {
 public:
  void Request() noexcept { requested_.store(true); }
  bool requested() const noexcept { return requested_.load(); }

 private:
  static_assert(std::atomic<bool>::is_always_lock_free);
  std::atomic<bool> requested_ = false;
};

// Whether it is requested; null is a run that cannot be cancelled.
inline bool IsRequested(const Cancellation* cancellation) {
  return cancellation != nullptr && cancellation->requested();
}

}  // namespace lathe

#endif  // LATHE_TUNER_CANCELLATION_H_
