#include "cli/options.h"

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "measurer/device_probe.h"

namespace lathe::cli {

namespace {

// The trace of a record, proved to give the program that was measured.
absl::StatusOr<Trace> RecordedTrace(const Record& record, const Function& canonical) {
  ASSIGN_OR_RETURN(Trace trace, ParseTrace(record.trace, "its trace"));
  ASSIGN_OR_RETURN(Program program, LowerWithTrace(canonical, trace));
  if (ProgramHash(program) != record.program_hash) {
    return absl::FailedPreconditionError("its trace gives another program with this version");
  }
  return trace;
}

}  // namespace

void AddTaskOptions(CLI::App& app, TaskOptions& options) {
  app.add_option("FUNCTION", options.function, "File, - or op:NAME(...)")->required();
  app.add_option("--target", options.target, "host, a name of `lathe target --list`, or a line")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads of one call")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--accuracy", options.accuracy, "strict or relaxed")
      ->check(CLI::IsMember({"strict", "relaxed"}))
      ->capture_default_str();
  app.add_option("--regime", options.regime, "Caches before a call: warm or cold")
      ->check(CLI::IsMember({"warm", "cold"}))
      ->capture_default_str();
}

void AddDatabaseOption(CLI::App& app, std::string& path) {
  app.add_option("--db", path, "Database file; default: lathe.db in the user's data directory");
}

void AddJsonOption(CLI::App& app, bool& json) { app.add_flag("--json", json, "Print JSON"); }

lathe::Query LoadedTask::Query(std::string device_kind) const {
  lathe::Query query;
  query.function = function;
  query.target = target;
  query.device_kind = std::move(device_kind);
  query.threads = threads;
  query.accuracy = accuracy;
  query.regime = regime;
  return query;
}

std::string LocalDeviceKind() { return ProbeDevice("", "").kind().text(); }

absl::StatusOr<LoadedTask> LoadTask(const TaskOptions& options) {
  LoadedTask task;
  ASSIGN_OR_RETURN(task.target, ParseTarget(options.target));
  ASSIGN_OR_RETURN(task.function, LoadFunction(options.function));
  task.canonical = Canonicalize(task.function).function;
  ASSIGN_OR_RETURN(task.names, TraceNames::Of(task.function));
  task.threads = options.threads;
  task.accuracy = *AccuracyFromName(options.accuracy);
  task.regime = *RegimeFromName(options.regime);
  return task;
}

absl::StatusOr<NamedTrace> ResolveTrace(const std::string& name, const LoadedTask& task,
                                        const std::string& store_path) {
  NamedTrace result;
  result.origin = name;
  if (name == "naive") return result;
  if (name == "default") {
    ASSIGN_OR_RETURN(result.canonical, DefaultTrace(task.canonical, task.Space()));
    result.trace = task.names.ToAuthor(result.canonical);
    return result;
  }
  if (name != "best") {
    ASSIGN_OR_RETURN(std::string text, ReadFile(name));
    ASSIGN_OR_RETURN(result.trace, ParseTrace(text, name));
    result.canonical = task.names.ToCanonical(result.trace);
    return result;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(store_path));
  bool host = CheckRunsOn(task.target, HostTarget()).ok();
  ASSIGN_OR_RETURN(LookupResult found,
                   Lookup(*store, task.Query(host ? LocalDeviceKind() : std::string())));
  if (!found.record) {
    return absl::NotFoundError(absl::StrCat("no record of ", task.function.name, " for this task (",
                                            found.reason, "); tune it first: lathe tune"));
  }
  absl::StatusOr<Trace> recorded = RecordedTrace(*found.record, task.canonical);
  if (!recorded.ok()) {
    return absl::NotFoundError(absl::StrCat("record ", found.record->id, " of ", task.function.name,
                                            " is stale (", recorded.status().message(),
                                            "); tune it again"));
  }
  result.canonical = *std::move(recorded);
  result.trace = task.names.ToAuthor(result.canonical);
  result.origin = absl::StrCat("best (", std::string(Name(found.verdict)), ")");
  result.lookup = std::move(found);
  return result;
}

std::string ToAuthor(const std::string& trace, const TraceNames& names) {
  absl::StatusOr<Trace> parsed = ParseTrace(trace, "record");
  return parsed.ok() ? ToText(names.ToAuthor(*parsed)) : trace;
}

}  // namespace lathe::cli
