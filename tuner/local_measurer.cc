#include "tuner/local_measurer.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tuner/process.h"

namespace lathe {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

}  // namespace

LocalMeasurer::LocalMeasurer(LocalMeasurerOptions options,
                             std::function<void(absl::Status)> give_up)
    : options_(std::move(options)),
      give_up_(std::move(give_up)),
      thread_([this] { Supervise(); }) {}

LocalMeasurer::~LocalMeasurer() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool LocalMeasurer::stopping() {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

// Spawns from this thread, which outlives the process (see process.h).
void LocalMeasurer::Supervise() {
  ProcessOptions spawn;
  spawn.program = options_.program;
  spawn.arguments = options_.arguments;
  spawn.capture_stderr = true;
  for (int quick_deaths = 0; quick_deaths < options_.max_quick_deaths;) {
    absl::Time started = absl::Now();
    absl::StatusOr<std::unique_ptr<Process>> process = Process::Spawn(spawn);
    if (!process.ok()) return give_up_(process.status());
    std::optional<ExitStatus> exit;
    while (!exit) {
      if (stopping()) {
        (*process)->Stop(options_.stop_grace);
        return;
      }
      exit = (*process)->Wait(kPollInterval);
    }
    quick_deaths = absl::Now() - started < options_.quick_death ? quick_deaths + 1 : 0;
    if (quick_deaths == options_.max_quick_deaths) {
      return give_up_(absl::UnavailableError(
          absl::StrCat("the measurer ", options_.program, " ", Describe(*exit), " ", quick_deaths,
                       " times in a row, each right after its start: ", (*process)->StderrTail())));
    }
    std::unique_lock<std::mutex> lock(mutex_);
    if (changed_.wait_for(lock, std::chrono::milliseconds(100 * quick_deaths),
                          [this] { return stopping_; })) {
      return;
    }
  }
}

}  // namespace lathe
