#include "bench/workload.h"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/kernel.h"
#include "bench/peaks.h"
#include "bench/probes.h"
#include "compiler/base/status_macros.h"
#include "measurer/conditions.h"
#include "tuner/reference_check.h"

namespace lathe {
namespace {

// Libraries promise less than our kernels do: cruder exp and erf, sums in blocked
// algorithms of their own. Beyond this it is no rounding any more.
constexpr double kPeerTolerance = 16 * kToleranceFactor;
constexpr double kRelaxedTolerance = 1024 * kToleranceFactor;
// Tensors are placed so often, and so many rounds in a row use one place: which pages
// tensors lie on moves times by some per cent, now for one contestant, now for another.
constexpr size_t kPlacements = 4;
constexpr int kRoundsPerPlacement = 5;
// What loops as written reach at most, to know ahead that naive takes too long.
constexpr double kNaiveFlops = 1e9;

// CPU time of all threads of this process: on one CPU the time of a call, whoever
// else the CPU works for in between.
double ProcessSeconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// How often the system took a CPU from this process.
int64_t Preemptions() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

class WorkloadRun {
 public:
  WorkloadRun(const Workload& workload, const BenchOptions& options, Builder& builder,
              lathe_thread_pool* pool)
      : workload_(workload), options_(options), builder_(builder), pool_(pool) {
    result_.name = workload.name;
    result_.spec = workload.spec;
    result_.origin = workload.subject.origin;
    result_.threads = options.threads;
    result_.work = CountWork(workload.function);
  }

  WorkloadResult Run(const std::vector<PeerLibrary>& peers) {
    absl::Status status = Prepare();
    if (!status.ok()) {
      result_.error = std::string(status.message());
      return std::move(result_);
    }
    AddDefault();
    AddBeside();
    AddNaive();
    for (const PeerLibrary& peer : peers) AddPeers(peer);
    AddProbes();
    Race();
    return std::move(result_);
  }

 private:
  // Every contestant bound to one place of the tensors.
  struct Placement {
    std::unique_ptr<Arena> arena;
    std::vector<std::unique_ptr<BoundKernel>> kernels;
    std::vector<std::unique_ptr<PeerRunner>> runners;
  };

  absl::Status Prepare() {
    Problem problem;
    problem.function = workload_.function;
    problem.target = options_.target;
    problem.seed = options_.seed;
    ASSIGN_OR_RETURN(ReferenceCheck check, ReferenceCheck::Build(problem, builder_));
    placements_.resize(kPlacements);
    ASSIGN_OR_RETURN(placements_[0].arena, Arena::Create(workload_.function, check, options_.seed));
    for (size_t p = 1; p < kPlacements; ++p) {
      ASSIGN_OR_RETURN(placements_[p].arena, placements_[0].arena->PlaceAnew());
    }
    ASSIGN_OR_RETURN(size_t kernel, AddKernel("lathe", workload_.subject.trace));
    (void)kernel;  // the first contestant
    return absl::OkStatus();
  }

  absl::StatusOr<v1::BuildResponse> Build(const Trace& trace) {
    v1::BuildRequest request;
    request.set_function(ToText(workload_.function));
    request.set_trace(ToText(trace));
    request.set_target(ToText(options_.target));
    request.set_product(v1::BUILD_PRODUCT_ARTIFACT);
    request.set_threads(static_cast<uint32_t>(options_.threads));
    v1::BuildResponse response = BuildAndWait(builder_, std::move(request));
    if (response.status() == v1::BUILD_STATUS_OK) return response;
    return absl::FailedPreconditionError(absl::StrCat("does not build: ", response.error()));
  }

  // Builds, checks in every place and enlists a kernel; its contestant.
  absl::StatusOr<size_t> AddKernel(const std::string& name, const Trace& trace) {
    ASSIGN_OR_RETURN(v1::BuildResponse built, Build(trace));
    std::vector<std::unique_ptr<BoundKernel>> bound;
    for (const Placement& placement : placements_) {
      Arena& arena = *placement.arena;
      ASSIGN_OR_RETURN(std::unique_ptr<BoundKernel> kernel, BoundKernel::Load(built, arena, pool_));
      arena.Reset();
      std::optional<std::string> wrong = kernel->CallChecked();
      if (!wrong) wrong = arena.WrongOutput(kToleranceFactor);
      if (wrong) return absl::InternalError(*wrong);
      bound.push_back(std::move(kernel));
    }
    const size_t number = placements_[0].kernels.size();
    for (size_t p = 0; p < kPlacements; ++p) placements_[p].kernels.push_back(std::move(bound[p]));
    contestants_.push_back(
        {name, [this, number] { return placements_[placement_].kernels[number]->Call(); }});
    return contestants_.size() - 1;
  }

