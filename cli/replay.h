// lathe tune --replay: the decisions of a journal once more, without a device.
#ifndef LATHE_CLI_REPLAY_H_
#define LATHE_CLI_REPLAY_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/command.h"

namespace lathe::cli {

// Prints the result of the run; kNegative at the first decision that differs, saying
// where and why it may. The errors of ReadJournal.
absl::StatusOr<ExitCode> ReplayTuning(const std::string& journal, bool json);

}  // namespace lathe::cli

#endif  // LATHE_CLI_REPLAY_H_
