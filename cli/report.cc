// lathe report: one HTML page from a database.
#include "report/report.h"

#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "bench/peaks.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compiler/base/status_macros.h"
#include "measurer/device_probe.h"
#include "tuner/core_plan.h"

namespace lathe::cli {
namespace {

struct Options {
  std::string db, output, cpus;
  std::vector<std::string> peers, functions;
  bool probe = false, json = false;
};

// Adds the table of one bench, and what its workloads tell of tasks: peaks and names.
absl::Status AddPeers(const std::string& path, report::ReportOptions& options) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(report::BenchResults bench, report::ParseBenchResults(text, path));
  for (const report::BenchRow& row : bench.rows) {
    // A file may be elsewhere by now: then the row stands in its table only.
    absl::StatusOr<Function> function = LoadFunction(row.function);
    if (!function.ok()) {
      PrintNote(absl::StrCat("the peaks of ", row.name,
                             " are not used: ", std::string(function.status().message())));
      continue;
    }
    const std::string hash = CanonicalKey(*function).hash;
    if (row.name != row.function) options.aliases.try_emplace(hash, row.name);
    if (row.peaks) options.peaks[{hash, bench.device_kind, row.threads}] = *row.peaks;
  }
  options.benches.push_back(std::move(bench));
  return absl::OkStatus();
}

// Probes this machine for every task that was tuned on its kind and has no peaks.
absl::Status Probe(RecordStore& store, const std::string& cpus, report::ReportOptions& options) {
  const std::string kind = LocalDeviceKind();
  std::vector<int> requested;
  if (!cpus.empty()) {
    ASSIGN_OR_RETURN(requested, ParseCpuList(cpus));
  }
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store.Tasks());
  for (const Task& task : tasks) {
    const report::PeaksKey key{task.function_hash, task.device_kind, task.threads};
    if (task.device_kind != kind || options.peaks.contains(key)) continue;
    absl::StatusOr<Function> function = ParseFunction(task.function_text, "a record");
    if (!function.ok()) continue;
    ASSIGN_OR_RETURN(CorePlan plan, PlanCores(AvailableCpus(), task.threads, requested));
    ASSIGN_OR_RETURN(options.peaks[key], MeasurePeaks(*function, plan.measure_cpus));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> RunReport(const Options& options) {
  report::ReportOptions wanted;
  std::string database = options.db;
  if (database.empty()) {
    ASSIGN_OR_RETURN(database, DefaultDatabasePath());
  }
  wanted.source = std::filesystem::path(database).filename().string();
  for (const std::string& argument : options.functions) {
    ASSIGN_OR_RETURN(Function function, LoadFunction(argument));
    wanted.functions.push_back(std::move(function));
  }
  for (const std::string& path : options.peers) RETURN_IF_ERROR(AddPeers(path, wanted));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  if (options.probe) RETURN_IF_ERROR(Probe(*store, options.cpus, wanted));
  ASSIGN_OR_RETURN(report::Report report, report::GatherReport(*store, wanted));
  const std::string html = report::ToHtml(report);
  if (options.output == "-") {
    Print(html);
    return kSuccess;
  }
  RETURN_IF_ERROR(WriteFile(options.output, html));
  if (options.json) {
    PrintJson({{"file", options.output}, {"tasks", report.tasks.size()}, {"bytes", html.size()}});
  } else {
    Print(absl::StrCat(options.output, ": ", report.tasks.size(),
                       report.tasks.size() == 1 ? " task\n" : " tasks\n"));
  }
  return kSuccess;
}

}  // namespace

Action AddReport(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("-o,--output", options->output, "The page, - for standard output")->required();
  app.add_option("--peers", options->peers,
                 "What `lathe bench --json` printed: the table against peers, the machine's peaks");
  app.add_option("--function", options->functions,
                 "Only these: files, - or op:NAME(...); traces in their names");
  app.add_flag("--probe", options->probe, "Measure the peaks of this machine for its tasks now");
  app.add_option("--cpus", options->cpus, "CPUs to probe, e.g. 0,2-3; default: chosen");
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return RunReport(*options); };
}

}  // namespace lathe::cli