  void AddDefault() {
    if (ToText(workload_.default_trace) == ToText(workload_.subject.trace)) {
      default_ = 0;
      return;
    }
    absl::StatusOr<size_t> added = AddKernel("default", workload_.default_trace);
    if (added.ok()) {
      default_ = *added;
    } else {
      result_.notes.push_back(absl::StrCat("default: ", std::string(added.status().message())));
    }
  }

  void AddBeside() {
    for (const OriginTrace& other : workload_.beside) {
      BesideResult result;
      result.origin = other.origin;
      absl::StatusOr<size_t> added = AddKernel(other.origin, other.trace);
      if (added.ok()) {
        beside_.emplace_back(*added, result_.beside.size());
      } else {
        result.error = std::string(added.status().message());
      }
      result_.beside.push_back(std::move(result));
    }
  }

  void AddNaive() {
    const double at_least = result_.work.flops / kNaiveFlops;
    if (at_least > options_.naive_seconds) {
      result_.notes.push_back(
          absl::StrCat("naive: not run, as it takes more than ", options_.naive_seconds, " s"));
      return;
    }
    absl::StatusOr<size_t> added = AddKernel("naive", Trace{});
    if (!added.ok()) {
      result_.notes.push_back(absl::StrCat("naive: ", std::string(added.status().message())));
      return;
    }
    naive_ = *added;
    const double start = MonotonicSeconds();
    contestants_[naive_].call();
    const double seconds = std::max(MonotonicSeconds() - start, options_.contest.sample_seconds);
    contestants_[naive_].max_rounds =
        std::max(1, static_cast<int>(std::min(1e6, options_.naive_seconds / seconds)));
  }

  void AddPeers(const PeerLibrary& peer) {
    if (!workload_.op) return;
    std::vector<std::vector<PeerRunner>> opened;
    for (const Placement& placement : placements_) {
      opened.push_back(peer.Open(*workload_.op, placement.arena->PeerTensors()));
    }
    for (size_t r = 0; r < opened[0].size(); ++r) {
      PeerResult peer_result;
      peer_result.name = opened[0][r].name();
      peer_result.relaxed = opened[0][r].relaxed();
      for (size_t p = 0; p < kPlacements && peer_result.error.empty(); ++p) {
        peer_result.error = r < opened[p].size() ? Try(opened[p][r], *placements_[p].arena)
                                                 : "opens at one time and not at another";
      }
      if (peer_result.error.empty()) {
        const size_t number = placements_[0].runners.size();
        for (size_t p = 0; p < kPlacements; ++p) {
          placements_[p].runners.push_back(std::make_unique<PeerRunner>(std::move(opened[p][r])));
        }
        contestants_.push_back({peer_result.name, [this, number] {
                                  return placements_[placement_].runners[number]->Run() == 0;
                                }});
        racing_.emplace_back(contestants_.size() - 1, result_.peers.size());
      }
      result_.peers.push_back(std::move(peer_result));
    }
  }

  // Runs it once; what was wrong, if anything.
  static std::string Try(PeerRunner& runner, Arena& arena) {
    if (!runner.error().empty()) return runner.error();
    arena.Reset();
    if (int32_t code = runner.Run(); code != 0) return absl::StrCat("failed with ", code);
    auto wrong = arena.WrongOutput(runner.relaxed() ? kRelaxedTolerance : kPeerTolerance);
    return wrong ? absl::StrCat("wrong output: ", *wrong) : "";
  }

