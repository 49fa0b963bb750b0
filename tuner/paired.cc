#include "tuner/paired.h"

#include <algorithm>
#include <utility>

#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

constexpr uint32_t kRounds = 5;        // of a block, at most
constexpr double kBlockSeconds = 0.2;  // of rounds, about

absl::StatusOr<MeasureJob> PairedJob(const Problem& problem, const std::vector<Trial*>& trials,
                                     const ReferenceCheck& reference, const JobOptions& options,
                                     int blocks) {
  MeasureJob job;
  for (const Trial* trial : trials) {
    ASSIGN_OR_RETURN(MeasureJob own, MeasureJobFor(problem, *trial, reference, options));
    if (trial == trials.front()) {
      job = std::move(own);
      continue;
    }
    v1::Contender* contender = job.lease.add_contenders();
    contender->set_digest(own.lease.digest());
    contender->set_workspace_bytes(own.lease.workspace_bytes());
    contender->set_workspace_bytes_per_thread(own.lease.workspace_bytes_per_thread());
    if (own.lease.has_prepare()) *contender->mutable_prepare() = own.lease.prepare();
    job.contenders.push_back(std::move(own.artifact));
  }
  v1::TimingOptions* timing = job.lease.mutable_timing();
  timing->set_blocks(static_cast<uint32_t>(blocks));
  timing->set_min_samples(kRounds);
  timing->set_budget_seconds(kBlockSeconds * blocks);
  timing->set_abandon_above_seconds(0);
  job.lease.set_timeout_seconds(options.timeout * static_cast<double>(trials.size()));
  return job;
}

// The outcome of each trial from that of the lease.
void Split(const MeasureOutcome& lease, const std::vector<Trial*>& trials) {
  const v1::MeasureResult& result = lease.result;
  for (size_t i = 0; i < trials.size(); ++i) {
    MeasureOutcome& outcome = trials[i]->outcome;
    outcome.status = absl::OkStatus();
    outcome.device_uuid = lease.device_uuid;
    outcome.result = result;
    outcome.result.clear_contenders();
    if (i == 0) continue;
    outcome.result.set_trial_id(trials[i]->id);
    outcome.result.clear_status();
    outcome.result.clear_error();
    outcome.result.clear_timing();
    if (static_cast<int>(i) > result.contenders_size()) continue;
    const v1::ContenderResult& own = result.contenders(static_cast<int>(i) - 1);
    outcome.result.set_status(own.status());
    outcome.result.set_error(own.error());
    if (own.has_timing()) *outcome.result.mutable_timing() = own.timing();
  }
}

bool Measured(const Trial& trial) {
  return trial.outcome.result.status() == v1::TRIAL_STATUS_OK && trial.outcome.result.has_timing();
}

bool Failed(const Trial& trial) {
  const v1::TrialStatus status = trial.outcome.result.status();
  return status != v1::TRIAL_STATUS_OK && status != v1::TRIAL_STATUS_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<PairedTimes> MeasurePaired(const Problem& problem,
                                          const std::vector<std::shared_ptr<Trial>>& trials,
                                          ReferenceCheck& reference, const JobOptions& options,
                                          int blocks, MeasureService& measurer,
                                          const Cancellation* cancellation) {
  CHECK(!trials.empty() && trials.size() <= kMaxPaired);
  std::vector<Trial*> left;
  for (const auto& trial : trials) left.push_back(trial.get());
  while (!left.empty()) {
    ASSIGN_OR_RETURN(MeasureJob job, PairedJob(problem, left, reference, options, blocks));
    MeasureOutcome outcome = MeasureAndWait(measurer, std::move(job), cancellation);
    RETURN_IF_ERROR(outcome.status);
    Split(outcome, left);
    // With a failure before there were samples, the reference is proved by the next lease.
    if (!reference.proved()) RETURN_IF_ERROR(reference.Prove(outcome.result));
    size_t measured = 0;
    std::vector<Trial*> others;
    for (Trial* trial : left) {
      measured += Measured(*trial) ? 1 : 0;
      if (!Failed(*trial)) others.push_back(trial);
    }
    // Without any time one has ended the runner for all.
    if (measured > 0 || others.size() == left.size()) break;
    left = std::move(others);
  }
  PairedTimes times;
  for (const auto& trial : trials) {
    std::vector<double>& samples = times.samples.emplace_back();
    if (!Measured(*trial)) continue;
    const v1::Timing& timing = trial->outcome.result.timing();
    samples.assign(timing.samples_seconds().begin(), timing.samples_seconds().end());
    times.rounds = std::max<size_t>(trial->outcome.result.rounds(), 1);
  }
  // Rounds pair by their place: what a measurer sends too few of does not pair.
  size_t whole = 0;
  for (const std::vector<double>& samples : times.samples) whole = std::max(whole, samples.size());
  for (std::vector<double>& samples : times.samples) {
    if (samples.size() != whole || whole % times.rounds != 0) samples.clear();
  }
  return times;
}

}  // namespace lathe
