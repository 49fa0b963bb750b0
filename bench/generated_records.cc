#include "bench/generated_records.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/base/check.h"
#include "compiler/base/digest.h"
#include "compiler/schedule/trace.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

// Settings of a space that the trials of a function are drawn from.
constexpr int kSchedules = 96;
constexpr int kDevices = 12;
constexpr int kMinTrials = 48, kMaxTrials = 160;

// How trials end, in parts of a thousand; the rest is ok.
struct Share {
  RecordStatus status;
  int per_mille;
  const char* error;
};
constexpr Share kFailures[] = {
    {RecordStatus::kAbandoned, 260, ""},
    {RecordStatus::kBuildFailed, 12, "the object is larger than the limit of 16777216 bytes"},
    {RecordStatus::kTimeout, 8, "took longer than 10 s"},
    {RecordStatus::kWrongOutput, 2, "output 0 differs at element 17: 1.25, not 1.5"},
    {RecordStatus::kCrash, 2, "the runner died of signal 11"},
    {RecordStatus::kRefused, 1, "the device lacks avx512f"},
};

constexpr const char* kTypes[] = {"f32", "f32", "f32", "bf16"};
constexpr const char* kRowOperators[] = {"softmax", "rms_norm", "layer_norm", "row_sum",
                                         "gelu",    "silu",     "bias_relu",  "scale_shift",
                                         "add",     "transpose"};

// What a trial that ended so has left of its record.
void Fail(RecordStatus status, const std::string& error, Record& record) {
  record.status = status;
  record.error = error;
  if (status == RecordStatus::kAbandoned) {
    record.samples.resize(3);
  } else {
    record.samples.clear();
    record.median = record.ci_low = record.ci_high = record.min = 0;
  }
  if (status == RecordStatus::kBuildFailed) {
    record.device_uuid = record.program_hash = record.artifact_digest = "";
  }
}

}  // namespace

RecordGenerator::RecordGenerator(uint64_t seed) : random_(seed) {
  const std::vector<std::string> targets = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
  for (int d = 0; d < kDevices; ++d) {
    Target target = ParseTarget(targets[static_cast<size_t>(d) % targets.size()]).value();
    target.cores = 4 << (d % 3);
    target.l2_bytes = int64_t{512 << 10} << (d % 4);
    std::string kind = absl::StrFormat(
        "x86_64 AuthenticAMD family=%d model=%d stepping=1 isa=%s cores=%d smt=2 "
        "l1d=32768 l2=%d l3=33554432 hypervisor=none",
        23 + d / 4, 17 + 16 * d, Sha256Hex(targets[static_cast<size_t>(d) % 3]), target.cores,
        target.l2_bytes);
    devices_.push_back({Uuid(), absl::StrCat("board-", d), std::move(kind),
                        absl::StrCat("name: \"board-", d, "\"\n")});
    targets_.push_back(std::move(target));
  }
}

double RecordGenerator::Uniform() { return static_cast<double>(Random() >> 11) * 0x1p-53; }

std::string RecordGenerator::Uuid() {
  uint64_t high = Random(), low = Random();
  high = (high & ~uint64_t{0xf000}) | 0x4000;
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, high >> 16 & 0xffff,
                         high & 0xffff, low >> 48, low & 0xffffffffffff);
}

