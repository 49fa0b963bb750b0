#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/output.h"
#include "compiler/base/version.h"

namespace lathe::cli {
namespace {

constexpr Command kCommands[] = {
    {"tune", "Search the fastest implementation of a function on this machine", AddTune},
    {"query", "Show the best known schedule of a function", AddQuery},
    {"build", "Build a deployable library from the best known schedule", AddBuild},
    {"run", "Check and time one implementation now", AddRun},
    {"bench", "Compare with other libraries and the limits of the machine", AddBench},
    {"measure-quality", "Say how far the numbers of this machine can be trusted",
     AddMeasureQuality},
    {"show", "Print a function at one level, from tensor function to assembly", AddShow},
    {"target", "Print the target: what generated code may use", AddTarget},
    {"ops", "List the operator library", AddOps},
    {"report", "Write a page of tasks, search curves and roofline from a database", AddReport},
    {"model", "Train and evaluate cost models", AddModel},
    {"db", "Inspect and verify a schedule database", AddDb},
};

constexpr char kFooter[] =
    "FUNCTION is a .tfn file (FILE#NAME picks one of several), - for standard input, or\n"
    "an operator such as op:matmul(m=512,n=512,k=512); `lathe ops` lists them.\n"
    "Exit status: 0 success, 1 negative answer (no record), 2 error.";

int Main(int argc, char** argv) {
  CLI::App app("Lathe tunes tensor functions for the machine they run on.", "lathe");
  app.set_version_flag("--version", std::string("lathe ") + LatheVersion());
  app.require_subcommand(1);
  app.footer(kFooter);
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    actions.emplace_back(sub, command.add(*sub));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of code 0; CLI11's other codes are its own.
    if (error.get_exit_code() == 0) return app.exit(error) == 0 ? kSuccess : kError;
    std::vector<std::string> unknown = app.remaining();
    PrintError(
        (unknown.empty() ? std::string(error.what()) : "unknown command " + unknown.front()) +
        " (lathe --help says what there is)");
    return kError;
  }
  for (auto& [sub, action] : actions) {
    if (!sub->parsed()) continue;
    absl::StatusOr<ExitCode> code = action();
    if (!code.ok()) {
      PrintError(code.status());
      return kError;
    }
    if (std::fflush(stdout) != 0) {
      PrintError("cannot write to standard output");
      return kError;
    }
    return *code;
  }
  return kError;
}

}  // namespace
}  // namespace lathe::cli

int main(int argc, char** argv) {
  // A closed pipe behind us is an error of the write, not the end of the
  // process: tuning keeps what was measured.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return lathe::cli::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    lathe::cli::PrintError("not enough memory on this machine");
    return lathe::cli::kError;
  } catch (const std::exception& error) {
    lathe::cli::PrintError(std::string("internal error: ") + error.what());
    return lathe::cli::kError;
  }
}
