#include "cli/tune_suite.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/output.h"
#include "cli/services.h"
#include "cli/suite_file.h"
#include "cli/suite_table.h"
#include "cli/tune_result.h"
#include "compiler/base/status_macros.h"
#include "tuner/cost_model.h"
#include "tuner/suite_session.h"

namespace lathe::cli {
namespace {

// Naive is measured when the budget has so much for each task.
constexpr absl::Duration kBudgetForNaive = absl::Minutes(1);

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// What tuning one entry needs, at a fixed place: searches point to their spaces.
struct Entry {
  std::string name;
  double weight = 0;
  LoadedTask task;
  Space space;
};

// One entry for each function: of two that are the same the weights add up.
absl::StatusOr<std::vector<std::unique_ptr<Entry>>> LoadEntries(
    const SuiteTuneOptions& options, const std::vector<SuiteEntry>& suite) {
  std::vector<std::unique_ptr<Entry>> entries;
  std::map<std::string, Entry*> by_text;
  for (const SuiteEntry& line : suite) {
    auto entry = std::make_unique<Entry>();
    entry->name = line.name;
    entry->weight = line.weight;
    TaskOptions task = options.task;
    task.function = line.function;
    ASSIGN_OR_RETURN(entry->task, LoadTask(task));
    Entry*& same = by_text[CanonicalKey(entry->task.function).text];
    if (same != nullptr) {
      absl::StrAppend(&same->name, ", ", entry->name);
      if (same->weight > 0 || entry->weight > 0) {
        same->weight = std::max(1.0, same->weight) + std::max(1.0, entry->weight);
      }
      continue;
    }
    RETURN_IF_ERROR(CheckMeasurableHere(entry->task));
    ASSIGN_OR_RETURN(entry->space, SketchesOf(entry->task.canonical, entry->task.Space()));
    same = entry.get();
    entries.push_back(std::move(entry));
  }
  return entries;
}

SuiteTask TaskOf(const Entry& entry, const SuiteTuneOptions& options, const CorePlan& cores,
                 size_t count, RecordStore& store) {
  SuiteTask task;
  task.name = entry.name;
  task.weight = entry.weight;
  task.make_search = [&]() -> absl::StatusOr<std::unique_ptr<Search>> {
    ASSIGN_OR_RETURN(SearchKnowledge knowledge,
                     GatherKnowledge(options.search, entry.task, entry.space, store));
    return MakeSearch(options.search, knowledge, entry.space, entry.task.Space());
  };
  TuneOptions& tune = task.options;
  tune.problem = ProblemOf(entry.task, cores, options.search.seed);
  const Sketch& first = *entry.space.front();
  const Setting analytic = first.Analytic();
  tune.default_trace = first.Instantiate(analytic);
  tune.default_decisions = DecisionsText(first, analytic);
  tune.trials = options.trials;
  tune.auto_stop.enabled = options.auto_stop;
  tune.alternate = cores.alternate;
  tune.naive = options.budget / static_cast<double>(count) >= kBudgetForNaive;
  return task;
}

// What the store serves of a task in the end, in the author's names.
absl::StatusOr<std::optional<Record>> Served(RecordStore& store, const LoadedTask& task) {
  ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(TaskOf(task.Query(LocalDeviceKind()))));
  if (best) best->trace = ToAuthor(best->trace, task.names);
  return best;
}

absl::StatusOr<Json> ResultOf(const SuiteTaskStatus& status, const Entry& entry,
                              const std::optional<Record>& best, uint64_t seed) {
  Json json = {{"name", status.name}};
  if (status.weight > 0) json["weight"] = status.weight;
  json["state"] = Name(status.state);
  json["device_seconds"] = status.seconds;
  json["share"] = status.share;
  json["error"] = status.error.ok() ? Json() : Json(std::string(status.error.message()));
  if (status.result) {
    json.update(ToJson(*status.result, best, seed));
  } else {
    json["best_seconds"] = best ? Json(best->median) : Json();
  }
  return json;
}

}  // namespace

absl::StatusOr<std::optional<std::vector<SuiteEntry>>> FindSuite(const std::string& argument) {
  if (argument.starts_with("op:") || argument == "-") return std::nullopt;
  std::string path = argument;
  if (argument.find_first_of("/.:-#") == std::string::npos && !Exists(argument)) {
    path = SuitePath(argument);
  }
  if (!Exists(path)) return std::nullopt;
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  if (IsSuite(text)) {
    ASSIGN_OR_RETURN(std::vector<SuiteEntry> entries, ParseSuite(text, path));
    return entries;
  }
  absl::StatusOr<std::vector<Function>> functions = ParseFunctions(text, path);
  // One that cannot be read is reported as a function.
  if (!functions.ok() || functions->size() < 2) return std::nullopt;
  std::vector<SuiteEntry> entries;
  for (const Function& function : *functions) {
    SuiteEntry entry;
    entry.function = absl::StrCat(path, "#", function.name);
    entry.name = function.name;
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<ExitCode> TuneSuite(const SuiteTuneOptions& options,
                                   const std::vector<SuiteEntry>& suite,
                                   const Cancellation& interrupted) {
  // A model that cannot be used is an error of the command, not of each task.
  if (!options.search.model.empty()) RETURN_IF_ERROR(LoadCostModel(options.search.model).status());
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForWriting(options.db));
  ASSIGN_OR_RETURN(std::vector<std::unique_ptr<Entry>> entries, LoadEntries(options, suite));
  ASSIGN_OR_RETURN(LocalServices services, StartServices(entries.front()->task, options.cpus));
  std::vector<SuiteTask> tasks;
  for (const auto& entry : entries) {
    tasks.push_back(TaskOf(*entry, options, services.cores, entries.size(), *store));
  }
  TuneServices wired;
  wired.store = store.get();
  wired.builder = services.builder.get();
  wired.measurer = &services.hub->pool();
  wired.cancellation = &interrupted;
  SuiteOptions session_options;
  session_options.budget = options.budget;
  SuiteTable table;
  SuiteSession* running = nullptr;
  SuiteSession session(session_options, std::move(tasks), wired,
                       [&] { table.Update(running->tasks(), running->left()); });
  running = &session;
  absl::Status status = session.Run();
  table.End(session.tasks(), session.left());

  bool all_served = true, failed = false;
  Json results = Json::array();
  for (size_t i = 0; i < entries.size(); ++i) {
    ASSIGN_OR_RETURN(std::optional<Record> best, Served(*store, entries[i]->task));
    all_served = all_served && best.has_value();
    failed = failed || session.tasks()[i].state == SuiteTaskState::kFailed;
    ASSIGN_OR_RETURN(Json json,
                     ResultOf(session.tasks()[i], *entries[i], best, options.search.seed));
    results.push_back(std::move(json));
  }
  RETURN_IF_ERROR(status);
  if (options.json) {
    PrintJson({{"tasks", std::move(results)},
               {"seconds", absl::ToDoubleSeconds(session.elapsed())},
               {"interrupted", session.was_cancelled()}});
  } else {
    Print(SuiteText(session.tasks()));
    Print(absl::StrFormat("%.1f s%s\n", absl::ToDoubleSeconds(session.elapsed()),
                          session.was_cancelled() ? ", interrupted" : ""));
  }
  return all_served && !failed ? kSuccess : kNegative;
}

}  // namespace lathe::cli
