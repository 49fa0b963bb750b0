// The commands of `lathe`: each adds its options to a CLI11 subcommand and
// gives back what to run.
#ifndef LATHE_CLI_COMMAND_H_
#define LATHE_CLI_COMMAND_H_

#include <functional>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"

namespace lathe::cli {

enum ExitCode : int {
  kSuccess = 0,
  kNegative = 1,  // a negative answer: no record
  kError = 2,
};

// Runs after the command line was parsed; a Status ends as one message on
// stderr and kError.
using Action = std::function<absl::StatusOr<ExitCode>()>;

struct Command {
  const char* name;
  const char* summary;
  Action (*add)(CLI::App& app);
};

Action AddBench(CLI::App& app);
Action AddBuild(CLI::App& app);
Action AddDb(CLI::App& app);
Action AddMeasureQuality(CLI::App& app);
Action AddModel(CLI::App& app);
Action AddOps(CLI::App& app);
Action AddQuery(CLI::App& app);
Action AddReport(CLI::App& app);
Action AddRun(CLI::App& app);
Action AddShow(CLI::App& app);
Action AddTarget(CLI::App& app);
Action AddTune(CLI::App& app);

}  // namespace lathe::cli

#endif  // LATHE_CLI_COMMAND_H_
