// lathe db stats | list | verify, and the list of the other subcommands.
#include "cli/db.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record_json.h"
#include "compiler/base/status_macros.h"

namespace lathe::cli {
namespace {

absl::StatusOr<ExitCode> Stats(const DbOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  ASSIGN_OR_RETURN(StoreStats stats, store->Stats());
  const std::pair<const char*, int64_t> rows[] = {
      {"functions", stats.functions}, {"targets", stats.targets}, {"devices", stats.devices},
      {"tasks", stats.tasks},         {"traces", stats.traces},   {"records", stats.records}};
  if (options.json) {
    Json json = {{"schema_version", stats.schema_version}, {"file_bytes", stats.file_bytes}};
    for (const auto& [name, count] : rows) json[name] = count;
    for (const auto& [status, count] : stats.records_by_status) {
      json["records_by_status"][status] = count;
    }
    PrintJson(json);
    return kSuccess;
  }
  for (const auto& [name, count] : rows) Print(absl::StrFormat("%-10s %d\n", name, count));
  for (const auto& [status, count] : stats.records_by_status) {
    Print(absl::StrFormat("  %-16s %d\n", status, count));
  }
  Print(absl::StrFormat("schema     %d\nfile bytes %d\n", stats.schema_version, stats.file_bytes));
  return kSuccess;
}

// How the trials of a task that nothing is served of ended, and the last error.
absl::StatusOr<std::string> WhyNothingIsServed(RecordStore& store, const Task& task) {
  ASSIGN_OR_RETURN(std::vector<Record> records, store.Records(task));
  std::map<std::string, int> counts;
  const Record* last = nullptr;
  for (const Record& record : records) {
    ++counts[std::string(Name(record.status))];
    if (!record.error.empty()) last = &record;
  }
  std::string why = "no valid record";
  const char* separator = ": ";
  for (const auto& [status, count] : counts) {
    absl::StrAppend(&why, separator, count, " ", status);
    separator = ", ";
  }
  if (last) absl::StrAppend(&why, "; last error: ", last->error);
  return why;
}

absl::StatusOr<ExitCode> List(const DbOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store->Tasks());
  Json list = Json::array();
  for (const Task& task : tasks) {
    ASSIGN_OR_RETURN(std::optional<Record> best, store->Best(task));
    if (options.json) {
      Json entry = ToJson(task);
      entry["best"] = best ? ToJson(*best) : Json();
      list.push_back(std::move(entry));
      continue;
    }
    std::string time;
    if (best) {
      time = FormatInterval(best->median, best->ci_low, best->ci_high);
    } else {
      ASSIGN_OR_RETURN(time, WhyNothingIsServed(*store, task));
    }
    Print(absl::StrCat(task.function_name, "  ", task.function_hash.substr(0, 12),
                       "  threads=", task.threads, "  ", time, "\n    ", task.device_kind, "\n"));
  }
  if (options.json) PrintJson(list);
  return kSuccess;
}

absl::StatusOr<ExitCode> Verify(const DbOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  ASSIGN_OR_RETURN(std::vector<std::string> faults, store->Verify());
  if (options.json) {
    PrintJson({{"whole", faults.empty()}, {"faults", faults}});
  } else {
    for (const std::string& fault : faults) Print(fault + "\n");
    if (faults.empty()) Print("whole\n");
  }
  return faults.empty() ? kSuccess : kNegative;
}

// Options of their own beside --db and --json.
void NoOptions(CLI::App&, DbOptions&) {}

constexpr DbSubcommand kSubcommands[] = {
    {"stats", "Count what the database holds", NoOptions, Stats},
    {"list", "List the tasks with their best records", NoOptions, List},
    {"verify", "Check every invariant of the data", NoOptions, Verify},
    {"export", "Write records as JSON lines", AddExportOptions, DbExport},
    {"import", "Add the records of an export", AddImportOptions, DbImport},
    {"merge", "Add the records of another database", AddMergeOptions, DbMerge},
    {"revalidate", "Measure again what an older compiler made", AddRevalidateOptions, DbRevalidate},
    {"prune", "Remove records that are not served", AddPruneOptions, DbPrune},
};

}  // namespace

Action AddDb(CLI::App& app) {
  auto options = std::make_shared<DbOptions>();
  app.require_subcommand(1);
  for (const DbSubcommand& subcommand : kSubcommands) {
    CLI::App* sub = app.add_subcommand(subcommand.name, subcommand.summary);
    subcommand.add(*sub, *options);
    AddDatabaseOption(*sub, options->db);
    AddJsonOption(*sub, options->json);
  }
  return [options, &app]() -> absl::StatusOr<ExitCode> {
    for (const DbSubcommand& subcommand : kSubcommands) {
      if (app.got_subcommand(subcommand.name)) return subcommand.run(*options);
    }
    return absl::InvalidArgumentError("db needs a subcommand");
  };
}

}  // namespace lathe::cli
