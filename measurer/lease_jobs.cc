#include "measurer/lease_jobs.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/compare.h"
#include "measurer/statistics.h"

namespace lathe {
namespace {

constexpr uint32_t kMaxThreads = 1024;
constexpr int kMaxContenders = 7;
constexpr uint32_t kBlocks = 8, kMaxBlocks = 1000;

BufferSpec ToBuffer(const v1::ArgumentSpec& argument) {
  return {argument.name(),
          argument.type(),
          {argument.shape().begin(), argument.shape().end()},
          argument.output()};
}

template <typename Arguments>
std::vector<BufferSpec> ToBuffers(const Arguments& arguments) {
  std::vector<BufferSpec> buffers;
  for (const v1::ArgumentSpec& argument : arguments) buffers.push_back(ToBuffer(argument));
  return buffers;
}

std::vector<BufferSpec> OutputsOf(const std::vector<BufferSpec>& arguments) {
  std::vector<BufferSpec> outputs;
  std::copy_if(arguments.begin(), arguments.end(), std::back_inserter(outputs),
               [](const BufferSpec& spec) { return spec.output; });
  return outputs;
}

double Or(double value, double otherwise) { return value > 0 ? value : otherwise; }

TimingPlan ToPlan(const v1::TimingOptions& options, const std::vector<int32_t>& cpus) {
  TimingPlan plan;
  plan.cold = options.regime() == v1::REGIME_COLD;
  plan.threads = static_cast<int32_t>(std::max<uint32_t>(options.threads(), 1));
  plan.cpus.assign(options.cpus().begin(), options.cpus().end());
  if (plan.cpus.empty()) plan.cpus = cpus;
  plan.min_sample_seconds = Or(options.min_sample_seconds(), 1e-3);
  plan.min_samples = options.min_samples() != 0 ? options.min_samples() : 5;
  plan.max_samples = options.max_samples() != 0 ? options.max_samples() : 200;
  plan.budget_seconds = Or(options.budget_seconds(), 1);
  plan.target_relative_interval = Or(options.target_relative_interval(), 0.01);
  plan.abandon_above_seconds = options.abandon_above_seconds();
  plan.blocks = std::min(options.blocks(), kMaxBlocks);
  return plan;
}

absl::Status Bad(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("the lease makes no sense: ", what));
}

absl::Status CheckPrepare(const v1::Lease& lease, bool has_prepare, const v1::Prepare& prepare) {
  if (has_prepare && (prepare.packed().empty() || prepare.packed_size() > 32)) {
    return Bad("1 to 32 packed arguments are needed");
  }
  for (const v1::ArgumentSpec& packed : prepare.packed()) {
    RETURN_IF_ERROR(CheckBufferSpec(ToBuffer(packed)));
  }
  for (const auto* positions : {&prepare.reads(), &prepare.replaces()}) {
    for (uint32_t position : *positions) {
      if (position >= static_cast<uint32_t>(lease.arguments_size()) ||
          lease.arguments(static_cast<int>(position)).output()) {
        return Bad(absl::StrCat("prepare names input ", position));
      }
    }
  }
  return absl::OkStatus();
}

PreparePlan ToPlan(const v1::Prepare& prepare, int32_t threads) {
  PreparePlan plan;
  plan.packed = ToBuffers(prepare.packed());
  plan.workspace_bytes = prepare.workspace_bytes() +
                         prepare.workspace_bytes_per_thread() * static_cast<uint64_t>(threads);
  plan.reads.assign(prepare.reads().begin(), prepare.reads().end());
  plan.replaces.assign(prepare.replaces().begin(), prepare.replaces().end());
  return plan;
}

void FillTiming(const std::vector<double>& samples, uint64_t calls, v1::Timing* timing) {
  timing->mutable_samples_seconds()->Add(samples.begin(), samples.end());
  timing->set_calls_per_sample(calls);
  MedianEstimate estimate = EstimateMedian(samples);
  timing->set_median_seconds(estimate.median);
  timing->set_ci_low_seconds(estimate.low);
  timing->set_ci_high_seconds(estimate.high);
  timing->set_min_seconds(estimate.min);
}

v1::TrialStatus ToStatus(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return v1::TRIAL_STATUS_OK;
    case Verdict::kWrongOutput:
      return v1::TRIAL_STATUS_WRONG_OUTPUT;
    case Verdict::kRefused:
      return v1::TRIAL_STATUS_REFUSED;
    case Verdict::kAbandoned:
      return v1::TRIAL_STATUS_ABANDONED;
    case Verdict::kKernelError:
      return v1::TRIAL_STATUS_KERNEL_ERROR;
  }
  return v1::TRIAL_STATUS_CRASH;  // a verdict that the runner made up
}

}  // namespace

