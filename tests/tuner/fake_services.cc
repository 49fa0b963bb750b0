#include "fake_services.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "compiler/base/check.h"
#include "compiler/base/digest.h"
#include "compiler/loop/interpreter.h"
#include "compiler/tensor/operators.h"
#include "compiler/tensor/reference.h"
#include "measurer/input_data.h"

namespace lathe {
namespace {

constexpr uint32_t kRounds = 2;  // of a block
constexpr char kDevice[] = "00000000-0000-4000-8000-0000000000d1";

// The value of a sampled element as a right reference kernel computes it.
double SampleValue(const v1::Lease& lease, const v1::SampledElement& sample) {
  Function reference = ReferenceOf(FakeProblem().function);
  uint64_t seed = lease.input_seeds(static_cast<int>(sample.input_set()));
  auto input = [&](int argument, int64_t index) {
    return InputElement(seed, argument, Name(reference.arguments[argument].type), index);
  };
  auto values = InterpretElements(
      reference, input,
      std::vector<OutputElement>{{static_cast<int>(sample.output()), sample.index()}});
  CHECK(values.ok()) << values.status();
  return values->front();
}

}  // namespace

Problem FakeProblem() {
  Problem problem;
  problem.function = Matmul(3, 5, 4);
  problem.target = ParseTarget("x86-64-v3").value();
  return problem;
}

Trace FakeTrace(int number) {
  TraceStep step;
  step.primitive = "fake";
  step.arguments = {int64_t{number}};
  return {{step}};
}

std::string FakeTraceText(int number) { return ToText(FakeTrace(number)); }

std::string FakeMetadata() {
  return R"({"abi": 1, "lathe": "0.1.0", "llvm": "19", "workspace_bytes": 64,)"
         R"( "workspace_bytes_per_thread": 8, "features": ["avx2"], "prepare": null})";
}

std::vector<Candidate> FakeSearch::Suggest(int n) {
  std::vector<Candidate> candidates;
  for (; n > 0 && next_ <= last_; --n)
    candidates.push_back({0, {}, "", FakeTrace(next_++), "fake"});
  return candidates;
}

void FakeSearch::Update(absl::Span<const Outcome> outcomes) {
  updates.insert(updates.end(), outcomes.begin(), outcomes.end());
}

void FakeBuilder::Submit(v1::BuildRequest request, BuildCallback done) {
  if (on_build) on_build(request.trace());
  if (hang) {
    hanging_.push_back(std::move(done));
    return;
  }
  v1::BuildResponse response;
  response.set_id(request.id());
  response.set_llvm_version("19");
  response.set_metadata(FakeMetadata());
  response.set_build_seconds(0.5);
  bool reference = request.function() != ToText(FakeProblem().function);
  const std::string& trace = request.trace();
  v1::BuildStatus status = reference ? reference_status : v1::BUILD_STATUS_OK;
  if (reference) {
    ++references_built;
  } else {
    built.push_back(trace);
    if (auto failure = failures.find(trace); failure != failures.end()) status = failure->second;
  }
  response.set_status(status);
  if (status == v1::BUILD_STATUS_OK) {
    response.set_output(trace);
    auto program = programs.find(trace);
    response.set_program_hash(Sha256Hex(program == programs.end() ? trace : program->second));
  } else {
    response.set_error("will not build");
  }
  done(std::move(response));
}

absl::StatusOr<v1::Device> FakeDevice::AwaitDevice(absl::Time deadline) {
  if (!device_status.ok()) {
    if (absl::IsDeadlineExceeded(device_status)) absl::SleepFor(deadline - absl::Now());
    return device_status;
  }
  v1::Device device;
  device.set_uuid(kDevice);
  device.set_name("fake");
  device.mutable_kind()->set_text("fake kind");
  device.set_target(ToText(FakeProblem().target));
  return device;
}

v1::MeasureResult FakeDevice::ResultOf(const MeasureJob& job, const std::string& trace) {
  FakeBehaviour act = otherwise;
  if (auto known = behaviour.find(trace); known != behaviour.end()) {
    size_t nth = static_cast<size_t>(times_[trace]++);
    act = known->second[std::min(nth, known->second.size() - 1)];
  }
  v1::MeasureResult result;
  result.set_trial_id(job.lease.trial_id());
  result.set_status(act.status);
  result.set_wall_seconds(0.25);
  if (act.status != v1::TRIAL_STATUS_OK) result.set_error("as the test says");
  if (act.status == v1::TRIAL_STATUS_OK || act.status == v1::TRIAL_STATUS_ABANDONED) {
    v1::Timing* timing = result.mutable_timing();
    const uint32_t blocks = job.lease.timing().blocks();
    for (uint32_t block = 0; block < blocks; ++block) {
      for (uint32_t round = 0; round < kRounds; ++round) {
        timing->add_samples_seconds(act.blocks[block % act.blocks.size()] * act.seconds);
      }
    }
    if (blocks > 0) result.set_rounds(kRounds);
    if (blocks == 0) {
      for (double sample : {0.99, 1.0, 1.01}) timing->add_samples_seconds(sample * act.seconds);
    }
    timing->set_calls_per_sample(1);
    timing->set_median_seconds(act.seconds);
    timing->set_ci_low_seconds(act.seconds * (1 - act.spread));
    timing->set_ci_high_seconds(act.seconds * (1 + act.spread));
    timing->set_min_seconds(act.seconds * (1 - act.spread));
  }
  if (act.status == v1::TRIAL_STATUS_CRASH) return result;  // before the samples were sent
  for (const v1::SampledElement& wanted : job.lease.reference().samples()) {
    v1::SampledElement* sample = result.add_samples();
    *sample = wanted;
    sample->set_value(SampleValue(job.lease, wanted) + (wrong_reference ? 1e-3 : 0));
  }
  return result;
}

v1::MeasureResult FakeDevice::PairedResultOf(const MeasureJob& job) {
  v1::MeasureResult result = ResultOf(job, *job.artifact);
  for (const auto& contender : job.contenders) {
    v1::MeasureResult own = ResultOf(job, *contender);
    v1::ContenderResult* out = result.add_contenders();
    out->set_status(own.status());
    out->set_error(own.error());
    if (own.has_timing()) *out->mutable_timing() = own.timing();
  }
  // A crash is the end of the runner: nothing is known of the others.
  int crashed = -1;
  for (int c = 0; c < result.contenders_size(); ++c) {
    if (result.contenders(c).status() == v1::TRIAL_STATUS_CRASH) crashed = c;
  }
  const bool own_crash = result.status() == v1::TRIAL_STATUS_CRASH;
  if (crashed < 0 && !own_crash) return result;
  result.clear_timing();
  if (!own_crash) result.set_status(v1::TRIAL_STATUS_OK);
  for (int c = 0; c < result.contenders_size(); ++c) {
    if (own_crash || c != crashed) *result.mutable_contenders(c) = {};
  }
  return result;
}

void FakeDevice::Measure(MeasureJob job, MeasureCallback done) {
  std::string trace = *job.artifact;
  if (static_cast<int>(measured.size()) == break_after) return done({broken, {}, ""});
  std::vector<std::string> all = {trace};
  for (const auto& contender : job.contenders) all.push_back(*contender);
  leases.push_back(job.lease);
  bool hangs = false;
  for (const std::string& one : all) {
    measured.push_back(one);
    if (on_measure) on_measure(one);
    hangs = hangs || hang.contains(one);
  }
  if (hangs) {
    hanging_[job.lease.trial_id()] = std::move(done);
    return;
  }
  done({absl::OkStatus(), PairedResultOf(job), kDevice});
}

void FakeDevice::Cancel(const std::string& trial_id) {
  auto job = hanging_.find(trial_id);
  if (job == hanging_.end()) return;
  MeasureCallback done = std::move(job->second);
  hanging_.erase(job);
  done({absl::CancelledError("cancelled"), {}, ""});
}

}  // namespace lathe
