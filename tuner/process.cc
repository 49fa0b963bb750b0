#include "tuner/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"

namespace lathe {
namespace {

constexpr int64_t kStderrTailBytes = 2000;

// Everything the child needs between fork and exec, where it may only make
// async-signal-safe calls.
struct ChildPlan {
  pid_t parent = 0;
  char* const* argv = nullptr;
  int channel = -1;
  int stderr_file = -1;
  int null = -1;
  int error_pipe = -1;  // receives errno when exec fails
  bool pin = false;
  cpu_set_t cpus;
  uint64_t memory_bytes = 0;
  uint64_t output_file_bytes = 0;
};

void Limit(__rlimit_resource resource, uint64_t value) {
  struct rlimit limit = {value, value};
  setrlimit(resource, &limit);
}

[[noreturn]] void RunChild(const ChildPlan& plan) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);  // it died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (plan.pin) sched_setaffinity(0, sizeof(plan.cpus), &plan.cpus);
  Limit(RLIMIT_CORE, 0);
  if (plan.memory_bytes > 0) Limit(RLIMIT_AS, plan.memory_bytes);
  if (plan.output_file_bytes > 0) Limit(RLIMIT_FSIZE, plan.output_file_bytes);
  int in_out = plan.channel >= 0 ? plan.channel : plan.null;
  bool ok = dup2(in_out, STDIN_FILENO) >= 0 && dup2(in_out, STDOUT_FILENO) >= 0 &&
            (plan.stderr_file < 0 || dup2(plan.stderr_file, STDERR_FILENO) >= 0);
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (ok) execv(plan.argv[0], plan.argv);
  int error = errno;
  (void)!write(plan.error_pipe, &error, sizeof(error));
  _exit(127);
}

