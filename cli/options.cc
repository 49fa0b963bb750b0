#include "cli/options.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "measurer/device_probe.h"

namespace lathe::cli {
namespace {

constexpr double kDefaultMaxLoss = 0.10;

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

void AddMaxLossOption(CLI::App& app, double& max_loss) {
  max_loss = kDefaultMaxLoss;
  app.add_option_function<std::string>(
         "--max-loss",
         [&max_loss](const std::string& text) {
           double value = 0;
           bool percent = text.ends_with('%');
           std::string number = percent ? text.substr(0, text.size() - 1) : text;
           if (!absl::SimpleAtod(number, &value) ||
               !(value >= 0 && value <= (percent ? 1000 : 1))) {
             throw CLI::ValidationError("--max-loss",
                                        absl::StrCat("'", text, "' is no share such as 10%"));
           }
           max_loss = percent ? value / 100 : value;
         },
         "Without a record, serve a schedule of another shape, refitted, if it is expected to be "
         "at most this much slower than tuned; 0: never")
      ->default_str("10%");
}

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
  absl::StatusOr<Target> target = ParseTarget(options.target);
  if (!target.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--target: ", std::string(target.status().message())));
  }
  task.target = *std::move(target);
  ASSIGN_OR_RETURN(task.function, LoadFunction(options.function));
  task.canonical = Canonicalize(task.function).function;
  ASSIGN_OR_RETURN(task.names, TraceNames::Of(task.function));
  task.threads = options.threads;
  task.accuracy = *AccuracyFromName(options.accuracy);
  task.regime = *RegimeFromName(options.regime);
  return task;
}

absl::StatusOr<NamedTrace> ResolveTrace(const std::string& name, const LoadedTask& task,
                                        const std::string& store_path, double max_loss) {
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
  ASSIGN_OR_RETURN(FoundSchedule found,
                   FindSchedule(*store, task.Query(host ? LocalDeviceKind() : std::string()),
                                {.max_loss = max_loss}));
  if (!found.record) {
    return absl::NotFoundError(absl::StrCat("no record of ", task.function.name, " for this task (",
                                            found.reason, "); tune it first: lathe tune"));
  }
  result.canonical = found.trace;
  result.trace = task.names.ToAuthor(result.canonical);
  result.origin = absl::StrCat("best (", std::string(Name(found.verdict)), ")");
  result.found = std::move(found);
  return result;
}

std::string ToAuthor(const std::string& trace, const TraceNames& names) {
  absl::StatusOr<Trace> parsed = ParseTrace(trace, "record");
  return parsed.ok() ? ToText(names.ToAuthor(*parsed)) : trace;
}

}  // namespace lathe::cli
