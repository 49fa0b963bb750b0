// Child processes: spawned with a private channel, never outliving us, always
// reaped.
#ifndef LATHE_TUNER_PROCESS_H_
#define LATHE_TUNER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace lathe {

// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }
  int get() const { return fd_; }
  int Release();
  void Reset();

 private:
  int fd_ = -1;
};

struct ProcessOptions {
  std::string program;                 // a path
  std::vector<std::string> arguments;  // without the program itself
  std::vector<int> cpus;               // to run on; empty: as ours
  uint64_t memory_bytes = 0;           // limit of the address space; 0: none
  uint64_t output_file_bytes = 0;      // limit of any file it writes; 0: none
  bool channel = false;                // stdin and stdout are a socket to us, else /dev/null
  bool capture_stderr = false;         // keep what it says (see StderrTail), else inherited
};

struct ExitStatus {
  int code = 0;    // exit code, if signal is 0
  int signal = 0;  // that killed it
  bool ok() const { return code == 0 && signal == 0; }
};
// "died of signal 11 (Segmentation fault)", "exited with code 3".
std::string Describe(const ExitStatus& status);

// One child. It leads its own process group, gets SIGKILL when the *thread*
// that spawned it ends (so spawn from a thread that outlives it), and inherits
// no descriptor but its standard ones. One thread may use an object at a time.
class Process {
 public:
  // Unavailable naming the program when it cannot be executed.
  static absl::StatusOr<std::unique_ptr<Process>> Spawn(const ProcessOptions& options);
  // Kills the whole group and reaps.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  int channel_fd() const { return channel_.get(); }  // -1 without a channel
  // The exit status once the child has ended and was reaped.
  std::optional<ExitStatus> Poll();
  // As Poll, waiting up to `timeout`.
  std::optional<ExitStatus> Wait(absl::Duration timeout);
  // Closes the channel, sends SIGTERM, and SIGKILL to the group after `grace`.
  ExitStatus Stop(absl::Duration grace);
  // The last bytes that the child wrote to stderr, one line; "" unless captured.
  std::string StderrTail() const;
  // Forgets what was captured so far.
  void DropStderr();

 private:
  Process() = default;

  pid_t pid_ = -1;
  UniqueFd pid_fd_;  // readable when the child has ended
  UniqueFd channel_;
  UniqueFd stderr_file_;
  std::optional<ExitStatus> exit_;
};

// The path of another program of Lathe: beside the running one, or in
// ../libexec/lathe. NotFound says where it was looked for.
absl::StatusOr<std::string> FindTool(std::string_view name);

}  // namespace lathe

#endif  // LATHE_TUNER_PROCESS_H_
