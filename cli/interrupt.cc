#include "cli/interrupt.h"

#include <signal.h>
#include <time.h>

namespace lathe::cli {
namespace {

// Signal handlers reach static storage only.
Cancellation interrupted;
Interruptions interruptions;

// Async-signal-safe, as all that it calls.
void OnSignal(int signal) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  switch (interruptions.On(now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec)) {
    case Interruptions::Response::kFinish:
      return interrupted.Request();
    case Interruptions::Response::kNothing:
      return;
    case Interruptions::Response::kEnd:
      ::signal(signal, SIG_DFL);
      raise(signal);  // delivered when this returns
  }
}

}  // namespace

const Cancellation& StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return interrupted;
}

}  // namespace lathe::cli
