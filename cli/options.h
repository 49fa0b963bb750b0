// Options that several commands share, and what they mean.
#ifndef LATHE_CLI_OPTIONS_H_
#define LATHE_CLI_OPTIONS_H_

#include <memory>
#include <string>
#include <string_view>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "compiler/schedule/trace.h"
#include "compiler/schedule/trace_names.h"
#include "compiler/space/space.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "database/lookup.h"
#include "database/store.h"
#include "tuner/lookup.h"

namespace lathe::cli {

// FUNCTION and what makes it a task, as given.
struct TaskOptions {
  std::string function;
  std::string target = "host";
  std::string accuracy = "strict", regime = "warm";
  int threads = 1;
};
void AddTaskOptions(CLI::App& app, TaskOptions& options);

// --db; empty: the default.
void AddDatabaseOption(CLI::App& app, std::string& path);
void AddJsonOption(CLI::App& app, bool& json);

// The parts that TaskOptions name, loaded and checked.
struct LoadedTask {
  Function function;   // as its author wrote it: what is shown and built
  Function canonical;  // in canonical names: what is tuned, measured and recorded
  TraceNames names;    // between traces of the two
  Target target;
  int threads = 1;
  Accuracy accuracy = Accuracy::kStrict;
  Regime regime = Regime::kWarm;

  SpaceOptions Space() const { return {target, threads}; }
  // For `device_kind` (empty: any).
  lathe::Query Query(std::string device_kind) const;
};
absl::StatusOr<LoadedTask> LoadTask(const TaskOptions& options);

// The canonical device kind of this machine.
std::string LocalDeviceKind();

// A .tfn file (FILE#NAME picks one function of several), "-" or "op:...".
absl::StatusOr<Function> LoadFunction(const std::string& argument);

// The whole of a file; InvalidArgument naming the path and the reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);
// Writes by a temporary file beside it, so that no half-written file is seen.
absl::Status WriteFile(const std::string& path, std::string_view contents);
// Where to write what shall stand at `path` whole or not at all: beside it, or in the
// place itself where that is a device, a pipe or a link, which must not be replaced.
std::string StagingPath(const std::string& path);
// Puts what was written to `staged` in its place, or removes it if it is not whole.
absl::Status Unstage(const std::string& staged, const std::string& path, bool whole);

// lathe.db in the user's data directory (XDG Base Directory specification).
absl::StatusOr<std::string> DefaultDatabasePath();
// The database at `path`, or at the default place when empty. For reading, a
// missing default database is an empty one.
absl::StatusOr<std::unique_ptr<RecordStore>> OpenForReading(const std::string& path);
absl::StatusOr<std::unique_ptr<RecordStore>> OpenForWriting(const std::string& path);

// --max-loss: how much slower than tuned a schedule of another shape may be
// expected to be, as a fraction.
void AddMaxLossOption(CLI::App& app, double& max_loss);

// A trace by name: naive | default | best | FILE. `best` looks the task up in
// `store_path` (FindSchedule); NotFound when nothing may be served.
struct NamedTrace {
  Trace trace;          // in the author's names
  Trace canonical;      // in canonical names
  std::string origin;   // "naive", "default", "best (exact)", the file
  FoundSchedule found;  // of `best`
};
absl::StatusOr<NamedTrace> ResolveTrace(const std::string& name, const LoadedTask& task,
                                        const std::string& store_path, double max_loss = 0);

// The text of a recorded trace in the author's names; as it is if unreadable.
std::string ToAuthor(const std::string& trace, const TraceNames& names);

}  // namespace lathe::cli

#endif  // LATHE_CLI_OPTIONS_H_
