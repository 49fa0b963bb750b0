// lathe measure-quality: how far the numbers of this machine can be trusted.
#include "tuner/measure_quality.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/record_json.h"
#include "cli/services.h"
#include "compiler/base/status_macros.h"

namespace lathe::cli {
namespace {

struct Options {
  TaskOptions task;
  std::string trace = "default", cpus, db;
  int runs = 20, promotions = 40, winners = 20;
  uint64_t seed = 1;
  bool json = false;
};

struct Winners {
  std::vector<Winner> winners;
  std::vector<Remeasured> unreadable;  // of tasks that this version cannot read
};

// A task of the database, with as many threads as `like`.
absl::StatusOr<LoadedTask> TaskOfDatabase(const Task& known, const LoadedTask& like) {
  LoadedTask loaded = like;
  ASSIGN_OR_RETURN(loaded.canonical, ParseFunction(known.function_text, "the function"));
  ASSIGN_OR_RETURN(loaded.target, ParseTarget(known.target));
  loaded.accuracy = known.accuracy;
  loaded.regime = known.regime;
  return loaded;
}

// What the database serves for this device kind, with as many threads as asked for.
absl::StatusOr<Winners> WinnersOf(const Options& options, const LoadedTask& task,
                                  const CorePlan& cores) {
  Winners winners;
  if (options.db.empty()) return winners;
  ASSIGN_OR_RETURN(std::unique_ptr<RecordStore> store, OpenForReading(options.db));
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store->Tasks());
  const std::string kind = LocalDeviceKind();
  for (const Task& known : tasks) {
    if (static_cast<int>(winners.winners.size()) >= options.winners) break;
    if (known.device_kind != kind || known.threads != task.threads) continue;
    ASSIGN_OR_RETURN(std::optional<Record> best, store->Best(known));
    if (!best || !best->promoted) continue;
    absl::StatusOr<LoadedTask> loaded = TaskOfDatabase(known, task);
    if (!loaded.ok()) {
      const std::string why(loaded.status().message());
      winners.unreadable.push_back({*std::move(best), absl::StrCat("unreadable: ", why)});
      continue;
    }
    if (!CheckMeasurableHere(*loaded).ok()) continue;
    winners.winners.push_back({ProblemOf(*loaded, cores, options.seed), *std::move(best)});
  }
  return winners;
}

Json ToJson(const QualityReport& report, const QualityLimits& limits) {
  // Null: not measured.
  Json json = {{"device", report.device.uuid()},
               {"repeatability", Json()},
               {"false_promotions", Json()},
               {"leases", report.leases},
               {"contaminated", report.contaminated},
               {"winners", Json::array()},
               {"drift", Json()}};
  if (!report.runs.empty()) {
    const Quantiles runs = QuantilesOf(report.runs);
    json["repeatability"] = {{"runs_seconds", report.runs}, {"p10_seconds", runs.p10},
                             {"p50_seconds", runs.p50},     {"p90_seconds", runs.p90},
                             {"spread", runs.Spread()},     {"limit", limits.spread}};
  }
  if (report.promotions > 0) {
    json["false_promotions"] = {{"promotions", report.promotions},
                                {"false", report.false_promotions},
                                {"rate", report.FalsePromotionRate()},
                                {"limit", limits.false_promotions}};
  }
  if (!report.drifts.empty()) {
    const Quantiles drift = QuantilesOf(report.drifts);
    json["drift"] = {{"p10", drift.p10},
                     {"p50", drift.p50},
                     {"p90", drift.p90},
                     {"spread", drift.Spread()},
                     {"limit", limits.drift}};
  }
  for (const Remeasured& winner : report.winners) {
    Json row = {{"function", winner.record.task.function_name},
                {"record", winner.record.id},
                {"recorded_seconds", winner.record.median},
                {"seconds", winner.seconds},
                {"change", winner.error.empty() ? Json(winner.Change()) : Json()},
                {"error", winner.error},
                {"limit", limits.remeasured}};
    json["winners"].push_back(std::move(row));
  }
  json["exceeded"] = report.Excesses(limits);
  return json;
}

std::string Row(std::string_view what, std::string_view value, double fraction, double limit) {
  return absl::StrFormat("%-34s  %-32s  %7.2f %%  %5.1f %%  %s\n", std::string(what),
                         std::string(value), 100 * fraction, 100 * limit,
                         std::abs(fraction) <= limit ? "ok" : "exceeded");
}

void PrintTable(const QualityReport& report, const QualityLimits& limits, const std::string& name) {
  const Quantiles runs = QuantilesOf(report.runs);
  Print(absl::StrFormat("%-34s  %-32s  %9s  %7s\n", name, "", "measured", "limit"));
  if (!report.runs.empty()) {
    Print(Row(absl::StrCat("p90 - p10 of ", report.runs.size(), " runs"),
              absl::StrCat(FormatSeconds(runs.p50), " [", FormatSeconds(runs.p10), ", ",
                           FormatSeconds(runs.p90), "]"),
              runs.Spread(), limits.spread));
  }
  if (report.promotions > 0) {
    Print(Row("false promotions", absl::StrCat(report.false_promotions, " of ", report.promotions),
              report.FalsePromotionRate(), limits.false_promotions));
  }
  if (!report.drifts.empty()) {
    const Quantiles drift = QuantilesOf(report.drifts);
    Print(Row("drift, p90 - p10 of the canary",
              absl::StrFormat("%.3f [%.3f, %.3f]", drift.p50, drift.p10, drift.p90), drift.Spread(),
              limits.drift));
  }
  for (const Remeasured& winner : report.winners) {
    const std::string what = absl::StrCat("winner ", winner.record.task.function_name);
    if (!winner.error.empty()) {
      Print(absl::StrFormat("%-34s  %s\n", what, winner.error));
      continue;
    }
    Print(Row(what,
              absl::StrCat(FormatSeconds(winner.seconds), ", record ",
                           FormatSeconds(winner.record.median)),
              winner.Change(), limits.remeasured));
  }
  Print(absl::StrCat(report.contaminated, " of ", report.leases, " leases under disturbance\n"));
}

absl::StatusOr<ExitCode> Run(const Options& options) {
  if (options.runs == 1) {
    return absl::InvalidArgumentError(
        "--runs 1 has no percentiles: give 2 at least, or 0 to leave out repeatability");
  }
  if (options.runs == 0 && options.promotions == 0 && options.db.empty()) {
    return absl::InvalidArgumentError("nothing to measure: give --runs, --promotions or --db");
  }
  ASSIGN_OR_RETURN(LoadedTask task, LoadTask(options.task));
  RETURN_IF_ERROR(CheckMeasurableHere(task));
  absl::StatusOr<NamedTrace> trace = ResolveTrace(options.trace, task, options.db);
  if (absl::IsNotFound(trace.status()) && options.trace == "best") {
    PrintError(std::string(trace.status().message()));
    return kNegative;
  }
  RETURN_IF_ERROR(trace.status());
  ASSIGN_OR_RETURN(LocalServices services, StartServices(task, options.cpus));
  QualityOptions quality;
  quality.problem = ProblemOf(task, services.cores, options.seed);
  quality.trace = ToText(trace->canonical);
  quality.runs = options.runs;
  quality.promotions = options.promotions;
  ASSIGN_OR_RETURN(Winners winners, WinnersOf(options, task, services.cores));
  quality.winners = std::move(winners.winners);

  const Cancellation& interrupted = StopOnSignals();
  const bool terminal = isatty(STDERR_FILENO) != 0;
  auto progress = [terminal](int done, int total) {
    if (terminal)
      absl::FPrintF(stderr, "\rlease %d of %d%s", done, total, done == total ? "\n" : "");
  };
  ASSIGN_OR_RETURN(
      QualityReport report,
      MeasureQuality(quality, *services.builder, services.hub->pool(), &interrupted, progress));
  for (Remeasured& winner : winners.unreadable) report.winners.push_back(std::move(winner));
  const QualityLimits limits;
  if (options.json) {
    Json json = {{"function", task.function.name}};
    json.update(ToJson(report, limits));
    PrintJson(json);
  } else {
    PrintTable(report, limits, task.function.name);
  }
  return report.Excesses(limits).empty() ? kSuccess : kNegative;
}

}  // namespace

Action AddMeasureQuality(CLI::App& app) {
  auto options = std::make_shared<Options>();
  options->task.function = "op:matmul(m=256,n=256,k=256)";
  AddTaskOptions(app, options->task);
  app.get_option("FUNCTION")->required(false)->capture_default_str();
  app.add_option("--trace", options->trace, "naive, default, best or a trace file")
      ->capture_default_str();
  app.add_option("--runs", options->runs, "Independent runs, for repeatability; 0: none")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--promotions", options->promotions,
                 "Promotions of the kernel over itself; 0: none")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--winners", options->winners,
                 "With --db: at most so many promoted records are measured again")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  app.add_option("--cpus", options->cpus, "CPUs to time on, e.g. 0,2-3; default: chosen");
  app.add_option("--seed", options->seed, "Seed of input data")->capture_default_str();
  app.add_option("--db", options->db, "Database whose winners are measured again; default: none");
  AddJsonOption(app, options->json);
  return [options] { return Run(*options); };
}

}  // namespace lathe::cli
