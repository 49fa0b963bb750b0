#include "measurer/trial.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "measurer/check.h"
#include "measurer/fault_report.h"
#include "measurer/loader.h"
#include "measurer/timing.h"

namespace lathe {
namespace {

constexpr uint32_t kMaxRepeats = 2;  // of a contaminated batch

RunnerReply Reply(Verdict verdict, std::string error) {
  RunnerReply reply;
  reply.verdict = verdict;
  reply.error = std::move(error);
  return reply;
}

// A descriptor's memory, mapped while this lives.
class Mapping {
 public:
  static absl::StatusOr<Mapping> Map(int descriptor, bool writable) {
    off_t size = lseek(descriptor, 0, SEEK_END);
    if (size <= 0) return absl::InvalidArgumentError("empty memory beside the job");
    Mapping mapping;
    mapping.bytes_ = static_cast<uint64_t>(size);
    void* data = mmap(nullptr, mapping.bytes_, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
                      descriptor, 0);
    if (data == MAP_FAILED) return absl::ResourceExhaustedError("no memory for the job");
    mapping.data_ = static_cast<char*>(data);
    return mapping;
  }
  Mapping(Mapping&& other) noexcept { *this = std::move(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  char* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Mapping() = default;
  char* data_ = nullptr;
  uint64_t bytes_ = 0;
};

absl::StatusOr<LoadedKernel> LoadFrom(int descriptor) {
  ASSIGN_OR_RETURN(Mapping file, Mapping::Map(descriptor, /*writable=*/false));
  ASSIGN_OR_RETURN(LoadedKernel kernel, LoadedKernel::Load({file.data(), file.bytes()}));
  WatchKernel(kernel.base(), kernel.bytes());
  return kernel;
}

// Whether the job's parts fit each other; the daemon has no reason to send others.
absl::Status CheckJob(const RunnerJob& job, size_t descriptors) {
  for (const auto* specs : {&job.arguments, &job.prepare.packed, &job.reference_outputs}) {
    for (const BufferSpec& spec : *specs) RETURN_IF_ERROR(CheckBufferSpec(spec));
  }
  if (job.seeds.empty()) return absl::InvalidArgumentError("no input seeds");
  if (job.kind == JobKind::kReference) {
    return descriptors == 2 ? absl::OkStatus() : absl::InvalidArgumentError("no memory to fill");
  }
  if (descriptors != 1 + job.seeds.size()) {
    return absl::InvalidArgumentError("no reference outputs for every seed");
  }
  std::vector<const BufferSpec*> outputs;
  for (const BufferSpec& spec : job.arguments) {
    if (spec.output) outputs.push_back(&spec);
  }
  if (outputs.empty() || outputs.size() != job.rules.size()) {
    return absl::InvalidArgumentError("not one rule for each output");
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const OutputRule& rule = job.rules[i];
    const size_t count = job.reference_outputs.size();
    if (rule.reference_value >= count || (!rule.exact && rule.reference_error >= count)) {
      return absl::InvalidArgumentError("a rule names an output that the reference lacks");
    }
    const BufferSpec& value = job.reference_outputs[rule.reference_value];
    const BufferSpec& error =
        job.reference_outputs[rule.exact ? rule.reference_value : rule.reference_error];
    if (value.Elements() != outputs[i]->Elements() || error.Elements() != value.Elements() ||
        (!rule.exact && error.type != "f64")) {
      return absl::InvalidArgumentError(
          absl::StrCat("the reference's outputs do not match '", outputs[i]->name, "'"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

TrialRunner::TrialRunner(RunnerStatusPage* page, uint64_t largest_cache_bytes,
                         RoutineFinder find_routine)
    : page_(page),
      evict_bytes_(std::clamp<uint64_t>(2 * largest_cache_bytes, 16 << 20, 512 << 20)),
      find_routine_(std::move(find_routine)),
      pool_(nullptr, lathe_thread_pool_destroy) {
  CPU_ZERO(&all_cpus_);
  sched_getaffinity(0, sizeof(all_cpus_), &all_cpus_);
}

RunnerReply TrialRunner::Run(const RunnerJob& job, const std::vector<int>& descriptors) {
  absl::Status fits = CheckJob(job, descriptors.size());
  if (!fits.ok()) return Reply(Verdict::kRefused, std::string(fits.message()));
  return job.kind == JobKind::kReference ? Reference(job, descriptors) : Trial(job, descriptors);
}

RunnerReply TrialRunner::Reference(const RunnerJob& job, const std::vector<int>& descriptors) {
  page_->phase = RunnerStatusPage::kLoading;
  absl::StatusOr<LoadedKernel> kernel = LoadFrom(descriptors[0]);
  if (!kernel.ok()) return Reply(Verdict::kRefused, std::string(kernel.status().message()));
  absl::StatusOr<Mapping> out = Mapping::Map(descriptors[1], /*writable=*/true);
  if (!out.ok()) return Reply(Verdict::kRefused, std::string(out.status().message()));
  if (out->bytes() < OutputOffsets(job.reference_outputs).back()) {
    return Reply(Verdict::kRefused, "too little memory for the reference's outputs");
  }
  page_->phase = RunnerStatusPage::kReference;
  std::optional<Failure> failure = RunReference(job, *kernel, out->data());
  return failure ? Reply(failure->verdict, failure->error) : RunnerReply();
}

RunnerReply TrialRunner::Trial(const RunnerJob& job, const std::vector<int>& descriptors) {
  const double start = MonotonicSeconds();
  page_->phase = RunnerStatusPage::kLoading;
  absl::StatusOr<LoadedKernel> kernel = LoadFrom(descriptors[0]);
  if (!kernel.ok()) return Reply(Verdict::kRefused, std::string(kernel.status().message()));
  if ((kernel->prepare() != nullptr) == job.prepare.packed.empty()) {
    return Reply(Verdict::kRefused,
                 job.prepare.packed.empty()
                     ? "the kernel exports lathe_prepare, but the lease names nothing packed"
                     : "the lease names packed arguments, but the kernel exports no lathe_prepare");
  }
  std::vector<Mapping> mappings;
  std::vector<const char*> references;
  for (size_t s = 0; s < job.seeds.size(); ++s) {
    absl::StatusOr<Mapping> mapping = Mapping::Map(descriptors[1 + s], /*writable=*/false);
    if (!mapping.ok() || mapping->bytes() < OutputOffsets(job.reference_outputs).back()) {
      return Reply(Verdict::kRefused, "the reference's outputs cannot be read");
    }
    references.push_back(mapping->data());
    mappings.push_back(*std::move(mapping));
  }
  if (!PreparePool(job.timing)) return Reply(Verdict::kRefused, "cannot start threads");
  Pin(job.timing);

  page_->phase = RunnerStatusPage::kChecking;
  std::vector<std::string> outputs;
  RunnerReply reply;
  if (std::optional<Failure> failure =
          CheckCandidate(job, *kernel, pool_.get(), page_, references, find_routine_, &outputs)) {
    reply = Reply(failure->verdict, failure->error);
  }
  reply.check_seconds = MonotonicSeconds() - start;
  if (reply.verdict != Verdict::kOk || job.check_only) return reply;

  page_->phase = RunnerStatusPage::kTiming;
  Time(job, *kernel, start + job.seconds, outputs, &reply);
  return reply;
}

void TrialRunner::Time(const RunnerJob& job, const LoadedKernel& kernel, double deadline,
                       const std::vector<std::string>& checked_outputs, RunnerReply* reply) {
  const std::vector<std::string> inputs = MakeInputs(job.arguments, job.seeds[0]);
  absl::StatusOr<KernelArguments> arguments =
      KernelArguments::Create(job, inputs, Placement::kAligned, 0xff);
  if (!arguments.ok()) {
    *reply = Reply(Verdict::kRefused, std::string(arguments.status().message()));
    return;
  }
  const KernelRuntime::Options options = {.order = LoopOrder::kThreads,
                                          .num_threads = job.timing.threads,
                                          .pool = pool_.get(),
                                          .workspace_limit = job.workspace_bytes,
                                          .find_routine = find_routine_};
  page_->phase = RunnerStatusPage::kPreparing;
  if (std::optional<Failure> failure =
          PreparePacked(kernel.prepare(), job, inputs, options, &*arguments)) {
    *reply = Reply(failure->verdict, failure->error);
    return;
  }
  page_->phase = RunnerStatusPage::kTiming;
  KernelRuntime runtime(options);
  int32_t code = LATHE_OK;
  TimingSource source;
  source.now = MonotonicSeconds;
  source.evict_caches = [this] { EvictCaches(); };
  source.time_calls = [&](uint64_t calls) {
    void* const* pointers = arguments->pointers();
    const lathe_kernel_fn function = kernel.function();
    const lathe_runtime* rt = runtime.get();
    const double start = MonotonicSeconds();
    for (uint64_t i = 0; i < calls && code == LATHE_OK; ++i) code = function(pointers, rt);
    return code == LATHE_OK ? MonotonicSeconds() - start : -1.0;
  };

  // Leave a tenth of the time for the reply to arrive.
  const double stop_at = deadline - 0.1 * job.seconds;
  const uint64_t calls = CalibrateCalls(job.timing, source);
  TimingResult result;
  for (uint32_t repeat = 0; calls != 0; ++repeat) {
    const double batch_start = MonotonicSeconds();
    conditions_.Start(job.timing.cpus);
    result = TakeSamples(job.timing, source, calls, stop_at);
    reply->conditions = conditions_.Stop();
    reply->conditions.repeats = repeat;
    const double now = MonotonicSeconds();
    if (!reply->conditions.contaminated || repeat == kMaxRepeats || result.failed ||
        result.abandoned || now + (now - batch_start) > stop_at) {
      break;
    }
  }
  if (calls == 0 || result.failed) {
    *reply = Reply(Verdict::kKernelError,
                   absl::StrCat("the kernel returned ", code, " when it was called again"));
    return;
  }
  reply->samples = std::move(result.samples);
  reply->calls_per_sample = calls;
  if (result.abandoned) reply->verdict = Verdict::kAbandoned;

  // Many calls on the same memory must have left what the checked one did.
  std::optional<std::string> damage = arguments->Damage(job, inputs);
  for (size_t a = 0; a < job.arguments.size() && !damage; ++a) {
    const GuardedBuffer& buffer = arguments->buffer(a);
    if (job.arguments[a].output &&
        checked_outputs[a] != std::string_view(buffer.data(), buffer.bytes())) {
      damage =
          absl::StrCat("'", job.arguments[a].name, "' changes when the kernel is called again");
    }
  }
  if (damage) *reply = Reply(Verdict::kWrongOutput, *damage);
}

bool TrialRunner::PreparePool(const TimingPlan& plan) {
  const int32_t threads = std::max(plan.threads, 1);
  if (pool_ != nullptr && lathe_thread_pool_size(pool_.get()) == threads &&
      pool_cpus_ == plan.cpus) {
    return true;
  }
  pool_.reset();
  pool_.reset(
      lathe_thread_pool_create(threads, plan.cpus.data(), static_cast<int32_t>(plan.cpus.size())));
  pool_cpus_ = plan.cpus;
  return pool_ != nullptr;
}

// The calling thread is the pool's thread 0. A CPU that is not there leaves the
// thread where it was.
void TrialRunner::Pin(const TimingPlan& plan) {
  cpu_set_t set = all_cpus_;
  if (!plan.cpus.empty()) {
    CPU_ZERO(&set);
    CPU_SET(plan.cpus[0], &set);
  }
  sched_setaffinity(0, sizeof(set), &set);
}

void TrialRunner::EvictCaches() {
  if (evict_.empty()) evict_.resize(evict_bytes_);
  constexpr size_t kLine = 64;
  for (size_t i = 0; i < evict_.size(); i += kLine) {
    volatile char* line = evict_.data() + i;
    *line = static_cast<char>(*line + 1);
  }
}

}  // namespace lathe
