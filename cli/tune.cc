// lathe tune: search the fastest implementation on this machine.
#include <csignal>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record_json.h"
#include "cli/services.h"
#include "compiler/base/status_macros.h"
#include "compiler/space/space.h"
#include "tuner/search.h"
#include "tuner/tune_session.h"

namespace lathe::cli {
namespace {

constexpr int64_t kDefaultTrials = 128;

struct Options {
  TaskOptions task;
  int64_t trials = 0;  // 0: kDefaultTrials, or no limit with a budget
  std::string budget, cpus, db;
  uint64_t seed = 1;
  bool json = false;
};

// Signal handlers reach static storage only.
Cancellation interrupted;

// The first Ctrl-C ends tuning with what was measured; a second one kills.
void StopOnSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted.Request(); };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

absl::StatusOr<absl::Duration> ParseBudget(const std::string& text) {
  if (text.empty()) return absl::InfiniteDuration();
  absl::Duration budget;
  bool parsed = absl::ParseDuration(text, &budget) || absl::ParseDuration(text + "s", &budget);
  if (!parsed || budget <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--budget '", text, "' is no time such as 90s or 10m"));
  }
  return budget;
}

Json ToJson(const std::optional<Measured>& time) { return time ? Json(time->median) : Json(); }

Json ToJson(const TuneResult& result, const std::optional<Record>& best, uint64_t seed) {
  Json json = {
      {"task", cli::ToJson(result.task)},
      {"device", result.device.uuid()},
      {"best", best ? cli::ToJson(*best) : Json()},
      {"best_seconds", ToJson(result.best)},
      {"naive_seconds", ToJson(result.naive)},
      {"default_seconds", ToJson(result.default_candidate)},
      {"promoted", result.promoted},
      {"stopped", result.stop == StopReason::kCancelled ? "interrupted" : Name(result.stop)}};
  int64_t measured = 0;
  for (RecordStatus status :
       {RecordStatus::kOk, RecordStatus::kWrongOutput, RecordStatus::kCrash, RecordStatus::kTimeout,
        RecordStatus::kBuildFailed, RecordStatus::kRefused, RecordStatus::kAbandoned,
        RecordStatus::kKernelError, RecordStatus::kReferenceFailed}) {
    auto it = result.statuses.find(status);
    int64_t count = it == result.statuses.end() ? 0 : it->second;
    json["trials"][std::string(Name(status))] = count;
    measured += count;
  }
  json["done"] = result.done;
  json["resumed"] = result.resumed;
  json["measured"] = measured;
  json["duplicates"] = result.duplicates;
  json["seconds"] = absl::ToDoubleSeconds(result.elapsed);
  json["seed"] = seed;
  return json;
}

std::string SpeedUps(const TuneResult& result) {
  std::string text;
  auto append = [&](const char* name, const std::optional<Measured>& time) {
    if (!time) return;
    absl::StrAppend(&text, "  ", FormatRatio(time->median / result.best->median), " ", name, " (",
                    FormatSeconds(time->median), ")\n");
  };
  append("naive", result.naive);
  append("default", result.default_candidate);
  return text;
}

void PrintResult(const TuneResult& result, const Work& work, const TraceNames& names) {
  std::string summary = absl::StrCat(result.task.function_name, ": ", result.done,
                                     result.done == 1 ? " trial" : " trials");
  if (result.resumed > 0) absl::StrAppend(&summary, " (", result.resumed, " from before)");
  // More than the trials: naive and the repeats of promotion are measured too.
  std::string separator = ", outcomes with naive and repeats: ";
  for (const auto& [status, count] : result.statuses) {
    absl::StrAppend(&summary, separator, count, " ", std::string(Name(status)));
    separator = ", ";
  }
  absl::StrAppendFormat(
      &summary, ", %.1f s, stopped: %s\n", absl::ToDoubleSeconds(result.elapsed),
      result.stop == StopReason::kCancelled ? "interrupted" : std::string(Name(result.stop)));
  Print(summary);
  if (!result.best) {
    Print("no implementation was right and fast enough to be timed; lathe db list shows why\n");
    return;
  }
  const Measured& best = *result.best;
  Print(absl::StrFormat("best %s per call, %.1f GFLOP/s, %.1f GB/s\n",
                        FormatInterval(best.median, best.ci_low, best.ci_high),
                        work.flops / best.median * 1e-9, work.bytes / best.median * 1e-9));
  Print(SpeedUps(result));
  Print("trace\n" + Indent(ToAuthor(result.best_trace, names)));
}

absl::StatusOr<ExitCode> Tune(const Options& options) {
  ASSIGN_OR_RETURN(absl::Duration budget, ParseBudget(options.budget));
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  RETURN_IF_ERROR(CheckMeasurableHere(task));
  ASSIGN_OR_RETURN(auto space, SketchesOf(task.canonical, task.Space()));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForWriting(options.db));
  ASSIGN_OR_RETURN(LocalServices services, StartServices(task, options.cpus));
  StopOnSignals();

  TuneOptions tune;
  tune.problem = ProblemOf(task, services.cores, options.seed);
  const Setting analytic = space.front()->Analytic();
  tune.default_trace = space.front()->Instantiate(analytic);
  tune.default_decisions = DecisionsText(*space.front(), analytic);
  if (options.trials > 0) {
    tune.trials = options.trials;
  } else if (options.budget.empty()) {
    tune.trials = kDefaultTrials;
  }
  tune.budget = budget;
  tune.alternate = services.cores.alternate;
  std::unique_ptr<Search> search = NewRandomSearch(&space, options.seed);
  absl::StatusOr<TuneResult> result;
  {
    ProgressPrinter progress;
    TuneServices wired;
    wired.store = store.get();
    wired.search = search.get();
    wired.builder = services.builder.get();
    wired.measurer = &services.hub->pool();
    wired.cancellation = &interrupted;
    wired.on_progress = [&](const TuneProgress& p) { progress.Update(p); };
    result = TuneSession(std::move(tune), wired).Run();
  }
  RETURN_IF_ERROR(result.status());
  if (options.json) {
    ASSIGN_OR_RETURN(std::optional<Record> best, store->Best(result->task));
    if (best) best->trace = ToAuthor(best->trace, task.names);
    PrintJson(ToJson(*result, best, options.seed));
  } else {
    PrintResult(*result, CountWork(task.function), task.names);
  }
  return result->best ? kSuccess : kNegative;
}

}  // namespace

Action AddTune(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  app.add_option("--trials", options->trials,
                 absl::StrCat("Stop after this many trials, those of earlier runs included; "
                              "default ",
                              kDefaultTrials, ", or no limit with --budget"))
      ->check(CLI::Range(int64_t{1}, std::numeric_limits<int64_t>::max()));
  app.add_option("--budget", options->budget, "Stop after this time, e.g. 90s or 10m");
  app.add_option("--cpus", options->cpus, "CPUs to time on, e.g. 0,2-3; default: chosen");
  app.add_option("--seed", options->seed, "Seed of the search and of input data")
      ->capture_default_str();
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  return [options] { return Tune(*options); };
}

}  // namespace lathe::cli