  void AddProbes() {
    fma_ = std::make_unique<FmaProbe>(pool_, ComputesInF64(workload_.function));
    const Arena& arena = *placements_[0].arena;
    bandwidth_ = std::make_unique<BandwidthProbe>(pool_, arena.input_bytes(), arena.output_bytes());
    contestants_.push_back({"fma probe", [this] {
                              fma_->Call();
                              return true;
                            }});
    contestants_.push_back({"bandwidth probe", [this] {
                              bandwidth_->Call();
                              return true;
                            }});
  }

  void Race() {
    ContestOptions timing = options_.contest;
    timing.now = MonotonicSeconds;
    if (options_.threads == 1) timing.clock = ProcessSeconds;
    timing.disturbances = Preemptions;
    timing.begin_round = [this](int round) {
      placement_ = static_cast<size_t>(round / kRoundsPerPlacement) % kPlacements;
    };
    const ContestResult contest = RunContest(contestants_, timing);
    result_.rounds = contest.rounds;
    if (contest.failed[0]) {
      result_.error = "the kernel failed when it was called again";
      return;
    }
    const std::vector<double>& ours = contest.samples[0];
    result_.seconds = MedianTime(ours);
    if (default_) result_.default_seconds = MedianTime(contest.samples[*default_]);
    if (naive_ != 0) result_.naive_seconds = MedianTime(contest.samples[naive_]);

    const std::vector<double>& fma = contest.samples[contestants_.size() - 2];
    const std::vector<double>& moves = contest.samples[contestants_.size() - 1];
    result_.peak_flops = fma_->flops() / MedianTime(fma);
    result_.bandwidth = bandwidth_->bytes() / MedianTime(moves);
    std::vector<double> bounds;
    for (size_t i = 0; i < fma.size(); ++i) {
      const MachinePeaks peaks{fma_->flops() / fma[i], bandwidth_->bytes() / moves[i]};
      bounds.push_back(RooflineOf(result_.work, peaks).seconds);
    }
    result_.roofline_fraction = PairedRatio(bounds, ours).ratio;

    for (auto [contestant, index] : racing_) {
      PeerResult& peer = result_.peers[index];
      if (contest.failed[contestant]) {
        peer.error = "failed when it was called again";
        continue;
      }
      peer.seconds = MedianTime(contest.samples[contestant]);
      peer.ratio = PairedRatio(contest.samples[contestant], ours);
    }
    for (auto [contestant, index] : beside_) {
      BesideResult& other = result_.beside[index];
      if (contest.failed[contestant]) {
        other.error = "failed when it was called again";
        continue;
      }
      other.seconds = MedianTime(contest.samples[contestant]);
      other.ratio = PairedRatio(contest.samples[contestant], ours);
    }
    PickBestPeer();
  }

  void PickBestPeer() {
    double best = 0;
    for (const PeerResult& peer : result_.peers) {
      const bool counts = peer.error.empty() && (!peer.relaxed || options_.relaxed);
      if (!counts || (best != 0 && peer.seconds >= best)) continue;
      best = peer.seconds;
      result_.best_peer = peer.name;
      result_.best_ratio = peer.ratio;
    }
  }

  const Workload& workload_;
  const BenchOptions& options_;
  Builder& builder_;
  lathe_thread_pool* pool_;
  WorkloadResult result_;

  std::vector<Placement> placements_;
  size_t placement_ = 0;  // the one in use
  std::unique_ptr<FmaProbe> fma_;
  std::unique_ptr<BandwidthProbe> bandwidth_;
  std::vector<Contestant> contestants_;
  std::optional<size_t> default_;                  // contestants; the first is ours
  size_t naive_ = 0;                               // 0: not run
  std::vector<std::pair<size_t, size_t>> racing_;  // contestant, peer of the result
  std::vector<std::pair<size_t, size_t>> beside_;  // contestant, its place in the result
};

}  // namespace

WorkloadResult RunWorkload(const Workload& workload, const std::vector<PeerLibrary>& peers,
                           const BenchOptions& options, Builder& builder, lathe_thread_pool* pool) {
  return WorkloadRun(workload, options, builder, pool).Run(peers);
}

double GeomeanRatio(const std::vector<WorkloadResult>& results) {
  std::vector<double> ratios;
  for (const WorkloadResult& result : results) {
    if (!result.best_peer.empty()) ratios.push_back(result.best_ratio.ratio);
  }
  return GeometricMean(ratios);
}

}  // namespace lathe
