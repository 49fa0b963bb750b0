// lathe model train | show | evaluate: cost models of boosted trees.
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compiler/base/status_macros.h"
#include "tuner/model_file.h"
#include "tuner/training_data.h"

namespace lathe::cli {
namespace {

struct Options {
  std::string db, output, file;
  std::string hold_out_family, hold_out_function;  // functions, as for `lathe tune`
  uint64_t seed = 1;
  int64_t limit = 0;  // records of a task; 0: all
  bool json = false;
};

Json ToJson(const RankingMetrics& metrics) {
  Json regret = Json::object();
  for (const auto& [k, value] : metrics.top_k_regret) regret[absl::StrCat(k)] = value;
  return {{"tasks", metrics.tasks},
          {"rows", metrics.rows},
          {"rank_correlation", metrics.rank_correlation},
          {"top_k_regret", std::move(regret)}};
}

std::string Describe(const RankingMetrics& metrics) {
  std::string text = absl::StrFormat("%3d tasks %6d rows  rank correlation %5.2f  regret",
                                     metrics.tasks, metrics.rows, metrics.rank_correlation);
  for (const auto& [k, value] : metrics.top_k_regret) {
    absl::StrAppendFormat(&text, " top-%d %.1f %%", k, 100 * value);
  }
  return text;
}

Json ToJson(const ModelInfo& info) {
  Json json = {{"feature_version", info.feature_version},
               {"features_hash", info.features_hash},
               {"lathe_version", info.lathe_version},
               {"rows", info.rows},
               {"tasks", info.groups}};
  if (!info.held_out.empty()) json["held_out"] = info.held_out;
  if (info.metrics) json["metrics"] = ToJson(*info.metrics);
  return json;
}

// What was left out of the rows, on stderr.
void ReportSkipped(const TrainingData& data) {
  if (data.without_decisions + data.not_in_space > 0) {
    PrintNote(absl::StrCat("of ", data.records, " records ", data.without_decisions,
                           " are of no sketch and ", data.not_in_space,
                           " of one that this version does not have"));
  }
  for (const std::string& why : data.unusable_tasks) PrintNote("skipped " + why);
}

absl::StatusOr<TrainingData> Load(const Options& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  TrainingDataOptions training;
  if (options.limit > 0) training.max_records_per_task = options.limit;
  ASSIGN_OR_RETURN(TrainingData data, TrainingDataOf(*store, training));
  ReportSkipped(data);
  return data;
}

// Rows of `data`, those that training may use first.
struct Division {
  std::vector<TrainingRow> train, held_out;
};
Division Divide(const TrainingData& data, const std::function<bool(const Task&)>& is_held_out) {
  Division division;
  for (const TrainingRow& row : data.rows) {
    (is_held_out(data.tasks.at(row.group)) ? division.held_out : division.train).push_back(row);
  }
  return division;
}

// The families of the data's tasks (or the functions), with names for people.
std::map<std::string, std::string> PartsOf(const TrainingData& data, bool families) {
  std::map<std::string, std::string> parts;  // family or function text -> name
  for (const auto& [group, task] : data.tasks) {
    const std::string& hash = families ? task.family_hash : task.function_hash;
    parts.emplace(families ? task.family_hash : task.function_text,
                  absl::StrCat(task.function_name, " ", hash.substr(0, 8)));
  }
  return parts;
}

absl::Status NothingHeldOut(const Options& options, const TrainingData& data) {
  const bool families = !options.hold_out_family.empty();
  std::string message =
      families ? absl::StrCat("--hold-out-family ", options.hold_out_family,
                              ": the database has no rows of this family; its families: ")
               : absl::StrCat("--hold-out-function ", options.hold_out_function,
                              ": the database has no rows of this function; its functions: ");
  const char* separator = "";
  for (const auto& [part, name] : PartsOf(data, families)) {
    absl::StrAppend(&message, separator, name);
    separator = ", ";
  }
  return absl::InvalidArgumentError(data.tasks.empty() ? message + "none" : message);
}

absl::StatusOr<ExitCode> Train(const Options& options) {
  ModelInfo info;
  std::function<bool(const Task&)> is_held_out = [](const Task&) { return false; };
  if (!options.hold_out_family.empty()) {
    ASSIGN_OR_RETURN(Function function, LoadFunction(options.hold_out_family));
    is_held_out = [family = FamilyKey(function)](const Task& t) { return t.family_hash == family; };
    info.held_out = "the family of " + options.hold_out_family;
  } else if (!options.hold_out_function.empty()) {
    ASSIGN_OR_RETURN(Function function, LoadFunction(options.hold_out_function));
    is_held_out = [key = CanonicalKey(function).text](const Task& t) {
      return t.function_text == key;
    };
    info.held_out = options.hold_out_function;
  }
  ASSIGN_OR_RETURN(TrainingData data, Load(options));
  Division division = Divide(data, is_held_out);
  if (!info.held_out.empty() && division.held_out.empty()) return NothingHeldOut(options, data);
  BoostedTrees trees(options.seed);
  absl::Time start = absl::Now();
  RETURN_IF_ERROR(trees.Train(division.train));
  double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  if (!info.held_out.empty()) info.metrics = EvaluateRanking(trees, division.held_out);
  ASSIGN_OR_RETURN(std::string bytes, ModelFileText(trees, info));
  RETURN_IF_ERROR(WriteFile(options.output, bytes));
  if (options.json) {
    Json json = {{"file", options.output},
                 {"rows", trees.rows()},
                 {"tasks", trees.groups()},
                 {"train_seconds", seconds},
                 {"bytes", bytes.size()}};
    if (info.metrics) json["metrics"] = ToJson(*info.metrics);
    PrintJson(json);
    return kSuccess;
  }
  Print(absl::StrCat("wrote ", options.output, ": ", trees.rows(), " rows of ", trees.groups(),
                     " tasks, trained in ", FormatSeconds(seconds), "\n"));
  if (info.metrics) Print("held out: " + Describe(*info.metrics) + "\n");
  return kSuccess;
}

absl::StatusOr<ExitCode> Show(const Options& options) {
  ASSIGN_OR_RETURN(ModelFile file, ReadModelFile(options.file));
  const ModelInfo& info = file.info;
  if (options.json) {
    PrintJson(ToJson(info));
    return kSuccess;
  }
  Print(
      absl::StrFormat("trained by       lathe %s\nrows             %d of %d tasks\n"
                      "feature version  %d\n",
                      info.lathe_version, info.rows, info.groups, info.feature_version));
  if (!info.held_out.empty()) Print("held out         " + info.held_out + "\n");
  if (info.metrics) Print("on what was held out: " + Describe(*info.metrics) + "\n");
  return kSuccess;
}

// A model, by name, beside the estimate on the same rows.
struct Comparison {
  std::string what;
  RankingMetrics estimate, trees;
};

Comparison Compare(std::string what, const CostModel& trees, absl::Span<const TrainingRow> rows) {
  return {std::move(what), EvaluateRanking(*NewAnalyticCostModel(), rows),
          EvaluateRanking(trees, rows)};
}

// The given model on each function; or, without one, for each family a model
// that was trained on the others.
absl::StatusOr<std::vector<Comparison>> Comparisons(const Options& options,
                                                    const TrainingData& data) {
  std::unique_ptr<CostModel> loaded;
  if (!options.file.empty()) {
    ASSIGN_OR_RETURN(loaded, LoadCostModel(options.file));
  }
  std::vector<Comparison> comparisons;
  for (const auto& [part, name] : PartsOf(data, /*families=*/options.file.empty())) {
    Division division = Divide(data, [&](const Task& task) {
      return part == (options.file.empty() ? task.family_hash : task.function_text);
    });
    BoostedTrees trained(options.seed);
    if (loaded == nullptr) RETURN_IF_ERROR(trained.Train(division.train));
    comparisons.push_back(Compare(name, loaded == nullptr ? trained : *loaded, division.held_out));
  }
  return comparisons;
}

absl::StatusOr<ExitCode> Evaluate(const Options& options) {
  ASSIGN_OR_RETURN(TrainingData data, Load(options));
  if (data.rows.empty()) {
    PrintNote("the database has no measured candidate of this version's sketches");
    return kNegative;
  }
  ASSIGN_OR_RETURN(std::vector<Comparison> comparisons, Comparisons(options, data));
  Json list = Json::array();
  for (const Comparison& comparison : comparisons) {
    if (options.json) {
      list.push_back({{"name", comparison.what},
                      {"estimate", ToJson(comparison.estimate)},
                      {"model", ToJson(comparison.trees)}});
      continue;
    }
    Print(absl::StrCat(comparison.what, "\n  estimate ", Describe(comparison.estimate),
                       "\n  model    ", Describe(comparison.trees), "\n"));
  }
  if (options.json) PrintJson(list);
  return kSuccess;
}

}  // namespace

Action AddModel(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.require_subcommand(1);
  auto common = [&](const char* name, const char* summary) {
    CLI::App* sub = app.add_subcommand(name, summary);
    AddJsonOption(*sub, options->json);
    return sub;
  };
  auto training = [&](CLI::App* sub) {
    AddDatabaseOption(*sub, options->db);
    sub->add_option("--seed", options->seed, "Seed of the training")->capture_default_str();
    sub->add_option("--limit", options->limit,
                    "Use at most the newest N records of a task (0: all)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
  };
  CLI::App* train = common("train", "Train a cost model on the records of a database");
  training(train);
  train->add_option("-o,--output", options->output, "File to write")->required();
  auto* family = train->add_option("--hold-out-family", options->hold_out_family,
                                   "Leave out the functions that differ from FUNCTION in extents "
                                   "only, and say how well they are ranked");
  train
      ->add_option("--hold-out-function", options->hold_out_function,
                   "Leave out FUNCTION, and say how well its candidates are ranked")
      ->excludes(family);
  CLI::App* show = common("show", "Say what a cost model was trained on");
  show->add_option("FILE", options->file, "Cost model")->required();
  CLI::App* evaluate =
      common("evaluate", "Rank the records of a database by the estimate and by a cost model");
  training(evaluate);
  evaluate->add_option(
      "FILE", options->file,
      "Cost model; without, each family is ranked by a model trained on the others");
  return [options, &app]() -> absl::StatusOr<ExitCode> {
    if (app.got_subcommand("train")) return Train(*options);
    if (app.got_subcommand("show")) return Show(*options);
    return Evaluate(*options);
  };
}

}  // namespace lathe::cli
