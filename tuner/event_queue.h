// Carries what callbacks of other threads bring to the one thread that decides.
#ifndef LATHE_TUNER_EVENT_QUEUE_H_
#define LATHE_TUNER_EVENT_QUEUE_H_

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/time/time.h"

namespace lathe {

template <typename Event>
class EventQueue {
 public:
  void Push(Event event) {
    std::lock_guard<std::mutex> lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_one();
  }
  // The oldest event, waiting for one up to `timeout`.
  std::optional<Event> Pop(absl::Duration timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                           [this] { return !events_.empty(); })) {
      return std::nullopt;
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_EVENT_QUEUE_H_
