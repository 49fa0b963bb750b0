#include "bench/peaks.h"

#include <sched.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "bench/contest.h"
#include "bench/probes.h"
#include "compiler/runtime/lathe_thread_pool.h"
#include "measurer/conditions.h"

namespace lathe {
namespace {

uint64_t BytesOf(ScalarType type, const std::vector<int64_t>& shape) {
  uint64_t bytes = static_cast<uint64_t>(ByteSize(type));
  for (int64_t extent : shape) bytes *= static_cast<uint64_t>(extent);
  return bytes;
}

uint64_t InputBytes(const Function& function) {
  uint64_t bytes = 0;
  for (const Argument& a : function.arguments) bytes += BytesOf(a.type, a.shape);
  return bytes;
}

uint64_t OutputBytes(const Function& function) {
  uint64_t bytes = 0;
  for (const std::string& output : function.outputs) {
    const Stage& stage = *function.FindStage(output);
    std::vector<int64_t> shape;
    for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
    bytes += BytesOf(stage.type, shape);
  }
  return bytes;
}

// On a thread of its own, whose affinity nobody else keeps.
absl::StatusOr<MachinePeaks> Probe(const Function& function, const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[0], &set);
  sched_setaffinity(0, sizeof set, &set);  // refused: the scheduler's choice will do
  const auto threads = static_cast<int32_t>(cpus.size());
  std::unique_ptr<lathe_thread_pool, void (*)(lathe_thread_pool*)> pool(
      threads > 1 ? lathe_thread_pool_create(threads, cpus.data(), threads) : nullptr,
      lathe_thread_pool_destroy);
  if (threads > 1 && pool == nullptr) {
    return absl::ResourceExhaustedError("no threads to measure the machine's peaks with");
  }
  FmaProbe fma(pool.get(), ComputesInF64(function));
  BandwidthProbe bandwidth(pool.get(), InputBytes(function), OutputBytes(function));
  auto call = [](auto& probe) {
    return [&probe] {
      probe.Call();
      return true;
    };
  };
  ContestOptions options;
  options.sample_seconds = 3e-4;  // short enough to fit between disturbances
  options.min_rounds = 25;
  options.max_rounds = 151;
  options.budget_seconds = 0.1;
  options.now = MonotonicSeconds;
  const ContestResult times =
      RunContest({{"fma", call(fma)}, {"bandwidth", call(bandwidth)}}, options);
  // The fastest samples: a peak is what the machine does when left alone.
  auto fastest = [](const std::vector<double>& samples) {
    return *std::min_element(samples.begin(), samples.end());
  };
  return MachinePeaks{fma.flops() / fastest(times.samples[0]),
                      bandwidth.bytes() / fastest(times.samples[1])};
}

}  // namespace

bool ComputesInF64(const Function& function) {
  return std::any_of(function.stages.begin(), function.stages.end(),
                     [](const Stage& stage) { return stage.type == ScalarType::kF64; });
}

absl::StatusOr<MachinePeaks> MeasurePeaks(const Function& function, const std::vector<int>& cpus) {
  absl::StatusOr<MachinePeaks> peaks;
  std::thread([&] { peaks = Probe(function, cpus); }).join();
  return peaks;
}

}  // namespace lathe