Function RecordGenerator::RandomFunction() {
  const char* type = kTypes[Random() % std::size(kTypes)];
  const std::vector<int64_t> channels = {16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512};
  const std::vector<int64_t> images = {7, 14, 28, 56, 112};
  // Half round, half not, as models have them.
  auto extent = [this](int64_t least, int64_t most) {
    double log = std::log2(static_cast<double>(least)) +
                 Uniform() * std::log2(static_cast<double>(most) / static_cast<double>(least));
    auto value = static_cast<int64_t>(std::exp2(log));
    return Random() % 2 == 0 ? std::max(least, value / 16 * 16) : value;
  };
  std::string spec;
  switch (Random() % 10) {
    case 0:
    case 1:
      spec = absl::StrFormat("matmul(m=%d,n=%d,k=%d,const_b=%d,type=%s)", extent(1, 2048),
                             extent(16, 4096), extent(16, 4096), Random() % 2, type);
      break;
    case 2:
      spec = absl::StrFormat("matmul(m=%d,n=%d,k=%d,bias=1,relu=1,type=%s)", extent(1, 1024),
                             extent(16, 4096), extent(16, 4096), type);
      break;
    case 3:
      spec = absl::StrFormat("batch_matmul(batch=%d,m=%d,n=%d,k=%d,tb=%d,type=%s)", extent(1, 64),
                             extent(16, 512), extent(16, 512), Pick({32, 64, 96, 128}),
                             Random() % 2, type);
      break;
    case 4:
      spec = absl::StrFormat("conv2d(h=%d,w=%d,c=%d,o=%d,padding=1)", Pick(images), Pick(images),
                             Pick(channels), Pick(channels));
      break;
    case 5:
      spec = absl::StrFormat("conv2d(h=%d,w=%d,c=%d,o=%d,r=1,s=1,type=%s)", Pick(images),
                             Pick(images), Pick(channels), Pick(channels), type);
      break;
    case 6:
      spec = absl::StrFormat("depthwise_conv2d(h=%d,w=%d,c=%d,padding=1)", Pick(images),
                             Pick(images), Pick(channels));
      break;
    case 7:
      spec = absl::StrFormat("attention(heads=%d,seq=%d,dim=%d)", Pick({4, 8, 12, 16}),
                             extent(32, 512), Pick({32, 64, 128}));
      break;
    default:
      spec = absl::StrFormat("%s(rows=%d,columns=%d,type=%s)",
                             kRowOperators[Random() % std::size(kRowOperators)], extent(1, 4096),
                             extent(16, 4096), type);
  }
  absl::StatusOr<Function> function = BuildOperator(spec);
  CHECK(function.ok()) << spec << ": " << function.status().message();
  return *std::move(function);
}

std::vector<RecordGenerator::Schedule>& RecordGenerator::SchedulesFor(size_t device, int threads) {
  std::vector<Schedule>& schedules = schedules_[{device % 3, threads}];
  if (!schedules.empty()) return schedules;
  const Function canonical = Canonicalize(function_).function;
  absl::StatusOr<Space> space = SketchesOf(canonical, {targets_[device], threads});
  CHECK(space.ok()) << space.status().message();
  for (int n = 0; n < kSchedules; ++n) {
    const Sketch& sketch = *(*space)[static_cast<size_t>(n) % space->size()];
    Setting setting =
        n < static_cast<int>(space->size()) ? sketch.Analytic() : SampleSetting(sketch, random_);
    Schedule schedule;
    schedule.trace = ToText(sketch.Instantiate(setting));
    schedule.decisions = DecisionsText(sketch, setting);
    schedule.program_hash = Sha256Hex(schedule.trace);
    schedules.push_back(std::move(schedule));
  }
  return schedules;
}

// Of few schedules only: lowering takes longer than all else of a record.
absl::Status RecordGenerator::MakeFresh(Schedule& schedule) const {
  if (schedule.is_fresh) return absl::OkStatus();
  absl::StatusOr<Trace> trace = ParseTrace(schedule.trace, "a generated trace");
  CHECK(trace.ok()) << trace.status().message();
  absl::StatusOr<Program> program = LowerWithTrace(Canonicalize(function_).function, *trace);
  if (!program.ok()) return program.status();
  schedule.program_hash = ProgramHash(*program);
  schedule.is_fresh = true;
  return absl::OkStatus();
}

Record RecordGenerator::MakeRecord(const Task& task, const Schedule& schedule, size_t device,
                                   double seconds) {
  Record record;
  record.id = Uuid();
  record.task = task;
  record.trace = schedule.trace;
  record.decisions = schedule.decisions;
  record.program_hash = schedule.program_hash;
  record.lathe_version = "0.1.0";
  record.llvm_version = "19.1.7";
  record.device_uuid = devices_[device].uuid;
  record.artifact_digest = Sha256Hex(schedule.program_hash);
  for (const char* feature : {"avx", "avx2", "avx512f", "f16c", "fma"}) {
    if (targets_[device].Has(feature)) record.required_features.emplace_back(feature);
  }
  record.created_unix_ms = clock_ms_ += 40 + static_cast<int64_t>(Random() % 100);
  record.search = "evolution seed=1";
  record.build_seconds = 0.02 + 0.05 * Uniform();
  record.measure_seconds = 0.03 + 0.3 * Uniform();
  record.calls_per_sample = 1 + static_cast<uint64_t>(1e-3 / seconds);
  record.conditions.frequency_mhz = 3500 + 500 * Uniform();
  record.conditions.load_average = 2 * Uniform();
  record.conditions.steal_fraction = 0.01 * Uniform();
  record.conditions.migrations = 0;
  record.conditions.involuntary_switches = static_cast<int64_t>(Random() % 5);
  record.conditions.contaminated = Random() % 50 == 0;
  record.conditions.repeats = static_cast<int>(Random() % 2);
  for (size_t samples = 10 + Random() % 21; samples > 0; --samples) {
    record.samples.push_back(seconds * (0.99 + 0.02 * Uniform()));
  }
  std::vector<double> sorted = record.samples;
  std::sort(sorted.begin(), sorted.end());
  record.median = sorted[sorted.size() / 2];
  record.ci_low = sorted[sorted.size() / 4];
  record.ci_high = sorted[sorted.size() * 3 / 4];
  record.min = sorted.front();
  return record;
}