// Moves a descriptor out of the way of 0, 1 and 2, which the child overwrites.
UniqueFd AboveStandard(UniqueFd fd) {
  if (fd.get() < 0 || fd.get() > STDERR_FILENO) return fd;
  return UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

absl::Status SystemError(std::string_view what, int error) {
  return absl::UnavailableError(
      absl::StrCat(std::string(what), ": ", std::string(std::strerror(error))));
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int UniqueFd::Release() { return std::exchange(fd_, -1); }

void UniqueFd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

std::string Describe(const ExitStatus& status) {
  if (status.signal != 0) {
    return absl::StrCat("died of signal ", status.signal, " (",
                        std::string(sigdescr_np(status.signal) ? sigdescr_np(status.signal) : "?"),
                        ")");
  }
  return absl::StrCat("exited with code ", status.code);
}

absl::StatusOr<std::unique_ptr<Process>> Process::Spawn(const ProcessOptions& options) {
  auto process = std::unique_ptr<Process>(new Process);
  UniqueFd child_channel, null;
  if (options.channel) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return SystemError("socketpair", errno);
    }
    process->channel_ = UniqueFd(ends[0]);
    child_channel = AboveStandard(UniqueFd(ends[1]));
  } else {
    null = AboveStandard(UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)));
  }
  if (options.capture_stderr) {
    process->stderr_file_ = AboveStandard(UniqueFd(memfd_create("stderr", MFD_CLOEXEC)));
    // Appending, so that DropStderr may truncate it under the child's feet.
    if (process->stderr_file_.get() < 0 ||
        fcntl(process->stderr_file_.get(), F_SETFL, O_APPEND) != 0) {
      return SystemError("memfd_create", errno);
    }
  }
  int error_ends[2];
  if (pipe2(error_ends, O_CLOEXEC) != 0) return SystemError("pipe2", errno);
  UniqueFd error_read(error_ends[0]);
  UniqueFd error_write = AboveStandard(UniqueFd(error_ends[1]));

  std::vector<std::string> words = {options.program};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  ChildPlan plan;
  plan.parent = getpid();
  plan.argv = argv.data();
  plan.channel = child_channel.get();
  plan.stderr_file = process->stderr_file_.get();
  plan.null = null.get();
  plan.error_pipe = error_write.get();
  plan.pin = !options.cpus.empty();
  CPU_ZERO(&plan.cpus);
  for (int cpu : options.cpus) CPU_SET(cpu, &plan.cpus);
  plan.memory_bytes = options.memory_bytes;
  plan.output_file_bytes = options.output_file_bytes;

  pid_t pid = fork();
  if (pid < 0) return SystemError("fork", errno);
  if (pid == 0) RunChild(plan);
  setpgid(pid, pid);  // in both, so that the group exists whoever comes first
  process->pid_ = pid;
  process->pid_fd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  error_write.Reset();
  int error = 0;
  ssize_t got;
  do {
    got = read(error_read.get(), &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  if (got == sizeof(error)) return SystemError(absl::StrCat("cannot run ", options.program), error);
  return process;
}

Process::~Process() { Stop(absl::ZeroDuration()); }

std::optional<ExitStatus> Process::Poll() {
  if (exit_) return exit_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  exit_ = ExitStatus{};
  if (WIFSIGNALED(status)) {
    exit_->signal = WTERMSIG(status);
  } else {
    exit_->code = WEXITSTATUS(status);
  }
  return exit_;
}

std::optional<ExitStatus> Process::Wait(absl::Duration timeout) {
  absl::Time deadline = absl::Now() + timeout;
  while (true) {
    if (auto status = Poll()) return status;
    absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return std::nullopt;
    struct pollfd ended = {pid_fd_.get(), POLLIN, 0};
    // Without a pidfd (fd < 0 is ignored by poll) this is a slow poll.
    int64_t slice = pid_fd_.get() >= 0 ? 1000000 : 10;
    poll(&ended, 1, static_cast<int>(std::min(absl::ToInt64Milliseconds(left) + 1, slice)));
  }
}

ExitStatus Process::Stop(absl::Duration grace) {
  if (exit_ || pid_ < 0) return exit_.value_or(ExitStatus{});
  channel_.Reset();
  if (grace > absl::ZeroDuration()) {
    kill(pid_, SIGTERM);
    // Wait for the end without reaping, so that the group's id stays ours.
    struct pollfd ended = {pid_fd_.get(), POLLIN, 0};
    poll(&ended, 1, static_cast<int>(absl::ToInt64Milliseconds(grace)));
  }
  kill(-pid_, SIGKILL);
  while (!Poll()) Wait(absl::Seconds(1));
  return *exit_;
}

std::string Process::StderrTail() const {
  if (stderr_file_.get() < 0) return "";
  off_t size = lseek(stderr_file_.get(), 0, SEEK_END);
  off_t start = std::max<off_t>(0, size - kStderrTailBytes);
  std::string tail(static_cast<size_t>(std::max<off_t>(0, size - start)), '\0');
  ssize_t got = pread(stderr_file_.get(), tail.data(), tail.size(), start);
  tail.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  absl::StripAsciiWhitespace(&tail);
  return absl::StrReplaceAll(tail, {{"\n", " | "}});
}

void Process::DropStderr() {
  if (stderr_file_.get() >= 0) (void)!ftruncate(stderr_file_.get(), 0);
}

absl::StatusOr<std::string> FindTool(std::string_view name) {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return absl::UnavailableError("cannot read /proc/self/exe; is /proc mounted?");
  std::filesystem::path beside = self.parent_path() / name;
  std::filesystem::path libexec = self.parent_path().parent_path() / "libexec/lathe" / name;
  for (const std::filesystem::path& path : {beside, libexec}) {
    if (access(path.c_str(), X_OK) == 0) return path.string();
  }
  return absl::NotFoundError(absl::StrCat("program ", std::string(name), " not found; looked for ",
                                          beside.string(), " and ", libexec.string(),
                                          ". Is Lathe installed or built completely?"));
}

}  // namespace lathe
