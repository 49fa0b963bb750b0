// A lathe-runner as its parent sees it.
#ifndef LATHE_MEASURER_RUNNER_PROCESS_H_
#define LATHE_MEASURER_RUNNER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "measurer/descriptor.h"
#include "measurer/runner_protocol.h"

namespace lathe {

struct RunnerOptions {
  std::string executable;
  uint64_t address_space_bytes = 0;  // 0: unlimited
  uint64_t largest_cache_bytes = 0;
  std::vector<std::string> libraries;  // that kernels may call; `executable` must open them
};

// How one job ended. Without a reply the process has died and must be replaced.
struct RunnerOutcome {
  std::optional<RunnerReply> reply;
  bool timed_out = false;
  bool killed = false;          // by Kill()
  bool killed_outside = false;  // by a SIGKILL that was not ours: the system, an operator
  uint32_t contender = 0;       // at whose work it died (RunnerStatusPage)
  std::string error;            // how it died: signal, what it was doing, which access
};

class RunnerProcess {
 public:
  // Must be called by a thread that outlives the process: the runner dies with
  // the thread that started it.
  static absl::StatusOr<std::unique_ptr<RunnerProcess>> Start(const RunnerOptions& options);

  // Kills the process and everything in its group.
  ~RunnerProcess();

  // Hands it a job and waits, at most `seconds`, after which it is killed.
  RunnerOutcome Run(const RunnerJob& job, const std::vector<int>& descriptors, double seconds);

  // Ends the process at once, from any thread; Run then returns with `killed`.
  void Kill();

  // False once the process has ended, for whatever reason.
  bool Alive() const;

  pid_t pid() const { return pid_; }

 private:
  RunnerProcess() = default;
  void LimitCpuTime(double seconds);
  // Waits for the end of the process; says how it ended, and by which signal (0: none).
  std::string Reap(int* signal = nullptr);

  pid_t pid_ = -1;
  Descriptor socket_;
  RunnerStatusPage* page_ = nullptr;
  std::mutex mutex_;    // guards what follows
  bool alive_ = false;  // pid_ is ours to signal
  bool killed_ = false;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_RUNNER_PROCESS_H_
