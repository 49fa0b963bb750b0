// Progress of many tasks on stderr: a live table on a terminal, a line for each new
// best or state otherwise.
#ifndef LATHE_CLI_SUITE_TABLE_H_
#define LATHE_CLI_SUITE_TABLE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tuner/suite_session.h"

namespace lathe::cli {

class SuiteTable {
 public:
  SuiteTable();
  void Update(const std::vector<SuiteTaskStatus>& tasks, absl::Duration left);
  // Draws what there is in the end, once more.
  void End(const std::vector<SuiteTaskStatus>& tasks, absl::Duration left);

 private:
  void Draw(const std::vector<SuiteTaskStatus>& tasks, absl::Duration left);
  void PrintNews(const std::vector<SuiteTaskStatus>& tasks);

  const bool terminal_;
  int lines_ = 0;  // of the table on the screen
  absl::Time last_ = absl::InfinitePast();
  std::vector<std::string> shown_;  // without a terminal: the last line of each task
};

// The table: function, trials, best, over default, share of device time, state.
std::string SuiteText(const std::vector<SuiteTaskStatus>& tasks);

}  // namespace lathe::cli

#endif  // LATHE_CLI_SUITE_TABLE_H_
