#include "measurer/lease_executor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/canary.h"
#include "measurer/conditions.h"
#include "measurer/lease_jobs.h"

namespace lathe {
namespace {

constexpr double kDefaultTimeout = 60;

void Fail(v1::TrialStatus status, absl::string_view error, v1::MeasureResult* result) {
  result->set_status(status);
  result->set_error(std::string(error));
}

std::string ReferenceKey(const v1::Lease& lease, uint64_t seed) {
  return absl::StrCat(lease.reference().digest(), " ", seed, " ", lease.function_key());
}

}  // namespace

LeaseExecutor::LeaseExecutor(ExecutorOptions options, ArtifactSource artifacts)
    : options_(std::move(options)),
      artifacts_(std::move(artifacts)),
      references_(options_.reference_cache_bytes) {}

v1::MeasureResult LeaseExecutor::Execute(const v1::Lease& lease) {
  {
    std::lock_guard lock(mutex_);
    current_lease_ = lease.lease_id();
    cancelled_ = false;
  }
  const double start = MonotonicSeconds();
  v1::MeasureResult result;
  result.set_lease_id(lease.lease_id());
  result.set_fencing_token(lease.fencing_token());
  result.set_trial_id(lease.trial_id());
  Measure(lease, &result);
  if (Cancelled()) Fail(v1::TRIAL_STATUS_CANCELLED, "cancelled", &result);
  result.set_wall_seconds(MonotonicSeconds() - start);
  std::lock_guard lock(mutex_);
  current_lease_.clear();
  return result;
}

void LeaseExecutor::Cancel(const std::string& lease_id) {
  std::lock_guard lock(mutex_);
  if (current_lease_.empty() || (!lease_id.empty() && lease_id != current_lease_)) return;
  cancelled_ = true;
  if (runner_ != nullptr) runner_->Kill();
}

bool LeaseExecutor::Cancelled() {
  std::lock_guard lock(mutex_);
  return cancelled_;
}

void LeaseExecutor::Measure(const v1::Lease& lease, v1::MeasureResult* result) {
  const double deadline = MonotonicSeconds() +
                          (lease.timeout_seconds() > 0 ? lease.timeout_seconds() : kDefaultTimeout);
  if (absl::Status sensible = CheckLease(lease); !sensible.ok()) {
    return Fail(v1::TRIAL_STATUS_REFUSED, sensible.message(), result);
  }
  std::vector<std::shared_ptr<const SharedMemory>> memories;
  for (uint64_t seed : lease.input_seeds()) {
    auto outputs = ReferenceOutputs(lease, seed, deadline);
    if (!outputs.ok()) {
      return Fail(v1::TRIAL_STATUS_REFERENCE_FAILED,
                  absl::StrCat("the reference failed: ", outputs.status().message()), result);
    }
    memories.push_back(*std::move(outputs));
  }
  RunnerJob job = TrialJob(lease, options_.cpus);
  for (const v1::SampledElement& wanted : lease.reference().samples()) {
    absl::StatusOr<double> value = absl::OutOfRangeError("no such input set");
    if (wanted.input_set() < memories.size()) {
      value = ReadSample(wanted, job.reference_outputs, *memories[wanted.input_set()]);
    }
    if (!value.ok()) {
      return Fail(v1::TRIAL_STATUS_REFERENCE_FAILED, value.status().message(), result);
    }
    v1::SampledElement* sample = result->add_samples();
    *sample = wanted;
    sample->set_value(*value);
  }

  auto artifact = artifacts_(lease.digest());
  if (!artifact.ok()) {
    return Fail(v1::TRIAL_STATUS_REFUSED, artifact.status().message(), result);
  }
  std::vector<int> descriptors = {(*artifact)->read_only()};
  for (const auto& memory : memories) descriptors.push_back(memory->read_only());
  std::vector<std::shared_ptr<const SharedMemory>> contenders;
  for (const v1::Contender& contender : lease.contenders()) {
    auto bytes = artifacts_(contender.digest());
    if (!bytes.ok()) return Fail(v1::TRIAL_STATUS_REFUSED, bytes.status().message(), result);
    descriptors.push_back((*bytes)->read_only());
    contenders.push_back(*std::move(bytes));
  }
  job.canary_baseline = canary_.Of(job.timing.cpus);
  job.seconds = deadline - MonotonicSeconds();
  absl::StatusOr<RunnerOutcome> outcome = RunJob(job, descriptors, job.seconds);
  if (!outcome.ok()) return Fail(v1::TRIAL_STATUS_CRASH, outcome.status().message(), result);
  if (outcome->reply.has_value()) {
    canary_.Add(job.timing.cpus, outcome->reply->conditions.canary_seconds,
                ConditionLimits().drift);
    return FillResult(*outcome->reply, result);
  }
  const auto status = outcome->timed_out ? v1::TRIAL_STATUS_TIMEOUT : v1::TRIAL_STATUS_CRASH;
  for (int i = 0; i < lease.contenders_size(); ++i) result->add_contenders();
  const auto at_work = static_cast<int>(outcome->contender);
  if (at_work < 1 || at_work > lease.contenders_size()) {
    return Fail(status, outcome->error, result);
  }
  // Nothing is known against the others, and no time of theirs.
  result->set_status(v1::TRIAL_STATUS_OK);
  result->mutable_contenders(at_work - 1)->set_status(status);
  result->mutable_contenders(at_work - 1)->set_error(outcome->error);
}

absl::StatusOr<std::shared_ptr<const SharedMemory>> LeaseExecutor::ReferenceOutputs(
    const v1::Lease& lease, uint64_t seed, double deadline) {
  const std::string key = ReferenceKey(lease, seed);
  if (auto cached = references_.Find(key)) return cached;
  ASSIGN_OR_RETURN(auto artifact, artifacts_(lease.reference().digest()));
  RunnerJob job = ReferenceJob(lease, seed);
  ASSIGN_OR_RETURN(SharedMemory memory,
                   SharedMemory::Create(OutputOffsets(job.reference_outputs).back()));
  job.seconds = deadline - MonotonicSeconds();
  ASSIGN_OR_RETURN(RunnerOutcome outcome,
                   RunJob(job, {artifact->read_only(), memory.writable()}, job.seconds));
  if (!outcome.reply.has_value()) return absl::AbortedError(outcome.error);
  if (outcome.reply->verdict != Verdict::kOk) return absl::AbortedError(outcome.reply->error);
  auto shared = std::make_shared<const SharedMemory>(std::move(memory));
  references_.Insert(key, shared);
  return shared;
}

absl::StatusOr<RunnerOutcome> LeaseExecutor::RunJob(const RunnerJob& job,
                                                    const std::vector<int>& descriptors,
                                                    double seconds) {
  const double deadline = MonotonicSeconds() + seconds;
  ASSIGN_OR_RETURN(RunnerOutcome outcome, RunJobOnce(job, descriptors, seconds));
  // Whoever kills the runner means the process, not the candidate: once more. A
  // candidate that brings it about, by the memory it takes, fails then.
  if (!outcome.killed_outside) return outcome;
  return RunJobOnce(job, descriptors, deadline - MonotonicSeconds());
}

absl::StatusOr<RunnerOutcome> LeaseExecutor::RunJobOnce(const RunnerJob& job,
                                                        const std::vector<int>& descriptors,
                                                        double seconds) {
  // One that was killed while idle is not the next candidate's fault.
  if (runner_ == nullptr || !runner_->Alive()) {
    ASSIGN_OR_RETURN(std::unique_ptr<RunnerProcess> started, RunnerProcess::Start(options_.runner));
    std::lock_guard lock(mutex_);
    runner_ = std::move(started);
    if (cancelled_) runner_->Kill();
  }
  RunnerOutcome outcome = runner_->Run(job, descriptors, seconds);
  if (!outcome.reply.has_value()) {
    std::lock_guard lock(mutex_);
    runner_.reset();
  }
  return outcome;
}

}  // namespace lathe