absl::Status CheckLease(const v1::Lease& lease) {
  if (lease.input_seeds().empty() || lease.input_seeds_size() > 8) {
    return Bad("one to eight input seeds are needed");
  }
  if (lease.timing().threads() > kMaxThreads) return Bad("more than 1024 threads");
  for (uint32_t cpu : lease.timing().cpus()) {
    if (cpu >= 1024) return Bad(absl::StrCat("CPU ", cpu));
  }
  RETURN_IF_ERROR(CheckPrepare(lease, lease.has_prepare(), lease.prepare()));
  if (lease.contenders_size() > kMaxContenders) {
    return Bad(absl::StrCat("more than ", kMaxContenders, " contenders"));
  }
  for (const v1::Contender& contender : lease.contenders()) {
    RETURN_IF_ERROR(CheckPrepare(lease, contender.has_prepare(), contender.prepare()));
  }
  for (const auto* arguments : {&lease.arguments(), &lease.reference().arguments()}) {
    if (arguments->empty() || arguments->size() > 32) return Bad("1 to 32 arguments are needed");
    for (const v1::ArgumentSpec& argument : *arguments) {
      RETURN_IF_ERROR(CheckBufferSpec(ToBuffer(argument)));
    }
  }
  return absl::OkStatus();
}

RunnerJob TrialJob(const v1::Lease& lease, const std::vector<int32_t>& cpus) {
  RunnerJob job;
  job.kind = JobKind::kTrial;
  job.arguments = ToBuffers(lease.arguments());
  job.timing = ToPlan(lease.timing(), cpus);
  const auto threads = static_cast<uint64_t>(job.timing.threads);
  job.workspace_bytes = lease.workspace_bytes() + lease.workspace_bytes_per_thread() * threads;
  job.prepare = ToPlan(lease.prepare(), job.timing.threads);
  job.seeds.assign(lease.input_seeds().begin(), lease.input_seeds().end());
  job.reference_outputs = OutputsOf(ToBuffers(lease.reference().arguments()));
  for (const v1::OutputCheck& check : lease.reference().checks()) {
    job.rules.push_back(
        {check.reference_value(), check.exact(), check.reference_error(), check.unit_roundoff()});
  }
  job.tolerance_factor = Or(lease.reference().tolerance_factor(), 1);
  job.check_only = lease.check_only();
  if (job.timing.blocks == 0 && !lease.contenders().empty()) job.timing.blocks = kBlocks;
  for (const v1::Contender& contender : lease.contenders()) {
    job.contenders.push_back(
        {contender.workspace_bytes() + contender.workspace_bytes_per_thread() * threads,
         ToPlan(contender.prepare(), job.timing.threads)});
  }
  return job;
}

RunnerJob ReferenceJob(const v1::Lease& lease, uint64_t seed) {
  RunnerJob job;
  job.kind = JobKind::kReference;
  job.arguments = ToBuffers(lease.reference().arguments());
  job.reference_outputs = OutputsOf(job.arguments);
  job.workspace_bytes = uint64_t{1} << 36;  // whatever it needs; memory is limited as a whole
  job.seeds = {seed};
  return job;
}

void FillResult(const RunnerReply& reply, v1::MeasureResult* result) {
  result->set_status(ToStatus(reply.verdict));
  result->set_error(reply.error);
  result->set_check_seconds(reply.check_seconds);
  if (!reply.samples.empty()) {
    FillTiming(reply.samples, reply.calls_per_sample, result->mutable_timing());
  }
  result->set_rounds(reply.rounds);
  for (const ContenderReply& contender : reply.contenders) {
    v1::ContenderResult* out = result->add_contenders();
    out->set_status(ToStatus(contender.verdict));
    out->set_error(contender.error);
    if (contender.samples.empty()) continue;
    FillTiming(contender.samples, contender.calls_per_sample, out->mutable_timing());
  }
  if (reply.samples.empty() && reply.contenders.empty()) return;
  v1::Conditions* conditions = result->mutable_conditions();
  conditions->set_frequency_mhz(reply.conditions.frequency_mhz);
  conditions->set_temperature_celsius(reply.conditions.temperature_celsius);
  conditions->set_load_average(reply.conditions.load_average);
  conditions->set_steal_fraction(reply.conditions.steal_fraction);
  conditions->set_migrations(reply.conditions.migrations);
  conditions->set_involuntary_switches(reply.conditions.involuntary_switches);
  conditions->set_contaminated(reply.conditions.contaminated);
  conditions->set_repeats(reply.conditions.repeats);
  conditions->set_drift(reply.conditions.drift);
}

absl::StatusOr<double> ReadSample(const v1::SampledElement& sample,
                                  const std::vector<BufferSpec>& outputs,
                                  const SharedMemory& memory) {
  if (sample.output() >= outputs.size() || sample.index() < 0 ||
      sample.index() >= outputs[sample.output()].Elements()) {
    return absl::OutOfRangeError(absl::StrCat("the reference has no element ", sample.index(),
                                              " of output ", sample.output()));
  }
  const BufferSpec& spec = outputs[sample.output()];
  const uint64_t size = ElementBytes(spec.type);
  char element[8];
  RETURN_IF_ERROR(memory.Read(
      OutputOffsets(outputs)[sample.output()] + static_cast<uint64_t>(sample.index()) * size,
      element, size));
  return ElementAsDouble(spec.type, element, 0);
}

}  // namespace lathe
