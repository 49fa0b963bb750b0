#include "measurer/timed_kernel.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "measurer/conditions.h"

namespace lathe {
namespace {

// So many places in memory take turns, unless their arguments need more than this.
constexpr size_t kPlaces = 6;
constexpr uint64_t kPlacesBytes = uint64_t{256} << 20;

}  // namespace

TimedKernel::TimedKernel(const RunnerJob& job, const std::vector<std::string>& inputs,
                         const std::vector<std::string>& checked_outputs, lathe_thread_pool* pool,
                         RunnerStatusPage* page, const RoutineFinder& find_routine,
                         CacheFlusher* flusher)
    : job_(job),
      inputs_(inputs),
      checked_outputs_(checked_outputs),
      page_(page),
      flusher_(flusher),
      options_({.order = LoopOrder::kThreads,
                .num_threads = job.timing.threads,
                .pool = pool,
                .workspace_limit = job.workspace_bytes,
                .find_routine = find_routine}),
      clock_overhead_(ClockOverhead(MonotonicSeconds)) {}

std::optional<Failure> TimedKernel::Place(const LoadedKernel& kernel, const TimedKernel* beside) {
  runtime_.reset();
  arguments_.reset();  // before others are made: memory is limited
  absl::StatusOr<KernelArguments> arguments = KernelArguments::Create(
      job_, inputs_, Placement::kAligned, 0xff, beside ? &*beside->arguments_ : nullptr);
  if (!arguments.ok()) {
    return Failure{Verdict::kRefused, std::string(arguments.status().message())};
  }
  arguments_ = *std::move(arguments);
  page_->phase = RunnerStatusPage::kPreparing;
  std::optional<Failure> failure =
      PreparePacked(kernel.prepare(), job_, inputs_, options_, &*arguments_);
  page_->phase = RunnerStatusPage::kTiming;
  if (failure) return failure;
  runtime_.emplace(options_);
  function_ = kernel.function();
  memory_.clear();
  for (size_t a = 0; a < job_.arguments.size() + job_.prepare.packed.size(); ++a) {
    memory_.push_back({arguments_->buffer(a).data(), arguments_->buffer(a).bytes()});
  }
  return std::nullopt;
}

void TimedKernel::Retire() {
  if (!arguments_) return;
  uint64_t bytes = 0;
  for (const MemoryRange& range : memory_) bytes += range.bytes;
  retired_.push_back(*std::move(arguments_));
  arguments_.reset();
  const uint64_t places = std::min<uint64_t>(kPlaces, kPlacesBytes / std::max<uint64_t>(bytes, 1));
  while (!retired_.empty() && retired_.size() + 1 > places) retired_.pop_front();
}

TimingSource TimedKernel::Source() {
  return {[this](uint64_t calls) { return Time(calls); }, MonotonicSeconds,
          [this] { EvictCaches(); }};
}

std::optional<Failure> TimedKernel::Calibrate() {
  calls_ = CalibrateCalls(job_.timing, Source(), clock_overhead_);
  return calls_ == 0 ? CallFailure() : std::nullopt;
}

std::optional<Failure> TimedKernel::CallFailure() const {
  if (code_ == LATHE_OK) return std::nullopt;
  return Failure{Verdict::kKernelError,
                 absl::StrCat("the kernel returned ", code_, " when it was called again")};
}

std::optional<Failure> TimedKernel::Verify() {
  if (arguments_->is_shared() && Time(1) < 0) return CallFailure();
  if (std::optional<std::string> damage = arguments_->Damage(job_, inputs_)) {
    return Failure{Verdict::kWrongOutput, *std::move(damage)};
  }
  for (size_t a = 0; a < job_.arguments.size(); ++a) {
    const GuardedBuffer& buffer = arguments_->buffer(a);
    if (!job_.arguments[a].output ||
        checked_outputs_[a] == std::string_view(buffer.data(), buffer.bytes())) {
      continue;
    }
    return Failure{
        Verdict::kWrongOutput,
        absl::StrCat("'", job_.arguments[a].name, "' changes when the kernel is called again")};
  }
  return std::nullopt;
}

double TimedKernel::Time(uint64_t calls) {
  void* const* pointers = arguments_->pointers();
  const lathe_kernel_fn function = function_;
  const lathe_runtime* rt = runtime_->get();
  const double start = MonotonicSeconds();
  for (uint64_t i = 0; i < calls && code_ == LATHE_OK; ++i) code_ = function(pointers, rt);
  const double seconds = MonotonicSeconds() - start;
  if (code_ != LATHE_OK) return -1;
  // The clock's own time is lost in a sample of many calls, but not in a single one.
  constexpr double kLeast = 1e-9;
  return job_.timing.cold ? std::max(seconds - clock_overhead_, kLeast) : seconds;
}

void TimedKernel::EvictCaches() {
  std::vector<MemoryRange> ranges = memory_;
  if (runtime_->workspace().has_value()) {
    ranges.push_back({runtime_->workspace()->data(), runtime_->workspace()->bytes()});
  }
  flusher_->Flush(ranges);
  if (options_.pool == nullptr || options_.num_threads < 2) return;
  // Threads that fell asleep meanwhile are no matter of caches: they wake up before.
  auto nothing = [](void*, int64_t, int32_t) -> int32_t { return LATHE_OK; };
  lathe_thread_pool_run(options_.pool, options_.num_threads, nothing, nullptr);
}

}  // namespace lathe
