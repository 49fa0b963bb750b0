// The measurer process of `lathe tune`: started, watched, replaced, stopped.
#ifndef LATHE_TUNER_LOCAL_MEASURER_H_
#define LATHE_TUNER_LOCAL_MEASURER_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace lathe {

struct LocalMeasurerOptions {
  std::string program;  // path of lathe-measurer
  std::vector<std::string> arguments;
  // This many deaths in a row, each within `quick_death` of the start, and it
  // is given up.
  int max_quick_deaths = 3;
  absl::Duration quick_death = absl::Seconds(2);
  absl::Duration stop_grace = absl::Seconds(5);
};

class LocalMeasurer {
 public:
  // `give_up` is called once, from another thread, when the measurer cannot be
  // kept alive, with the reason.
  LocalMeasurer(LocalMeasurerOptions options, std::function<void(absl::Status)> give_up);
  // Stops the process politely, then by force; joins.
  ~LocalMeasurer();

 private:
  void Supervise();
  bool stopping();

  const LocalMeasurerOptions options_;
  const std::function<void(absl::Status)> give_up_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_LOCAL_MEASURER_H_
