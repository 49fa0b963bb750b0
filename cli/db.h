// The subcommands of `lathe db`.
#ifndef LATHE_CLI_DB_H_
#define LATHE_CLI_DB_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "cli/command.h"

namespace lathe::cli {

struct DbOptions {
  std::string db;
  bool json = false;
  std::string file;                      // export, import, merge
  std::string function, family, device;  // export, revalidate: which records
  int64_t keep = -1;                     // prune; -1: not given
  std::string older_than;                // prune: "30d"
  bool dry_run = false;                  // prune
  size_t top = 3;                        // revalidate: traces of each task
  bool all = false;                      // revalidate: tasks that are current too
  std::string cpus;                      // revalidate
};

struct DbSubcommand {
  const char *name, *summary;
  void (*add)(CLI::App& app, DbOptions& options);
  absl::StatusOr<ExitCode> (*run)(const DbOptions& options);
};

// db_exchange.cc
void AddExportOptions(CLI::App& app, DbOptions& options);
void AddImportOptions(CLI::App& app, DbOptions& options);
void AddMergeOptions(CLI::App& app, DbOptions& options);
void AddPruneOptions(CLI::App& app, DbOptions& options);
absl::StatusOr<ExitCode> DbExport(const DbOptions& options);
absl::StatusOr<ExitCode> DbImport(const DbOptions& options);
absl::StatusOr<ExitCode> DbMerge(const DbOptions& options);
absl::StatusOr<ExitCode> DbPrune(const DbOptions& options);

// db_revalidate.cc
void AddRevalidateOptions(CLI::App& app, DbOptions& options);
absl::StatusOr<ExitCode> DbRevalidate(const DbOptions& options);

}  // namespace lathe::cli

#endif  // LATHE_CLI_DB_H_
