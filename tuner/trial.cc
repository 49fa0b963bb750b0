#include "tuner/trial.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "compiler/base/check.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "compiler/runtime/lathe_kernel.h"
#include "tuner/kernel_metadata.h"

namespace lathe {
namespace {

constexpr int kNaiveSamples = 3;
constexpr double kNaiveBudget = 2.0;  // seconds
// A search needs to know which candidates are good, not how good exactly: what
// it finds is timed in full by the promotion.
constexpr double kSearchInterval = 2;  // times the relative interval to reach
constexpr int kSearchSamples = 2;      // the part of the samples that are taken at most

RecordStatus FromProto(v1::TrialStatus status) {
  switch (status) {
    case v1::TRIAL_STATUS_OK:
      return RecordStatus::kOk;
    case v1::TRIAL_STATUS_WRONG_OUTPUT:
      return RecordStatus::kWrongOutput;
    case v1::TRIAL_STATUS_TIMEOUT:
      return RecordStatus::kTimeout;
    case v1::TRIAL_STATUS_BUILD_FAILED:
      return RecordStatus::kBuildFailed;
    case v1::TRIAL_STATUS_REFUSED:
      return RecordStatus::kRefused;
    case v1::TRIAL_STATUS_ABANDONED:
      return RecordStatus::kAbandoned;
    case v1::TRIAL_STATUS_KERNEL_ERROR:
      return RecordStatus::kKernelError;
    case v1::TRIAL_STATUS_REFERENCE_FAILED:
      return RecordStatus::kReferenceFailed;
    default:  // and values of newer protocols
      return RecordStatus::kCrash;
  }
}

Conditions FromProto(const v1::Conditions& from) {
  Conditions conditions;
  conditions.frequency_mhz = from.frequency_mhz();
  conditions.temperature_celsius = from.temperature_celsius();
  conditions.load_average = from.load_average();
  conditions.steal_fraction = from.steal_fraction();
  conditions.migrations = from.migrations();
  conditions.involuntary_switches = from.involuntary_switches();
  conditions.contaminated = from.contaminated();
  conditions.repeats = static_cast<int>(from.repeats());
  if (from.drift() > 0) conditions.drift = from.drift();
  return conditions;
}

void AddTiming(const v1::Timing& timing, Record& record) {
  record.median = timing.median_seconds();
  record.ci_low = timing.ci_low_seconds();
  record.ci_high = timing.ci_high_seconds();
  record.min = timing.min_seconds();
  record.samples.assign(timing.samples_seconds().begin(), timing.samples_seconds().end());
  record.calls_per_sample = timing.calls_per_sample();
}

void AddPrepare(const Function& function, const PrepareMetadata& from, v1::Prepare& prepare) {
  for (const PrepareMetadata::Packed& packed : from.packed) {
    v1::ArgumentSpec* spec = prepare.add_packed();
    spec->set_name(packed.name);
    spec->set_type(packed.type);
    spec->mutable_shape()->Add(packed.shape.begin(), packed.shape.end());
  }
  prepare.set_workspace_bytes(from.workspace_bytes);
  prepare.set_workspace_bytes_per_thread(from.workspace_bytes_per_thread);
  auto contains = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (uint32_t a = 0; a < function.arguments.size(); ++a) {
    if (contains(from.reads, function.arguments[a].name)) prepare.add_reads(a);
    if (contains(from.replaces, function.arguments[a].name)) prepare.add_replaces(a);
  }
}

}  // namespace

v1::BuildRequest BuildRequestFor(const Problem& problem, const std::string& trace) {
  v1::BuildRequest request;
  request.set_function(ToText(problem.function));
  request.set_trace(trace);
  request.set_target(ToText(problem.target));
  request.set_product(v1::BUILD_PRODUCT_ARTIFACT);
  return request;
}

absl::StatusOr<MeasureJob> MeasureJobFor(const Problem& problem, const Trial& trial,
                                         const ReferenceCheck& reference,
                                         const JobOptions& options) {
  ASSIGN_OR_RETURN(KernelMetadata metadata, ParseKernelMetadata(trial.build.metadata()));
  MeasureJob job;
  job.device_kind = options.device_kind;
  job.artifact = std::make_shared<std::string>(trial.build.output());
  job.reference = reference.artifact();

  v1::Lease& lease = job.lease;
  lease.set_trial_id(trial.id);
  lease.set_function_key(options.function_key);
  lease.set_digest(Sha256Hex(*job.artifact));
  for (v1::ArgumentSpec& spec : ArgumentsOf(problem.function)) {
    *lease.add_arguments() = std::move(spec);
  }
  lease.set_workspace_bytes(metadata.workspace_bytes);
  lease.set_workspace_bytes_per_thread(metadata.workspace_bytes_per_thread);
  if (metadata.prepare) AddPrepare(problem.function, *metadata.prepare, *lease.mutable_prepare());
  *lease.mutable_reference() = reference.message();
  bool naive = trial.role == TrialRole::kNaive;
  std::vector<uint64_t> seeds = InputSeeds(problem.seed);
  if (naive && reference.proved()) seeds.resize(1);
  for (uint64_t seed : seeds) lease.add_input_seeds(seed);
  lease.set_timeout_seconds(options.timeout);

  const TimingLimits& limits = problem.timing;
  v1::TimingOptions* timing = lease.mutable_timing();
  timing->set_regime(problem.regime == Regime::kCold ? v1::REGIME_COLD : v1::REGIME_WARM);
  timing->set_threads(static_cast<uint32_t>(problem.threads));
  for (int cpu : problem.cpus) timing->add_cpus(static_cast<uint32_t>(cpu));
  timing->set_min_sample_seconds(limits.min_sample);
  timing->set_min_samples(naive ? std::min(limits.min_samples, kNaiveSamples) : limits.min_samples);
  bool rough = trial.role == TrialRole::kSearch;
  timing->set_max_samples(rough ? std::max(limits.min_samples, limits.max_samples / kSearchSamples)
                                : limits.max_samples);
  timing->set_budget_seconds(naive ? std::min(limits.budget, kNaiveBudget) : limits.budget);
  timing->set_target_relative_interval(limits.target_relative_interval *
                                       (rough ? kSearchInterval : 1));
  timing->set_abandon_above_seconds(options.abandon_above);
  return job;
}

RecordStatus StatusOf(const Trial& trial) {
  return trial.build.status() == v1::BUILD_STATUS_OK ? FromProto(trial.outcome.result.status())
                                                     : RecordStatus::kBuildFailed;
}

Record RecordOf(const Task& task, const Trial& trial) {
  Record record;
  record.id = trial.id;
  record.task = task;
  record.trace = trial.trace;
  record.decisions = trial.candidate.decisions;
  record.program_hash = trial.build.program_hash();
  record.status = StatusOf(trial);
  record.lathe_version = std::string(LatheVersion());
  record.llvm_version = trial.build.llvm_version();
  record.abi_version = LATHE_ABI_VERSION;
  record.created_unix_ms = absl::ToUnixMillis(absl::Now());
  record.search = trial.search;
  record.trial = trial.number;
  record.build_seconds = trial.build.build_seconds();
  if (record.status == RecordStatus::kBuildFailed) {
    record.error = trial.build.error();
    return record;
  }
  const v1::MeasureResult& result = trial.outcome.result;
  record.error = result.error();
  record.device_uuid = trial.outcome.device_uuid;
  record.artifact_digest = Sha256Hex(trial.build.output());
  auto metadata = ParseKernelMetadata(trial.build.metadata());
  if (metadata.ok()) record.required_features = std::move(metadata->features);
  record.conditions = FromProto(result.conditions());
  record.measure_seconds = result.wall_seconds();
  if (record.status == RecordStatus::kOk || record.status == RecordStatus::kAbandoned) {
    AddTiming(result.timing(), record);
  }
  return record;
}

}  // namespace lathe
