#include "compiler/analysis/schedule_model.h"

#include <algorithm>
#include <cmath>

namespace lathe {
namespace {

constexpr double kHertz = 3e9;
constexpr double kLineBytes = 64;

// Cycles of one core.
struct Throughput {
  double multiply_adds_per_cycle = 2;  // vectors
  double loads_per_cycle = 2;
  double stores_per_cycle = 1;
  double latency = 4;  // of a multiply-add
  double divisions = 16;
  double elementary = 16;
  double loop_overhead = 1;
};

// Distinct bytes that an access touches over the loops from `first` inwards.
double FootprintBytes(const NestModel& nest, const ModelAccess& access, size_t first) {
  std::vector<std::pair<int64_t, double>> moves;
  for (size_t l = first; l < access.strides.size(); ++l) {
    int64_t stride = std::abs(access.strides[l]);
    if (stride != 0 && nest.loops[l].trips > 1) moves.emplace_back(stride, nest.loops[l].trips);
  }
  std::sort(moves.begin(), moves.end());
  double span = 1, pieces = 1;  // elements in a row; separate rows
  double line = kLineBytes / access.element_bytes;
  for (const auto& [stride, trips] : moves) {
    if (static_cast<double>(stride) <= std::max(span, line)) {
      span = std::max(span, static_cast<double>(stride) * (trips - 1) + span);
    } else {
      pieces *= trips;
    }
  }
  return pieces * std::max(span * access.element_bytes, kLineBytes);
}

// Bytes that the nest moves into a cache of so many bytes: what its outermost
// block of loops that fits touches, as often as that block runs.
double TrafficBytes(const NestModel& nest, double cache_bytes) {
  size_t first = nest.loops.size();
  while (first > 0) {
    double footprint = 0;
    for (const ModelAccess& access : nest.accesses) {
      footprint += FootprintBytes(nest, access, first - 1);
    }
    if (footprint > cache_bytes) break;
    --first;
  }
  double traffic = 0;
  for (const ModelAccess& access : nest.accesses) {
    double runs = 1;
    for (size_t l = 0; l < std::min(first, access.strides.size()); ++l) {
      runs *= nest.loops[l].trips;
    }
    traffic += runs * FootprintBytes(nest, access, first) * (access.write ? 2 : 1);
  }
  return traffic;
}

double InstructionCycles(const NestModel& nest, const Target& target) {
  const Throughput machine;
  double lanes = 1, body = 1, runs = 1;
  bool vector = false;
  for (const ModelLoop& loop : nest.loops) {
    if (loop.kind == ModelLoopKind::kVector) {
      vector = true;
      lanes = std::max(1, target.VectorLanes(nest.element_bytes));
      body *= std::ceil(loop.trips / lanes);
    } else if (loop.kind == ModelLoopKind::kUnrolled) {
      body *= loop.trips;
    } else {
      runs *= loop.trips;
    }
  }
  double loads = 0, stores = 0;
  for (const ModelAccess& access : nest.accesses) {
    double count = 1;
    for (size_t l = 0; l < access.strides.size(); ++l) {
      const ModelLoop& loop = nest.loops[l];
      int64_t stride = access.strides[l];
      if (loop.kind == ModelLoopKind::kVector) {
        if (stride > 1) count *= loop.trips;
        if (stride == 1) count *= std::ceil(loop.trips / lanes);
      } else if (loop.kind == ModelLoopKind::kSerial || loop.kind == ModelLoopKind::kParallel ||
                 stride != 0) {
        count *= loop.trips;
      }
    }
    (access.write ? stores : loads) += count / runs;
  }
  double operations = body * (nest.multiply_adds + nest.arithmetic);
  double cycles = operations / machine.multiply_adds_per_cycle;
  cycles += body * (nest.divisions * machine.divisions + nest.elementary * machine.elementary);
  if (!vector) cycles *= 1.5;
  cycles = std::max(cycles, loads / machine.loads_per_cycle);
  cycles = std::max(cycles, stores / machine.stores_per_cycle);
  if (nest.accumulators > 0) {
    cycles = std::max(cycles, body / nest.accumulators * machine.latency);
  }
  if (nest.live_vectors > target.vector_registers) {
    cycles += 2.0 * (nest.live_vectors - target.vector_registers);
  }
  return runs * (cycles + machine.loop_overhead);
}

}  // namespace

double EstimateSeconds(const ScheduleModel& model, const Target& target, int threads) {
  double seconds = 0;
  for (const NestModel& nest : model.nests) {
    double cycles = InstructionCycles(nest, target);
    cycles = std::max(cycles, TrafficBytes(nest, static_cast<double>(target.l1_bytes)) / 48);
    cycles = std::max(cycles, TrafficBytes(nest, static_cast<double>(target.l2_bytes)) / 24);
    if (target.l3_bytes > 0) {
      cycles = std::max(cycles, TrafficBytes(nest, static_cast<double>(target.l3_bytes)) / 8);
    }
    double shares = 1;
    for (const ModelLoop& loop : nest.loops) {
      if (loop.kind != ModelLoopKind::kParallel || threads < 2) continue;
      double rounds = std::ceil(loop.trips / threads);
      shares = std::max(shares, loop.trips / rounds);
    }
    seconds += cycles / shares / kHertz;
  }
  return seconds;
}

}  // namespace lathe