void RecordGenerator::AddTask(size_t device, int threads, std::vector<Record>& records) {
  std::vector<Schedule>& schedules = SchedulesFor(device, threads);
  Query query;
  query.function = function_;
  query.target = targets_[device];
  query.device_kind = devices_[device].kind;
  query.threads = threads;
  const Task task = TaskOf(query);
  const double fastest = std::max(1e-6, CountWork(function_).flops / (2e10 * threads));
  const size_t first = records.size();
  std::vector<size_t> drawn;  // the schedule of each trial
  auto trials = static_cast<int64_t>(kMinTrials + Random() % (kMaxTrials - kMinTrials));
  for (int64_t trial = 1; trial <= trials; ++trial) {
    drawn.push_back(Random() % schedules.size());
    const Schedule& schedule = schedules[drawn.back()];
    Record record = MakeRecord(task, schedule, device, fastest * (1 + 3 * Uniform() * Uniform()));
    record.trial = trial;
    auto draw = static_cast<int>(Random() % 1000);
    for (const Share& share : kFailures) {
      draw -= share.per_mille;
      if (draw >= 0) continue;
      Fail(share.status, share.error, record);
      break;
    }
    records.push_back(std::move(record));
  }
  // Promotions: three rounds of the fastest; some tasks were tuned again later.
  std::vector<Record*> ok;
  for (size_t r = first; r < records.size(); ++r) {
    if (records[r].status == RecordStatus::kOk) ok.push_back(&records[r]);
  }
  std::sort(ok.begin(), ok.end(),
            [](const Record* a, const Record* b) { return a->median < b->median; });
  while (!ok.empty()) {
    Record& best = *ok.front();
    Schedule& schedule = schedules[drawn[static_cast<size_t>(&best - &records[first])]];
    absl::Status status = MakeFresh(schedule);
    best.program_hash = schedule.program_hash;
    if (status.ok()) break;
    Fail(RecordStatus::kBuildFailed, std::string(status.message()), best);
    ok.erase(ok.begin());
  }
  ok.resize(std::min<size_t>(ok.size(), 4));
  std::vector<Record> rounds;
  const int runs = Random() % 8 == 0 ? 0 : Random() % 4 == 0 ? 2 : 1;
  for (int run = 0; run < runs; ++run) {
    for (int round = 1; round <= 3; ++round) {
      for (size_t f = 0; f < ok.size(); ++f) {
        Schedule schedule = {ok[f]->trace, ok[f]->decisions, ok[f]->program_hash};
        Record record = MakeRecord(task, schedule, device, ok[f]->median);
        record.search = absl::StrCat("promotion round=", round);
        record.trial = ++trials;
        record.promoted = round == 2 && f == 0;
        rounds.push_back(std::move(record));
      }
    }
  }
  std::move(rounds.begin(), rounds.end(), std::back_inserter(records));
}

std::vector<Record> RecordGenerator::NextFunction() {
  function_ = RandomFunction();
  schedules_.clear();
  std::vector<Record> records;
  const size_t tasks = 1 + Random() % 4;
  const size_t device = Random() % devices_.size();
  for (size_t t = 0; t < tasks; ++t) {
    AddTask((device + t) % devices_.size(), Random() % 3 == 0 ? 4 : 1, records);
  }
  return records;
}

Query RecordGenerator::NearbyQuery() {
  Query query;
  query.function = RandomFunction();
  const size_t device = Random() % devices_.size();
  query.target = targets_[device];
  query.device_kind = devices_[device].kind;
  return query;
}

Query RecordGenerator::QueryOf(const Function& function, const Task& task) const {
  Query query;
  query.function = function;
  query.target = ParseTarget(task.target).value();
  query.device_kind = task.device_kind;
  query.threads = task.threads;
  query.regime = task.regime;
  query.accuracy = task.accuracy;
  return query;
}

}  // namespace lathe
