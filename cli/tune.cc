// lathe tune: search the fastest implementation on this machine.
#include <limits>

#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/replay.h"
#include "cli/services.h"
#include "cli/tune_result.h"
#include "cli/tune_search.h"
#include "cli/tune_suite.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "compiler/space/space.h"
#include "tuner/search_journal.h"
#include "tuner/tune_session.h"

namespace lathe::cli {
namespace {

constexpr int64_t kDefaultTrials = 128;

struct Options {
  TaskOptions task;
  int64_t trials = 0;  // 0: kDefaultTrials, or no limit with a budget
  SearchChoice search;
  std::string budget, cpus, db, journal, replay;
  bool no_auto_stop = false;
  bool json = false;
};

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

absl::StatusOr<std::unique_ptr<JournalWriter>> OpenJournal(const Options& options,
                                                           const LoadedTask& task,
                                                           const Space& space,
                                                           const SearchKnowledge& knowledge) {
  if (options.journal.empty()) return nullptr;
  JournalHeader header;
  header.lathe_version = std::string(LatheVersion());
  header.function = ToText(task.function);
  header.target = ToText(task.target);
  header.threads = task.threads;
  header.regime = std::string(Name(task.regime));
  header.accuracy = std::string(Name(task.accuracy));
  header.search = options.search.name;
  header.seed = options.search.seed;
  header.space_digest = SpaceDigest(space);
  header.transferred = knowledge.transferred;
  header.model = knowledge.model;
  header.options = Json{{"trials", options.trials},
                        {"budget", options.budget},
                        {"auto_stop", !options.no_auto_stop},
                        {"cpus", options.cpus},
                        {"model", options.search.model}}
                       .dump();
  return JournalWriter::Create(options.journal, header);
}

absl::StatusOr<ExitCode> TuneWholeSuite(const Options& options,
                                        const std::vector<SuiteEntry>& entries,
                                        absl::Duration budget) {
  if (!options.journal.empty()) {
    return absl::InvalidArgumentError("--journal is for one function, not for a suite");
  }
  SuiteTuneOptions suite;
  suite.task = options.task;
  suite.search = options.search;
  suite.budget = budget;
  if (options.trials > 0) {
    suite.trials = options.trials;
  } else if (options.budget.empty()) {
    suite.trials = kDefaultTrials;
  }
  suite.cpus = options.cpus;
  suite.db = options.db;
  suite.auto_stop = !options.no_auto_stop;
  suite.json = options.json;
  return TuneSuite(suite, entries, StopOnSignals());
}

absl::StatusOr<ExitCode> Tune(const Options& options) {
  if (!options.replay.empty()) return ReplayTuning(options.replay, options.json);
  if (options.task.function.empty()) return absl::InvalidArgumentError("FUNCTION is required");
  RETURN_IF_ERROR(CheckSearchChoice(options.search));
  ASSIGN_OR_RETURN(absl::Duration budget, ParseBudget(options.budget));
  ASSIGN_OR_RETURN(std::optional<std::vector<SuiteEntry>> suite, FindSuite(options.task.function));
  if (suite) return TuneWholeSuite(options, *suite, budget);
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  RETURN_IF_ERROR(CheckMeasurableHere(task));
  ASSIGN_OR_RETURN(Space space, SketchesOf(task.canonical, task.Space()));
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForWriting(options.db));
  ASSIGN_OR_RETURN(SearchKnowledge knowledge, GatherKnowledge(options.search, task, space, *store));
  ASSIGN_OR_RETURN(std::unique_ptr<Search> search,
                   MakeSearch(options.search, knowledge, space, task.Space()));
  ASSIGN_OR_RETURN(std::unique_ptr<JournalWriter> journal,
                   OpenJournal(options, task, space, knowledge));
  if (journal) search = NewJournalledSearch(std::move(search), journal.get());
  ASSIGN_OR_RETURN(LocalServices services, StartServices(task, options.cpus));
  const Cancellation& interrupted = StopOnSignals();

  TuneOptions tune;
  tune.problem = ProblemOf(task, services.cores, options.search.seed);
  const Setting analytic = space.front()->Analytic();
  tune.default_trace = space.front()->Instantiate(analytic);
  tune.default_decisions = DecisionsText(*space.front(), analytic);
  if (options.trials > 0) {
    tune.trials = options.trials;
  } else if (options.budget.empty()) {
    tune.trials = kDefaultTrials;
  }
  tune.budget = budget;
  tune.auto_stop.enabled = !options.no_auto_stop;
  tune.alternate = services.cores.alternate;
  absl::StatusOr<TuneResult> result;
  {
    ProgressPrinter progress;
    TuneServices wired;
    wired.store = store.get();
    wired.search = search.get();
    wired.builder = services.builder.get();
    wired.measurer = &services.hub->pool();
    wired.cancellation = &interrupted;
    wired.journal = journal.get();
    wired.on_progress = [&](const TuneProgress& p) { progress.Update(p); };
    result = TuneSession(std::move(tune), wired).Run();
  }
  RETURN_IF_ERROR(result.status());
  ASSIGN_OR_RETURN(std::optional<Record> best, store->Best(result->task));
  if (best) best->trace = ToAuthor(best->trace, task.names);
  const Json json = ToJson(*result, best, options.search.seed);
  if (journal) {
    journal->Add(EndEvent{json.dump()});
    RETURN_IF_ERROR(journal->status());
  }
  if (options.json) {
    PrintJson(json);
  } else {
    PrintTuneResult(json, task.function);
  }
  return result->best ? kSuccess : kNegative;
}

}  // namespace

Action AddTune(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddTaskOptions(app, options->task);
  app.get_option("FUNCTION")
      ->required(false)  // --replay needs none
      ->description("File, - or op:NAME(...); or many: a suite, or a file of several functions");
  app.add_option("--trials", options->trials,
                 absl::StrCat("Stop after this many trials, those of earlier runs included; "
                              "default ",
                              kDefaultTrials, ", or no limit with --budget"))
      ->check(CLI::Range(int64_t{1}, std::numeric_limits<int64_t>::max()));
  app.add_option("--budget", options->budget, "Stop after this time, e.g. 90s or 10m");
  app.add_option("--cpus", options->cpus, "CPUs to time on, e.g. 0,2-3; default: chosen");
  app.add_option("--search", options->search.name,
                 "model, or for comparison evolution (without a cost model) or random")
      ->check(CLI::IsMember(SearchNames()))
      ->capture_default_str();
  app.add_option("--model", options->search.model,
                 "Cost model that --search model begins with (a file of `lathe model train`)");
  app.add_flag("--no-auto-stop", options->no_auto_stop,
               "Go on to the last trial, however little is expected of more");
  app.add_option("--seed", options->search.seed, "Seed of the search and of input data")
      ->capture_default_str();
  app.add_option("--journal", options->journal, "Write every decision and outcome to this file");
  app.add_option(
      "--replay", options->replay,
      "Make the decisions of this journal again (candidates, stop, promotion); nothing is "
      "measured. Exit status 1 at the first that differs");
  AddDatabaseOption(app, options->db);
  AddJsonOption(app, options->json);
  app.footer(
      "Ctrl-C or SIGTERM ends tuning in order: what was measured is kept and the result printed, "
      "but nothing\nis promoted. Once more, a second later or more, ends it at once.");
  return [options] { return Tune(*options); };
}

}  // namespace lathe::cli
