#include "measurer/runner_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/conditions.h"

namespace lathe {
namespace {

const char* PhaseName(uint32_t phase) {
  switch (phase) {
    case RunnerStatusPage::kLoading:
      return "loading the artifact";
    case RunnerStatusPage::kReference:
      return "running the reference";
    case RunnerStatusPage::kPreparing:
      return "in prepare";
    case RunnerStatusPage::kChecking:
      return "checking";
    case RunnerStatusPage::kTiming:
      return "timing";
    default:
      return "idle";
  }
}

// A copy of `fd` out of the way of the descriptors that the runner expects.
Descriptor MovedUp(const Descriptor& fd) {
  return Descriptor(fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
}

// Starts the program; 0 or an error number.
int Spawn(const std::string& path, std::vector<std::string> arguments, int socket, int page,
          pid_t* pid) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  char* environment[] = {nullptr};

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, socket, kRunnerSocket);
  posix_spawn_file_actions_adddup2(&actions, page, kRunnerStatusPage);

  // Its own group, so that a signal at the terminal is the daemon's to handle,
  // and the default signals, whatever the daemon blocks.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  int error = posix_spawn(pid, path.c_str(), &actions, &attributes, argv.data(), environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunnerProcess>> RunnerProcess::Start(const RunnerOptions& options) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::InternalError("no socket for the runner");
  }
  std::unique_ptr<RunnerProcess> runner(new RunnerProcess);
  runner->socket_ = Descriptor(sockets[0]);
  Descriptor theirs = MovedUp(Descriptor(sockets[1]));
  ASSIGN_OR_RETURN(SharedMemory page, SharedMemory::Create(sizeof(RunnerStatusPage)));
  void* memory = mmap(nullptr, sizeof(RunnerStatusPage), PROT_READ | PROT_WRITE, MAP_SHARED,
                      page.writable(), 0);
  if (memory == MAP_FAILED) return absl::ResourceExhaustedError("no memory for the runner");
  runner->page_ = static_cast<RunnerStatusPage*>(memory);
  Descriptor page_descriptor(fcntl(page.writable(), F_DUPFD_CLOEXEC, 16));

  std::vector<std::string> arguments = {options.executable, absl::StrCat(getpid()),
                                        absl::StrCat(options.address_space_bytes),
                                        absl::StrCat(options.largest_cache_bytes)};
  arguments.insert(arguments.end(), options.libraries.begin(), options.libraries.end());
  int error = Spawn(options.executable, std::move(arguments), theirs.get(), page_descriptor.get(),
                    &runner->pid_);
  if (error != 0) {
    return absl::InternalError(
        absl::StrCat("cannot start ", options.executable, ": ", std::strerror(error)));
  }
  runner->alive_ = true;
  return runner;
}

RunnerProcess::~RunnerProcess() {
  Kill();
  if (alive_) Reap();
  if (page_ != nullptr) munmap(page_, sizeof(RunnerStatusPage));
}

void RunnerProcess::Kill() {
  std::lock_guard lock(mutex_);
  killed_ = true;
  if (alive_) kill(-pid_, SIGKILL);
}

bool RunnerProcess::Alive() const {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
         info.si_pid == 0;
}

// A second line of defence beside the wall clock, should this process stop.
void RunnerProcess::LimitCpuTime(double seconds) {
  clockid_t clock;
  timespec used;
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) return;
  rlimit limit = {static_cast<rlim_t>(used.tv_sec) + static_cast<rlim_t>(std::ceil(seconds)) + 5,
                  RLIM_INFINITY};
  prlimit(pid_, RLIMIT_CPU, &limit, nullptr);
}

std::string RunnerProcess::Reap(int* ended_by) {
  // A dying process closes its socket a moment before it can be waited for; one
  // that closed it and lives on is made to die.
  const double patience = MonotonicSeconds() + 1;
  siginfo_t info = {};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
         info.si_pid == 0) {
    if (MonotonicSeconds() > patience) kill(-pid_, SIGKILL);
    usleep(200);
  }
  std::lock_guard lock(mutex_);  // the process id is free for others from here on
  int status = 0;
  waitpid(pid_, &status, 0);
  alive_ = false;
  std::string while_doing = absl::StrCat(" while ", PhaseName(page_->phase));
  if (WIFEXITED(status)) {
    return absl::StrCat("the runner ended with code ", WEXITSTATUS(status), while_doing);
  }
  const int signal = WTERMSIG(status);
  if (ended_by != nullptr) *ended_by = signal;
  std::string error =
      absl::StrCat("killed by signal ", signal, " (", strsignal(signal), ")", while_doing);
  if (signal == SIGSYS) absl::StrAppend(&error, ": the kernel makes a forbidden system call");
  if (page_->fault_signal == static_cast<uint32_t>(signal)) {
    absl::StrAppend(&error, ": ",
                    std::string(page_->detail, strnlen(page_->detail, sizeof(page_->detail))));
  }
  return error;
}

RunnerOutcome RunnerProcess::Run(const RunnerJob& job, const std::vector<int>& descriptors,
                                 double seconds) {
  const double deadline = MonotonicSeconds() + seconds;
  LimitCpuTime(seconds * std::max(job.timing.threads, 1));
  RunnerOutcome outcome;
  absl::Status sent = SendFrame(socket_.get(), EncodeJob(job), descriptors);
  while (sent.ok()) {
    double left = deadline - MonotonicSeconds();
    if (left <= 0) {
      outcome.timed_out = true;
      break;
    }
    pollfd wait = {socket_.get(), POLLIN, 0};
    int ready = poll(&wait, 1, static_cast<int>(std::min(left * 1000 + 1, 1e6)));
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    absl::StatusOr<std::string> frame = ReceiveFrame(socket_.get(), nullptr);
    if (!frame.ok()) break;  // it died
    absl::StatusOr<RunnerReply> reply = DecodeReply(*frame);
    if (!reply.ok()) break;
    outcome.reply = *std::move(reply);
    return outcome;
  }
  {
    std::lock_guard lock(mutex_);
    outcome.killed = killed_;
    if (outcome.timed_out && alive_) {
      outcome.error = absl::StrCat("no end within ", seconds, " s while ", PhaseName(page_->phase));
    }
    if (outcome.timed_out && alive_) kill(-pid_, SIGKILL);
  }
  int signal = 0;
  std::string death = Reap(&signal);
  outcome.contender = page_->contender;
  outcome.killed_outside = signal == SIGKILL && !outcome.killed && !outcome.timed_out;
  if (outcome.error.empty()) outcome.error = std::move(death);
  return outcome;
}

}  // namespace lathe
