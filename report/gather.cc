#include <algorithm>
#include <tuple>

#include "compiler/base/status_macros.h"
#include "compiler/schedule/trace_names.h"
#include "report/report.h"

namespace lathe::report {
namespace {

// The author's function that a task is of; null if none was given.
const Function* AuthorOf(const Task& task, const std::vector<Function>& functions) {
  for (const Function& function : functions) {
    if (CanonicalKey(function).hash == task.function_hash) return &function;
  }
  return nullptr;
}

void UseAuthorNames(const Function& function, TaskSummary& summary) {
  if (summary.task.function_name != function.name) summary.alias = function.name;
  absl::StatusOr<TraceNames> names = TraceNames::Of(function);
  absl::StatusOr<Trace> trace = ParseTrace(summary.best_trace, "a record");
  if (!names.ok() || !trace.ok()) return;  // stays in canonical names
  summary.best_trace = ToText(names->ToAuthor(*trace));
  summary.author_names = true;
}

auto SortKey(const TaskSummary& summary) {
  const Task& task = summary.task;
  return std::make_tuple(task.function_name, summary.work ? summary.work->flops : 0,
                         summary.work ? summary.work->bytes : 0, task.function_hash,
                         task.device_kind, task.threads, task.regime, task.accuracy, task.target);
}

}  // namespace

absl::StatusOr<Report> GatherReport(RecordStore& store, const ReportOptions& options) {
  Report report;
  report.source = options.source;
  report.benches = options.benches;
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store.Tasks());
  for (const Task& task : tasks) {
    const Function* author = AuthorOf(task, options.functions);
    if (!options.functions.empty() && author == nullptr) continue;
    ASSIGN_OR_RETURN(std::vector<Record> records, store.Records(task));
    ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(task));
    TaskSummary summary = Summarize(task, records, std::move(best));
    if (auto alias = options.aliases.find(task.function_hash); alias != options.aliases.end()) {
      summary.alias = alias->second;
    }
    if (author != nullptr && summary.best) UseAuthorNames(*author, summary);
    auto peaks = options.peaks.find({task.function_hash, task.device_kind, task.threads});
    if (peaks != options.peaks.end()) summary.peaks = peaks->second;
    if (summary.best && !summary.best->device_uuid.empty()) {
      ASSIGN_OR_RETURN(std::optional<DeviceRow> device,
                       store.FindDevice(summary.best->device_uuid));
      if (device) summary.device_name = device->name;
    }
    report.tasks.push_back(std::move(summary));
  }
  std::sort(report.tasks.begin(), report.tasks.end(),
            [](const TaskSummary& a, const TaskSummary& b) { return SortKey(a) < SortKey(b); });
  return report;
}

}  // namespace lathe::report
