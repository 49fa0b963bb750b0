// lathe db revalidate: the best traces of tasks, measured again by this compiler.
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/db.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/services.h"
#include "compiler/base/status_macros.h"
#include "tuner/revalidate.h"

namespace lathe::cli {
namespace {

// A task of the database as tuning would have loaded it.
absl::StatusOr<LoadedTask> TaskOfDatabase(const Task& task) {
  LoadedTask loaded;
  ASSIGN_OR_RETURN(loaded.function, ParseFunction(task.function_text, "a record's function"));
  loaded.function.name = task.function_name;
  loaded.canonical = loaded.function;
  ASSIGN_OR_RETURN(loaded.target, ParseTarget(task.target));
  loaded.threads = task.threads;
  loaded.accuracy = task.accuracy;
  loaded.regime = task.regime;
  return loaded;
}

std::string Outcome(const Revalidated& trace) {
  if (!trace.now) return trace.error;
  return absl::StrCat(
      FormatInterval(trace.now->median, trace.now->ci_low, trace.now->ci_high),
      absl::StrFormat("  %+.1f %%", 100 * (trace.now->median / trace.before.median - 1)));
}

void PrintReport(const Task& task, const RevalidateReport& report) {
  Print(absl::StrCat(task.function_name, "  ", task.function_hash.substr(0, 12),
                     "  threads=", task.threads, "\n"));
  for (size_t t = 0; t < report.traces.size(); ++t) {
    const Revalidated& trace = report.traces[t];
    Print(absl::StrCat(static_cast<int>(t) == report.winner ? "  * " : "    ",
                       FormatSeconds(trace.before.median), " -> ", Outcome(trace), "\n"));
  }
  if (report.winner < 0) Print("    none is right any more: tune it again\n");
}

Json ToJson(const Task& task, const RevalidateReport& report) {
  Json traces = Json::array();
  for (size_t t = 0; t < report.traces.size(); ++t) {
    const Revalidated& trace = report.traces[t];
    traces.push_back({{"record_before", trace.before.id},
                      {"seconds_before", trace.before.median},
                      {"record", trace.now ? Json(trace.now->id) : Json()},
                      {"seconds", trace.now ? Json(trace.now->median) : Json()},
                      {"error", trace.error},
                      {"served", static_cast<int>(t) == report.winner}});
  }
  return {{"function", task.function_name},
          {"key", task.function_hash},
          {"threads", task.threads},
          {"current", report.current},
          {"traces", std::move(traces)}};
}

}  // namespace

void AddRevalidateOptions(CLI::App& app, DbOptions& options) {
  app.add_option("--top", options.top, "Traces of each task to measure")
      ->check(CLI::Range(size_t{1}, kMaxPaired))
      ->capture_default_str();
  app.add_option("--function", options.function, "Only tasks of this function");
  app.add_flag("--all", options.all, "Tasks whose record is of this compiler, too");
  app.add_option("--cpus", options.cpus, "CPUs to time on, e.g. 0,2-3; default: chosen");
}

absl::StatusOr<ExitCode> DbRevalidate(const DbOptions& options) {
  std::string wanted;
  if (!options.function.empty()) {
    ASSIGN_OR_RETURN(Function function, LoadFunction(options.function));
    wanted = CanonicalKey(function).hash;
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForWriting(options.db));
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store->Tasks());
  const std::string kind = LocalDeviceKind();
  std::map<int, LocalServices> services;  // by threads
  Json list = Json::array();
  int current = 0, elsewhere = 0, lost = 0;
  for (const Task& task : tasks) {
    if (!wanted.empty() && task.function_hash != wanted) continue;
    ASSIGN_OR_RETURN(std::optional<Record> served, store->Best(task));
    if (!served) continue;
    absl::StatusOr<LoadedTask> loaded = TaskOfDatabase(task);
    if (task.device_kind != kind || !loaded.ok() || !CheckMeasurableHere(*loaded).ok()) {
      ++elsewhere;
      continue;
    }
    auto service = services.find(task.threads);
    if (service == services.end()) {
      ASSIGN_OR_RETURN(LocalServices started, StartServices(*loaded, options.cpus));
      service = services.emplace(task.threads, std::move(started)).first;
      ASSIGN_OR_RETURN(v1::Device device,
                       AwaitDevice(service->second.hub->pool(), absl::Seconds(30), nullptr));
      RETURN_IF_ERROR(store->PutDevice(
          {device.uuid(), device.name(), device.kind().text(), device.DebugString()}));
    }
    RevalidateOptions revalidate;
    revalidate.problem = ProblemOf(*loaded, service->second.cores, /*seed=*/1);
    revalidate.top = options.top;
    revalidate.force = options.all;
    absl::StatusOr<RevalidateReport> report =
        Revalidate(*store, task, revalidate, *service->second.builder, service->second.hub->pool());
    if (IsOfOneTask(report.status())) {
      ++lost;
      const std::string error(report.status().message());
      PrintNote(absl::StrCat(task.function_name, " ", task.function_hash.substr(0, 12),
                             " is left as it is: ", error));
      list.push_back(ToJson(task, {}));
      list.back()["error"] = error;
      continue;
    }
    RETURN_IF_ERROR(report.status());
    if (report->current) ++current;
    if (!report->current && report->winner < 0) ++lost;
    if (options.json) {
      list.push_back(ToJson(task, *report));
    } else if (!report->current) {
      PrintReport(task, *report);
    }
  }
  if (options.json) {
    PrintJson({{"tasks", std::move(list)}, {"elsewhere", elsewhere}});
  } else {
    Print(absl::StrCat(current, " tasks are current, ", elsewhere,
                       " are of other devices or targets\n"));
  }
  return lost == 0 ? kSuccess : kNegative;
}

}  // namespace lathe::cli
