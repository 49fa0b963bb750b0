// lathe db export | import | merge | prune.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/db.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compiler/base/status_macros.h"
#include "database/exchange.h"

namespace lathe::cli {
namespace {

absl::StatusOr<RecordFilter> FilterOf(const DbOptions& options) {
  RecordFilter filter;
  filter.device = options.device;
  if (!options.function.empty()) {
    ASSIGN_OR_RETURN(Function function, LoadFunction(options.function));
    filter.function_hash = CanonicalKey(function).hash;
  }
  if (!options.family.empty()) {
    ASSIGN_OR_RETURN(Function function, LoadFunction(options.family));
    filter.family_hash = FamilyKey(function);
  }
  return filter;
}

ExitCode PrintAdded(const DbOptions& options, const ImportSummary& summary) {
  if (options.json) {
    Json json = {{"records", summary.records},
                 {"added", summary.added},
                 {"present", summary.present},
                 {"conflicting", summary.conflicting}};
    if (summary.conflicting > 0) json["first_conflict"] = summary.first_conflict;
    PrintJson(json);
    return kSuccess;
  }
  Print(absl::StrCat(options.file, ": ", summary.records, " records, ", summary.added, " new, ",
                     summary.present, " already there\n"));
  if (summary.conflicting > 0) {
    Print(absl::StrCat("kept ours of ", summary.conflicting,
                       " records whose ids stand for something else there, the first ",
                       summary.first_conflict, "\n"));
  }
  return kSuccess;
}

// "30d", "12h", "2w" or what absl::ParseDuration reads.
absl::StatusOr<absl::Duration> ParseAge(const std::string& text) {
  double number = 0;
  absl::Duration age;
  std::string head = text.substr(0, text.empty() ? 0 : text.size() - 1);
  if (text.ends_with('d') && absl::SimpleAtod(head, &number)) {
    age = number * absl::Hours(24);
  } else if (text.ends_with('w') && absl::SimpleAtod(head, &number)) {
    age = number * absl::Hours(7 * 24);
  } else if (!absl::ParseDuration(text, &age)) {
    age = -absl::InfiniteDuration();
  }
  if (age >= absl::ZeroDuration()) return age;
  return absl::InvalidArgumentError(
      absl::StrCat("--older-than '", text, "' is no age such as 90d, 2w or 12h"));
}

}  // namespace

void AddExportOptions(CLI::App& app, DbOptions& options) {
  app.add_option("FILE", options.file, "File to write, or - for standard output")->required();
  app.add_option("--function", options.function, "Only records of this function");
  app.add_option("--family", options.family, "Only records of functions like this one, any shape");
  app.add_option("--device", options.device, "Only records of this device, by UUID or kind");
}

void AddImportOptions(CLI::App& app, DbOptions& options) {
  app.add_option("FILE", options.file, "An export, or - for standard input")->required();
}

void AddMergeOptions(CLI::App& app, DbOptions& options) {
  app.add_option("OTHER", options.file, "Another database")->required();
}

void AddPruneOptions(CLI::App& app, DbOptions& options) {
  app.add_option("--keep", options.keep,
                 "Keep the N fastest records of each task, and the promoted one that is served")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--older-than", options.older_than,
                 "Remove only records older than this, e.g. 90d");
  app.add_flag("--dry-run", options.dry_run, "Only say what would be removed");
}

absl::StatusOr<ExitCode> DbExport(const DbOptions& options) {
  ASSIGN_OR_RETURN(RecordFilter filter, FilterOf(options));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  int64_t records = 0;
  if (options.file == "-") {
    if (options.json) return absl::InvalidArgumentError("--json needs a FILE other than -");
    ASSIGN_OR_RETURN(records, ExportRecords(*store, filter, std::cout));
    return kSuccess;
  }
  const std::string temporary = StagingPath(options.file);
  std::ofstream out(temporary, std::ios::binary);
  if (!out) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", options.file, "; check its directory and permissions"));
  }
  absl::StatusOr<int64_t> written = ExportRecords(*store, filter, out);
  out.close();
  const bool whole = written.ok() && static_cast<bool>(out);
  absl::Status placed = Unstage(temporary, options.file, whole);
  RETURN_IF_ERROR(written.status());
  RETURN_IF_ERROR(placed);
  records = *written;
  if (options.json) {
    PrintJson({{"file", options.file}, {"records", records}});
  } else {
    Print(absl::StrCat(options.file, ": ", records, " records\n"));
  }
  return kSuccess;
}

absl::StatusOr<ExitCode> DbImport(const DbOptions& options) {
  std::ifstream file;
  if (options.file != "-") {
    file.open(options.file, std::ios::binary);
    if (!file) {
      return absl::InvalidArgumentError(absl::StrCat("cannot open ", options.file));
    }
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForWriting(options.db));
  const bool standard = options.file == "-";
  ASSIGN_OR_RETURN(ImportSummary summary,
                   ImportRecords(*store, standard ? "<stdin>" : options.file,
                                 standard ? std::cin : static_cast<std::istream&>(file)));
  return PrintAdded(options, summary);
}

absl::StatusOr<ExitCode> DbMerge(const DbOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> other,
                   OpenSqliteStore(options.file, {.read_only = true}));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForWriting(options.db));
  ASSIGN_OR_RETURN(ImportSummary summary, MergeRecords(*store, options.file, *other));
  return PrintAdded(options, summary);
}

absl::StatusOr<ExitCode> DbPrune(const DbOptions& options) {
  if (options.keep < 0 && options.older_than.empty()) {
    return absl::InvalidArgumentError("say what to remove: --keep N, --older-than AGE or both");
  }
  PruneOptions prune;
  // Of age alone it is said how many of the fastest stay: the one that is served.
  prune.keep = options.keep < 0 ? 1 : options.keep;
  prune.dry_run = options.dry_run;
  if (!options.older_than.empty()) {
    ASSIGN_OR_RETURN(absl::Duration age, ParseAge(options.older_than));
    prune.created_from_unix_ms = absl::ToUnixMillis(absl::Now() - age);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store,
                   options.dry_run ? OpenForReading(options.db) : OpenForWriting(options.db));
  ASSIGN_OR_RETURN(PruneReport report, store->Prune(prune));
  if (options.json) {
    Json json = {{"dry_run", options.dry_run},          {"kept", report.kept},
                 {"removed", report.removed},           {"removed_by_status", Json::object()},
                 {"bytes_before", report.bytes_before}, {"bytes_after", report.bytes_after}};
    for (const auto& [status, count] : report.removed_by_status) {
      json["removed_by_status"][status] = count;
    }
    PrintJson(json);
    return kSuccess;
  }
  Print(absl::StrCat(options.dry_run ? "would remove " : "removed ", report.removed,
                     " records, keeping ", report.kept, "\n"));
  for (const auto& [status, count] : report.removed_by_status) {
    Print(absl::StrFormat("  %-16s %d\n", status, count));
  }
  if (!options.dry_run) {
    Print(absl::StrFormat("file bytes %d, before %d\n", report.bytes_after, report.bytes_before));
  }
  return kSuccess;
}

}  // namespace lathe::cli
