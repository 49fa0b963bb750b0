#include "tuner/measure_quality.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/base/status_macros.h"
#include "database/lookup.h"
#include "measurer/statistics.h"
#include "tuner/reference_check.h"
#include "tuner/significance.h"
#include "tuner/trial.h"

namespace lathe {
namespace {

// Measures kernels of one problem and notes the conditions of each lease.
class Bench {
 public:
  Bench(Builder& builder, MeasureService& measurer, const Cancellation* cancellation, int blocks,
        QualityReport& report)
      : builder_(builder),
        measurer_(measurer),
        cancellation_(cancellation),
        blocks_(blocks),
        report_(report) {}

  absl::Status Load(const Problem& problem, const std::string& trace) {
    problem_ = problem;
    trace_ = trace;
    Task task = TaskOf(Query{problem.function, problem.target, report_.device.kind().text(),
                             problem.threads, problem.regime, problem.accuracy});
    job_.function_key = task.function_hash;
    job_.device_kind = task.device_kind;
    job_.timeout = 2 * problem.timing.timeout;
    ASSIGN_OR_RETURN(reference_, ReferenceCheck::Build(problem, builder_, cancellation_));
    ASSIGN_OR_RETURN(build_,
                     Await(StartBuild(builder_, BuildRequestFor(problem, trace)), cancellation_));
    if (build_.status() == v1::BUILD_STATUS_OK) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("the kernel does not build: ", build_.error()));
  }

  const std::string& program_hash() const { return build_.program_hash(); }

  // The times of the kernel under `names` names, in turn.
  absl::StatusOr<PairedTimes> Measure(size_t names) {
    std::vector<std::shared_ptr<Trial>> trials;
    for (size_t i = 0; i < names; ++i) {
      auto trial = std::make_shared<Trial>();
      trial->id = NewUuid();
      trial->role = TrialRole::kPromotion;
      trial->trace = trace_;
      trial->build = build_;
      trials.push_back(std::move(trial));
    }
    ASSIGN_OR_RETURN(PairedTimes times, MeasurePaired(problem_, trials, *reference_, job_, blocks_,
                                                      measurer_, cancellation_));
    const v1::MeasureResult& result = trials.front()->outcome.result;
    if (times.samples.front().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the kernel cannot be timed: ", std::string(Name(StatusOf(*trials.front()))),
                       ": ", result.error()));
    }
    ++report_.leases;
    if (result.conditions().contaminated()) ++report_.contaminated;
    if (result.conditions().drift() > 0) report_.drifts.push_back(result.conditions().drift());
    return times;
  }

 private:
  Builder& builder_;
  MeasureService& measurer_;
  const Cancellation* cancellation_;
  const int blocks_;
  QualityReport& report_;
  Problem problem_;
  std::string trace_;
  JobOptions job_;
  std::optional<ReferenceCheck> reference_;
  v1::BuildResponse build_;
};

}  // namespace

Quantiles QuantilesOf(const std::vector<double>& values) {
  return {Quantile(values, 0.1), Quantile(values, 0.5), Quantile(values, 0.9)};
}

std::vector<std::string> QualityReport::Excesses(const QualityLimits& limits) const {
  std::vector<std::string> excesses;
  auto percent = [](double fraction) { return absl::StrFormat("%.2f %%", 100 * fraction); };
  auto check = [&](double value, double limit, std::string_view what) {
    if (value <= limit) return;
    excesses.push_back(
        absl::StrCat(std::string(what), ": ", percent(value), ", above ", percent(limit)));
  };
  check(QuantilesOf(runs).Spread(), limits.spread, "p90 - p10 of the runs");
  check(FalsePromotionRate(), limits.false_promotions, "false promotions");
  if (!drifts.empty()) check(QuantilesOf(drifts).Spread(), limits.drift, "drift of the canary");
  for (const Remeasured& winner : winners) {
    const std::string name = absl::StrCat("winner ", winner.record.task.function_name, " (record ",
                                          winner.record.id, ")");
    if (!winner.error.empty()) {
      excesses.push_back(absl::StrCat(name, ": ", winner.error));
    } else {
      check(std::abs(winner.Change()), limits.remeasured, name + " against its record");
    }
  }
  return excesses;
}

absl::StatusOr<QualityReport> MeasureQuality(const QualityOptions& options, Builder& builder,
                                             MeasureService& measurer,
                                             const Cancellation* cancellation,
                                             const std::function<void(int, int)>& on_progress) {
  QualityReport report;
  ASSIGN_OR_RETURN(report.device, AwaitDevice(measurer, options.device_wait, cancellation));
  int done = 0;
  const int total = options.runs + options.promotions + static_cast<int>(options.winners.size());
  auto progress = [&] {
    if (on_progress) on_progress(++done, total);
  };
  Bench bench(builder, measurer, cancellation, options.blocks, report);
  RETURN_IF_ERROR(bench.Load(options.problem, options.trace));
  // Runs and promotions take turns, so that both see the whole session.
  const int turns = std::max({options.runs, options.promotions, 1});
  for (int turn = 1; turn <= turns; ++turn) {
    while (static_cast<int>(report.runs.size()) < turn * options.runs / turns) {
      ASSIGN_OR_RETURN(PairedTimes times, bench.Measure(1));
      report.runs.push_back(Median(times.samples.front()));
      progress();
    }
    while (report.promotions < turn * options.promotions / turns) {
      ASSIGN_OR_RETURN(PairedTimes times, bench.Measure(2));
      ++report.promotions;
      report.false_promotions += FindWinner(times.samples, times.rounds) == 0 ? 0 : 1;
      progress();
    }
  }
  for (const Winner& winner : options.winners) {
    Remeasured& now = report.winners.emplace_back();
    now.record = winner.record;
    auto measure = [&]() -> absl::StatusOr<PairedTimes> {
      RETURN_IF_ERROR(bench.Load(winner.problem, winner.record.trace));
      if (bench.program_hash() != winner.record.program_hash) {
        return absl::FailedPreconditionError(
            "stale: its trace gives another program by now; lathe db revalidate measures it again");
      }
      return bench.Measure(1);
    };
    absl::StatusOr<PairedTimes> times = measure();
    if (times.ok()) {
      now.seconds = Median(times->samples.front());
    } else if (IsOfOneTask(times.status())) {
      now.error = std::string(times.status().message());
    } else {
      return times.status();
    }
    progress();
  }
  return report;
}

}  // namespace lathe
