#include "tests/testing/run_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace lathe::testing {
namespace {

using Clock = std::chrono::steady_clock;

void Redirect(const std::string& path, int flags, int fd) {
  int opened = open(path.c_str(), flags, 0600);
  if (opened < 0 || dup2(opened, fd) < 0) _exit(126);
}

// Starts `command` with its standard streams on files.
pid_t Start(const std::vector<std::string>& command, const std::string& in, const std::string& out,
            const std::string& err, const std::map<std::string, std::string>& environment) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = fork();
  if (pid != 0) return pid;
  setpgid(0, 0);
  Redirect(in, O_RDONLY, STDIN_FILENO);
  Redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
  Redirect(err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  execv(argv[0], argv.data());
  _exit(127);
}

// The state letter and parent of a process from /proc; '\0' if there is none.
std::pair<char, pid_t> StateOf(pid_t pid) {
  std::string stat = ReadWholeFile("/proc/" + std::to_string(pid) + "/stat");
  size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return {'\0', 0};
  std::istringstream rest(stat.substr(name_end + 1));
  char state;
  pid_t parent;
  rest >> state >> parent;
  return {state, parent};
}

}  // namespace

ScratchDirectory::ScratchDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "lathe-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) std::abort();
  path_ = pattern;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

void WriteWholeFile(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
}

RunResult RunProgram(const std::vector<std::string>& command, const RunOptions& options) {
  ScratchDirectory scratch;
  std::string in = "/dev/null";
  if (!options.input.empty()) {
    in = scratch.path("in");
    WriteWholeFile(in, options.input);
  }
  // The files outlive the child only until Wait has read them.
  pid_t pid = Start(command, in, scratch.path("out"), scratch.path("err"), options.environment);
  RunResult result;
  Clock::time_point deadline = Clock::now() + std::chrono::seconds(options.timeout_seconds);
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) kill(-pid, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = ReadWholeFile(scratch.path("out"));
  result.err = ReadWholeFile(scratch.path("err"));
  return result;
}

BackgroundProgram::BackgroundProgram(const std::vector<std::string>& command, std::string out_path,
                                     std::string err_path,
                                     const std::map<std::string, std::string>& environment)
    : out_path_(std::move(out_path)), err_path_(std::move(err_path)) {
  pid_ = Start(command, "/dev/null", out_path_, err_path_, environment);
}

BackgroundProgram::~BackgroundProgram() {
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void BackgroundProgram::Signal(int signal) const { kill(pid_, signal); }

RunResult BackgroundProgram::Wait(int timeout_seconds) {
  Clock::time_point deadline = Clock::now() + std::chrono::seconds(timeout_seconds);
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) kill(-pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = -1;
  RunResult result;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.out = ReadWholeFile(out_path_);
  result.err = ReadWholeFile(err_path_);
  return result;
}

std::map<pid_t, std::string> DescendantsOf(pid_t pid) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t process = std::atoi(entry.path().filename().c_str());
    if (process > 0) children.emplace(StateOf(process).second, process);
  }
  std::map<pid_t, std::string> found;
  std::vector<pid_t> pending{pid};
  while (!pending.empty()) {
    pid_t parent = pending.back();
    pending.pop_back();
    auto [begin, end] = children.equal_range(parent);
    for (auto it = begin; it != end; ++it) {
      if (!IsAlive(it->second)) continue;
      std::string name = ReadWholeFile("/proc/" + std::to_string(it->second) + "/comm");
      if (!name.empty() && name.back() == '\n') name.pop_back();
      found[it->second] = name;
      pending.push_back(it->second);
    }
  }
  return found;
}

bool IsAlive(pid_t pid) {
  char state = StateOf(pid).first;
  return state != '\0' && state != 'Z' && state != 'X';
}

}  // namespace lathe::testing
