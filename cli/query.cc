// lathe query: the best known schedule, with its verdict and provenance.
#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record_json.h"
#include "compiler/base/status_macros.h"

namespace lathe::cli {
namespace {

struct Options {
  TaskOptions task;
  std::string db;
  double max_loss = 0;
  bool json = false;
};

// A target line without its dozens of features, which --json has.
std::string ShortTarget(const std::string& target) {
  size_t features = target.find(" features=");
  if (features == std::string::npos) return target;
  auto commas = std::count(target.begin() + static_cast<int64_t>(features), target.end(), ',');
  return absl::StrCat(target.substr(0, features), ", ", commas + 1, " features");
}

// What makes a record of the task: one command line.
std::string TuneCommand(const Options& options) {
  const TaskOptions defaults;
  std::string command = absl::StrCat("lathe tune '", options.task.function, "'");
  auto add = [&](const char* option, const std::string& value, const std::string& usual) {
    if (value != usual) absl::StrAppend(&command, " ", option, " '", value, "'");
  };
  add("--target", options.task.target, defaults.target);
  add("--threads", std::to_string(options.task.threads), std::to_string(defaults.threads));
  add("--accuracy", options.task.accuracy, defaults.accuracy);
  add("--regime", options.task.regime, defaults.regime);
  add("--db", options.db, "");
  return command;
}

// What was searched for what, and what to do.
void PrintNone(const Options& options, const std::string& database, const LoadedTask& task,
               const std::string& reason) {
  const absl::Status runs = CheckRunsOn(task.target, HostTarget());
  std::error_code error;
  const bool exists = std::filesystem::exists(database, error);
  Print(absl::StrCat(
      "verdict   none: ", reason, "\n",                                        //
      "target    ", ShortTarget(ToText(task.target)), "\n",                    //
      "searched  ", database, exists ? "" : ", which is not there yet", "\n",  //
      "to do     ", TuneCommand(options), "\n",
      runs.ok()
          ? ""
          : absl::StrCat("          on another machine: ", std::string(runs.message()), "\n")));
}

void PrintFound(const FoundSchedule& found, const std::string& trace) {
  const Record& record = *found.record;
  std::string verdict = std::string(Name(found.verdict));
  if (!found.reason.empty()) absl::StrAppend(&verdict, ": ", found.reason);
  Print(absl::StrCat("verdict   ", verdict, "\n",  //
                     found.verdict == Verdict::kNearest ? "source    " : "time      ",
                     FormatInterval(record.median, record.ci_low, record.ci_high), " per call, ",
                     record.samples.size(), " samples of ", record.calls_per_sample, " calls\n",  //
                     "measured  ", FormatTime(record.created_unix_ms), " on device ",
                     record.device_uuid,                                                 //
                     record.conditions.contaminated ? ", under disturbance" : "", "\n",  //
                     "kind      ", record.task.device_kind, "\n",                        //
                     "target    ", ShortTarget(record.task.target), "\n",                //
                     "threads   ", record.task.threads, ", ", std::string(Name(record.task.regime)),
                     " caches\n",  //
                     "made by   lathe ", record.lathe_version, ", LLVM ", record.llvm_version, ", ",
                     record.search, ", trial ", record.trial, "\n",  //
                     "record    ", record.id, "\n",                  //
                     "trace\n", Indent(trace)));
}

absl::StatusOr<ExitCode> RunQuery(const Options& options) {
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  std::string database = options.db;
  if (database.empty()) {
    ASSIGN_OR_RETURN(database, DefaultDatabasePath());
  }
  bool host = CheckRunsOn(task.target, HostTarget()).ok();
  Query query = task.Query(host ? LocalDeviceKind() : std::string());
  ASSIGN_OR_RETURN(FoundSchedule found,
                   FindSchedule(*store, query, {.max_loss = options.max_loss}));
  const std::string trace = found.record ? ToText(task.names.ToAuthor(found.trace)) : std::string();
  if (options.json) {
    Json json = {{"verdict", Name(found.verdict)},
                 {"reason", found.reason},
                 {"database", database},
                 {"task", ToJson(TaskOf(query))}};
    json["record"] = found.record ? ToJson(*found.record) : Json();
    if (found.record) {
      json["record"]["task"] = ToJson(found.record->task);
      // In the names of who asks; of another shape it is none of theirs.
      if (found.verdict != Verdict::kNearest) json["record"]["trace"] = trace;
      json["trace"] = trace;
      json["decisions"] = found.decisions;
    }
    if (found.verdict == Verdict::kNearest || found.distance > 0) {
      json["distance"] = found.distance;
      json["expected_loss"] = found.expected_loss;
      json["calibration_pairs"] = found.calibration_pairs;
    }
    PrintJson(json);
  } else if (found.record) {
    PrintFound(found, trace);
  } else {
    PrintNone(options, database, task, found.reason);
  }
  return found.record ? kSuccess : kNegative;
}

}  // namespace

Action AddQuery(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  AddMaxLossOption(app, options->max_loss);
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return RunQuery(*options); };
}

}  // namespace lathe::cli
