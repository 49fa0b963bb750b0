#include "measurer/trial.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "measurer/canary.h"
#include "measurer/check.h"
#include "measurer/fault_report.h"
#include "measurer/timing.h"

namespace lathe {
namespace {

constexpr uint64_t kInputCacheBytes = uint64_t{256} << 20;

RunnerReply Reply(Verdict verdict, std::string error) {
  RunnerReply reply;
  reply.verdict = verdict;
  reply.error = std::move(error);
  return reply;
}

// As many rounds of a block as the budget allows: one round takes `seconds`.
uint32_t RoundsOf(const TimingPlan& plan, double seconds) {
  const double most = std::max(plan.min_samples, 1u);
  if (seconds <= 0) return static_cast<uint32_t>(most);
  return static_cast<uint32_t>(std::clamp(plan.budget_seconds / plan.blocks / seconds, 1.0, most));
}

}  // namespace

TrialRunner::TrialRunner(RunnerStatusPage* page, uint64_t largest_cache_bytes,
                         RoutineFinder find_routine)
    : page_(page),
      find_routine_(std::move(find_routine)),
      flusher_(largest_cache_bytes),
      inputs_(kInputCacheBytes),
      pool_(nullptr, lathe_thread_pool_destroy) {
  CPU_ZERO(&all_cpus_);
  sched_getaffinity(0, sizeof(all_cpus_), &all_cpus_);
}

void TrialRunner::Entrant::Fail(Failure failure) {
  reply = {};
  reply.verdict = failure.verdict;
  reply.error = std::move(failure.error);
}

RunnerReply TrialRunner::Run(const RunnerJob& job, const std::vector<int>& descriptors) {
  page_->contender = 0;
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

  Entrants entrants;
  for (size_t k = 0; k <= job.contenders.size(); ++k) {
    auto entrant = std::make_unique<Entrant>(job, k);
    entrant->artifact = descriptors[k == 0 ? 0 : job.seeds.size() + k];
    if (std::optional<Failure> failure = Check(*entrant, references)) {
      entrant->Fail(*std::move(failure));
    }
    entrants.push_back(std::move(entrant));
  }
  RunnerReply reply;
  reply.check_seconds = MonotonicSeconds() - start;
  // Leave a tenth of the time for the reply to arrive.
  const double stop_at = start + 0.9 * job.seconds;
  if (!job.check_only && job.timing.blocks > 0) {
    reply.conditions = TimeInTurn(job, entrants, stop_at, &reply.rounds);
  } else if (!job.check_only && entrants[0]->ok()) {
    reply.conditions = TimeAlone(*entrants[0], stop_at);
  }
  for (const auto& entrant : entrants) {
    ContenderReply& own = entrant->reply;
    if (entrant->number > 0) {
      reply.contenders.push_back(std::move(own));
      continue;
    }
    reply.verdict = own.verdict;
    reply.error = std::move(own.error);
    reply.samples = std::move(own.samples);
    reply.calls_per_sample = own.calls_per_sample;
  }
  return reply;
}

void TrialRunner::Enter(const Entrant& entrant, RunnerStatusPage::Phase phase) {
  page_->contender = static_cast<uint32_t>(entrant.number);
  page_->phase = phase;
  if (entrant.kernel) WatchKernel(entrant.kernel->base(), entrant.kernel->bytes());
}

std::optional<Failure> TrialRunner::Check(Entrant& entrant,
                                          const std::vector<const char*>& references) {
  Enter(entrant, RunnerStatusPage::kLoading);
  absl::StatusOr<LoadedKernel> kernel = LoadFrom(entrant.artifact);
  absl::Status status = kernel.ok() ? CheckPrepares(entrant.job, *kernel) : kernel.status();
  if (!status.ok()) return Failure{Verdict::kRefused, std::string(status.message())};
  entrant.kernel = *std::move(kernel);
  Enter(entrant, RunnerStatusPage::kChecking);
  return CheckCandidate(entrant.job, *entrant.kernel, pool_.get(), page_, references, find_routine_,
                        inputs_, &entrant.outputs);
}

// Puts the kernel in memory that it was not in before, and its arguments too, or where those
// of `beside` are.
void TrialRunner::PlaceAnew(Entrant& entrant, bool first, const Entrant* beside) {
  if (first) {
    entrant.inputs = inputs_.Get(entrant.job.arguments, entrant.job.seeds[0]);
    entrant.timed.emplace(entrant.job, *entrant.inputs, entrant.outputs, pool_.get(), page_,
                          find_routine_, &flusher_);
  } else if (absl::StatusOr<LoadedKernel> kernel = LoadFrom(entrant.artifact); kernel.ok()) {
    entrant.kernel = *std::move(kernel);
  }
  Enter(entrant, RunnerStatusPage::kTiming);
  const double start = MonotonicSeconds();
  std::optional<Failure> failure =
      entrant.timed->Place(*entrant.kernel, beside ? &*beside->timed : nullptr);
  entrant.placing = MonotonicSeconds() - start;
  if (!failure && first) failure = entrant.timed->Calibrate();
  if (failure) entrant.Fail(*std::move(failure));
}

// All on the same memory: caches then hold what they hold when one kernel is called again
// and again, and no kernel has the luckier pages. The first one differs from block to block.
void TrialRunner::PlaceAll(Entrants& entrants, size_t block, bool first) {
  const Entrant* placed = nullptr;
  for (size_t i = 0; i < entrants.size(); ++i) {
    Entrant& entrant = *entrants[(block + i) % entrants.size()];
    if (!entrant.ok()) continue;
    PlaceAnew(entrant, first, placed);
    if (entrant.ok() && placed == nullptr) placed = &entrant;
  }
}

BatchConditions TrialRunner::Observe(const RunnerJob& job, double stop_at,
                                     const std::function<bool()>& take) {
  BatchObserver observer;
  observer.source = &conditions_;
  observer.now = MonotonicSeconds;
  observer.time_canary = TimeCanary;
  observer.canary_baseline = job.canary_baseline;
  observer.cpus = job.timing.cpus;
  observer.limits = limits_;
  observer.max_repeats = allowance_.repeats();
  BatchConditions conditions = ObserveBatch(observer, stop_at, take);
  allowance_.Note(conditions);
  return conditions;
}

BatchConditions TrialRunner::TimeAlone(Entrant& entrant, double stop_at) {
  const RunnerJob& job = entrant.job;
  PlaceAnew(entrant, /*first=*/true, nullptr);
  if (!entrant.ok()) return {};
  TimedKernel& timed = *entrant.timed;
  TimingSource source = timed.Source();
  source.placing = entrant.placing;
  source.place_anew = [&] {
    if (std::optional<Failure> failure = timed.Verify()) {
      entrant.Fail(*std::move(failure));
    } else {
      PlaceAnew(entrant, /*first=*/false, nullptr);
    }
    return entrant.ok();
  };
  TimingResult result;
  BatchConditions conditions = Observe(job, stop_at, [&] {
    result = TakeSamples(job.timing, source, timed.calls(), stop_at);
    return !result.failed && !result.abandoned;
  });
  if (!entrant.ok()) return conditions;
  std::optional<Failure> failure = result.failed ? timed.CallFailure() : timed.Verify();
  if (failure) {
    entrant.Fail(*std::move(failure));
    return conditions;
  }
  entrant.reply.samples = std::move(result.samples);
  entrant.reply.calls_per_sample = timed.calls();
  if (result.abandoned) entrant.reply.verdict = Verdict::kAbandoned;
  return conditions;
}

void TrialRunner::TakeRound(Entrants& entrants, size_t block, size_t round) {
  // What another kernel left in the caches takes less than this to replace.
  constexpr double kWarmedByItself = 0.02;
  const size_t count = entrants.size();
  for (size_t i = 0; i < count; ++i) {
    // Back and forth, and each block from another one on, so that neither a drift
    // nor a place in the order favours one.
    const size_t place = round % 2 == 0 ? i : count - 1 - i;
    Entrant& entrant = *entrants[(block + place) % count];
    if (!entrant.ok()) continue;
    Enter(entrant, RunnerStatusPage::kTiming);
    const TimingPlan& plan = entrant.job.timing;
    const TimingSource source = entrant.timed->Source();
    if (!plan.cold && entrant.warm_up < kWarmedByItself) entrant.warm_up = source.time_calls(1);
    const double seconds =
        entrant.warm_up < 0 ? -1 : TakeSample(plan, source, entrant.timed->calls());
    if (seconds < 0) {
      entrant.Fail(*entrant.timed->CallFailure());
    } else {
      entrant.reply.samples.push_back(seconds);
    }
  }
}

BatchConditions TrialRunner::TimeInTurn(const RunnerJob& job, Entrants& entrants, double stop_at,
                                        uint32_t* rounds) {
  double longest = 0;
  const BlocksTaken taken = TakeBlocks(job.timing.blocks, [&](uint32_t block) {
    const double start = MonotonicSeconds();
    if (start + longest > stop_at) return std::optional<BatchConditions>();
    if (block == 0) {
      PlaceAll(entrants, block, /*first=*/true);
      const double before = MonotonicSeconds();
      TakeRound(entrants, 0, 0);
      *rounds = RoundsOf(job.timing, MonotonicSeconds() - before);
    }
    std::optional<BatchConditions> conditions = Observe(job, stop_at, [&] {
      for (const auto& entrant : entrants) {
        if (!entrant->ok()) continue;
        entrant->reply.samples.resize(size_t{block} * *rounds);  // without those to be repeated
      }
      PlaceAll(entrants, block, /*first=*/false);
      for (uint32_t round = 0; round < *rounds; ++round) TakeRound(entrants, block, round);
      return true;
    });
    for (const auto& entrant : entrants) {
      if (!entrant->ok()) continue;
      Enter(*entrant, RunnerStatusPage::kTiming);  // it is called again
      if (std::optional<Failure> failure = entrant->timed->Verify()) {
        entrant->Fail(*std::move(failure));
      }
    }
    longest = std::max(longest, MonotonicSeconds() - start);
    return conditions;
  });
  for (const auto& entrant : entrants) {
    if (!entrant->ok()) continue;
    DropBlocks(taken.counts, *rounds, entrant->reply.samples);
    entrant->reply.calls_per_sample = entrant->timed->calls();
  }
  return taken.conditions;
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

}  // namespace lathe
