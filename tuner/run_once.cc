#include "tuner/run_once.h"

#include <utility>

#include "absl/time/clock.h"
#include "compiler/base/status_macros.h"
#include "database/lookup.h"
#include "tuner/reference_check.h"
#include "tuner/trial.h"

namespace lathe {

absl::StatusOr<RunReport> RunOnce(const Problem& problem, const std::string& trace,
                                  Builder& builder, MeasureService& measurer,
                                  const Cancellation* cancellation, absl::Duration device_wait) {
  RunReport report;
  ASSIGN_OR_RETURN(report.device, AwaitDevice(measurer, device_wait, cancellation));
  Task task = TaskOf(Query{problem.function, problem.target, report.device.kind().text(),
                           problem.threads, problem.regime, problem.accuracy});
  ASSIGN_OR_RETURN(ReferenceCheck reference, ReferenceCheck::Build(problem, builder, cancellation));

  Trial trial;
  trial.id = NewUuid();
  trial.number = 1;
  trial.role = TrialRole::kPromotion;  // timed in full, never abandoned
  trial.trace = trace;
  trial.search = "run";
  ASSIGN_OR_RETURN(trial.build,
                   Await(StartBuild(builder, BuildRequestFor(problem, trace)), cancellation));
  if (trial.build.status() == v1::BUILD_STATUS_OK) {
    JobOptions options;
    options.function_key = task.function_hash;
    options.device_kind = task.device_kind;
    options.timeout = 2 * problem.timing.timeout;  // the reference runs first
    ASSIGN_OR_RETURN(MeasureJob job, MeasureJobFor(problem, trial, reference, options));
    trial.outcome = MeasureAndWait(measurer, std::move(job), cancellation);
    RETURN_IF_ERROR(trial.outcome.status);
    RETURN_IF_ERROR(reference.Prove(trial.outcome.result));
  }
  report.reference_proved = reference.proved();
  report.record = RecordOf(task, trial);
  return report;
}

}  // namespace lathe
