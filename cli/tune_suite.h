// lathe tune SUITE: many functions share one budget.
#ifndef LATHE_CLI_TUNE_SUITE_H_
#define LATHE_CLI_TUNE_SUITE_H_

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/suite.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/tune_search.h"
#include "tuner/cancellation.h"

namespace lathe::cli {

// The entries when `argument` is a suite (file or name) or a file of several functions;
// nullopt when it is one function. Errors are the suite's.
absl::StatusOr<std::optional<std::vector<SuiteEntry>>> FindSuite(const std::string& argument);

struct SuiteTuneOptions {
  TaskOptions task;  // but for the function
  SearchChoice search;
  int64_t trials = std::numeric_limits<int64_t>::max();  // of each task
  absl::Duration budget = absl::InfiniteDuration();
  std::string cpus, db;
  bool auto_stop = true, json = false;
};

// Tunes all entries; kNegative when one of them has nothing to serve.
absl::StatusOr<ExitCode> TuneSuite(const SuiteTuneOptions& options,
                                   const std::vector<SuiteEntry>& entries,
                                   const Cancellation& interrupted);

}  // namespace lathe::cli

#endif  // LATHE_CLI_TUNE_SUITE_H_
