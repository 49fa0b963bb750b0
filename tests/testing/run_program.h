// Runs a program as a user would, for scenario tests.
#ifndef LATHE_TESTS_TESTING_RUN_PROGRAM_H_
#define LATHE_TESTS_TESTING_RUN_PROGRAM_H_

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace lathe::testing {

// A directory that is removed with its contents.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct RunOptions {
  std::string input;                               // on stdin
  std::map<std::string, std::string> environment;  // added to ours
  int timeout_seconds = 120;
};

struct RunResult {
  int exit_code = -1;  // -1: killed by `signal`
  int signal = 0;
  std::string out, err;
};

// Runs to the end (SIGKILL after the timeout).
RunResult RunProgram(const std::vector<std::string>& command, const RunOptions& options = {});

// A program in the background, writing to files; leads its own process group.
class BackgroundProgram {
 public:
  BackgroundProgram(const std::vector<std::string>& command, std::string out_path,
                    std::string err_path,
                    const std::map<std::string, std::string>& environment = {});
  ~BackgroundProgram();  // SIGKILL if it still runs
  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Waits for its end, at most `timeout_seconds`; then as RunProgram.
  RunResult Wait(int timeout_seconds);

 private:
  pid_t pid_ = -1;
  std::string out_path_, err_path_;
};

// Living descendants of `pid` (not itself), with their command names.
std::map<pid_t, std::string> DescendantsOf(pid_t pid);
bool IsAlive(pid_t pid);  // false for zombies

std::string ReadWholeFile(const std::string& path);
void WriteWholeFile(const std::string& path, const std::string& contents);

}  // namespace lathe::testing

#endif  // LATHE_TESTS_TESTING_RUN_PROGRAM_H_
