#include "compiler/analysis/nest_cost.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lathe {
namespace {

bool IsCode(const ModelLoop& loop) {
  return loop.kind == ModelLoopKind::kUnrolled || loop.kind == ModelLoopKind::kVector;
}

class Coster {
 public:
  Coster(const NestModel& nest, const Target& target, const CoreModel& core, int threads)
      : nest_(nest), target_(target), core_(core), threads_(threads) {}

  NestCost Cost(const NestTraffic& traffic) && {
    cost_.traffic = traffic;
    inner_ = InnermostSerialLoop(nest_);
    CountOperations();
    CountAccesses();
    Compute();
    Move();
    Divide();
    return cost_;
  }

 private:
  // Instructions of the unrolled body, and how often it runs.
  void CountOperations() {
    body_ = 1;
    cost_.iterations = 1;
    double useful = 1, done = 1;
    for (const ModelLoop& loop : nest_.loops) {
      if (loop.kind == ModelLoopKind::kVector) {
        is_vector_ = true;
        is_masked_ = loop.masked;
        cost_.lanes = std::max(1, target_.VectorLanes(nest_.element_bytes));
        double vectors = std::ceil(loop.trips / cost_.lanes - 1e-9);
        useful *= loop.trips;
        done *= vectors * cost_.lanes;
        body_ *= vectors;
      } else if (loop.kind == ModelLoopKind::kUnrolled) {
        body_ *= loop.trips;
      } else {
        double trips = Trips(loop);
        useful *= loop.trips;
        done *= trips;
        cost_.iterations *= trips;
      }
    }
    if (!is_vector_) {  // scalar code is as quick on every width of vectors
      const CoreModel scalar;
      core_.operations_per_cycle = scalar.operations_per_cycle;
      core_.loads_per_cycle = scalar.loads_per_cycle;
      core_.stores_per_cycle = scalar.stores_per_cycle;
    }
    cost_.waste = done > 0 ? 1 - std::min(1.0, useful / done) : 0;
    const double factor = nest_.element_bytes == 2 ? core_.half_factor : 1;
    cost_.multiply_adds = body_ * nest_.multiply_adds * cost_.iterations;
    cost_.body_operations = body_ * factor * (nest_.multiply_adds + nest_.arithmetic);
  }

  // Those of a loop whose last block is code of its own count as blocks that are
  // as long as their multiply-adds wait for each other, at least.
  double Trips(const ModelLoop& loop) const {
    double whole = std::floor(loop.trips + 1e-9);
    double rest = loop.trips - whole;
    if (rest < 1e-6 || nest_.accumulators == 0) return loop.trips;
    double floor = core_.latency * core_.operations_per_cycle / nest_.accumulators;
    return whole + std::max(rest, std::min(1.0, floor));
  }

  // How often an access happens in one iteration of the innermost serial loop.
  double PerIteration(const ModelAccess& access) const {
    double count = 1, serial = 1;
    // A read that does not move with the innermost loops stays in a register.
    bool hoisted = !access.write;
    for (size_t l = nest_.loops.size(); l-- > 0;) {
      const ModelLoop& loop = nest_.loops[l];
      const bool inside = l < access.strides.size();
      const int64_t stride = inside ? access.strides[l] : 0;
      if (IsCode(loop)) {
        if (!inside || stride == 0) continue;
        bool contiguous = loop.kind == ModelLoopKind::kVector && stride == 1;
        count *= contiguous ? std::ceil(loop.trips / cost_.lanes - 1e-9) : loop.trips;
        continue;
      }
      hoisted = hoisted && stride == 0;
      if (hoisted || !inside) serial *= loop.trips;
    }
    return count / std::max(serial, 1.0);
  }

  // The cycles of loads that cross a line, against whole ones.
  double Crossing(const ModelAccess& access) const {
    double vector = cost_.lanes * access.element_bytes;
    int64_t alignment = static_cast<int64_t>(kLineBytes);
    for (size_t l = 0; l < access.strides.size(); ++l) {
      if (nest_.loops[l].kind == ModelLoopKind::kVector) continue;
      alignment = std::gcd(alignment, access.strides[l] * access.element_bytes);
    }
    return 1 + std::max(0.0, vector - static_cast<double>(alignment)) / kLineBytes;
  }

  void CountAccesses() {
    for (const ModelAccess& access : nest_.accesses) {
      double count = PerIteration(access);
      bool strided = false, contiguous = false, moves = false;
      for (size_t l = 0; l < access.strides.size(); ++l) {
        if (nest_.loops[l].kind != ModelLoopKind::kVector) continue;
        strided = strided || std::abs(access.strides[l]) > 1;
        contiguous = contiguous || access.strides[l] == 1;
        moves = moves || access.strides[l] != 0;
      }
      // Lane by lane: an instruction to insert or extract each.
      if (strided) inserts_ += count;
      if (contiguous && access.element_bytes < nest_.element_bytes) inserts_ += count;
      if (is_masked_ && moves) masked_ += count * core_.masked;
      if (is_vector_ && contiguous) count *= Crossing(access);
      if (is_vector_ && !moves) {
        (access.write ? stores_ : broadcasts_) += count;
      } else {
        (access.write ? stores_ : loads_) += count;
      }
    }
    cost_.loads = (loads_ + broadcasts_) * cost_.iterations;
    cost_.stores = stores_ * cost_.iterations;
  }

  void Compute() {
    const double half = nest_.element_bytes == 2 ? core_.half_factor : 1;
    const double operations = cost_.body_operations + inserts_;
    cost_.operations = operations * cost_.iterations;
    double arithmetic = operations / core_.operations_per_cycle;
    arithmetic +=
        body_ * half * (nest_.divisions * core_.division + nest_.elementary * core_.elementary);
    double loading = loads_ / core_.loads_per_cycle + broadcasts_ * core_.broadcast;
    double storing = stores_ / core_.stores_per_cycle;
    double waiting = nest_.accumulators > 0 ? body_ / nest_.accumulators * core_.latency : 0;
    double dispatch = (operations + loads_ + broadcasts_ + stores_ + 2) / core_.dispatch_per_cycle;
    double cycles = std::max({arithmetic, loading, storing, waiting, dispatch, core_.iteration});
    if (operations > core_.big_body) {
      cycles *= 1 + 0.05 * std::log2(operations / core_.big_body);
    }
    double excess = nest_.live_vectors - target_.vector_registers;
    double spilled = excess > 0 ? core_.spill * (excess + 1) : 0;

    const double runs = cost_.iterations;
    cost_.arithmetic = arithmetic * runs;
    cost_.loading = loading * runs;
    cost_.storing = storing * runs;
    cost_.waiting = waiting * runs;
    cost_.spilled = spilled * runs;
    cost_.masked = masked_ * runs;
    cost_.loops = Loops();
    cost_.computing = (cycles + spilled + masked_) * runs + cost_.loops;
  }

  // Ends of loops, and what each tile does before and after its reduction.
  double Loops() const {
    double entries = 1, cycles = 0;
    for (size_t l = 0; l < nest_.loops.size() && l <= inner_; ++l) {
      const ModelLoop& loop = nest_.loops[l];
      if (IsCode(loop)) continue;
      double trips = Trips(loop);
      bool foreseen = trips <= core_.foreseen_trips;
      cycles += entries * (foreseen ? core_.short_exit : core_.mispredicted);
      if (l < inner_) cycles += entries * trips * core_.iteration;
      if (l == inner_ && nest_.accumulators > 0) {
        cycles += entries * (core_.latency + core_.load_latency +
                             nest_.accumulators / core_.operations_per_cycle / 2);
      }
      entries *= trips;
    }
    return cycles;
  }

  void Move() {
    double moving = cost_.traffic.pages * core_.page_cycles;
    for (double cycles : cost_.traffic.cycles) moving += cycles;
    cost_.moving = moving;
    double longer = std::max(cost_.computing, moving);
    double shorter = std::min(cost_.computing, moving);
    cost_.total = longer + core_.exposed * shorter;
  }

  void Divide() {
    double outer = 1, cycles = cost_.total;
    for (size_t l = 0; l < nest_.loops.size() && threads_ > 1; ++l) {
      const ModelLoop& loop = nest_.loops[l];
      if (loop.kind == ModelLoopKind::kParallel) {
        double trips = 1;  // of parallel loops in a row: they are fused
        for (size_t p = l; p < nest_.loops.size(); ++p) {
          if (nest_.loops[p].kind != ModelLoopKind::kParallel) break;
          trips *= nest_.loops[p].trips;
        }
        double rounds = std::ceil(trips / threads_ - 1e-9);
        cost_.shares = std::max(1.0, trips / std::max(rounds, 1.0));
        cost_.launches = l < static_cast<size_t>(nest_.shared_loops) ? 0 : outer;
        break;
      }
      outer *= loop.trips;
    }
    double memory = cost_.traffic.cycles[kFromMemory];
    cycles = std::max(cycles / cost_.shares, memory / std::min(cost_.shares, core_.memory_shares));
    cost_.seconds = (cycles + cost_.launches * core_.launch) / core_.hertz;
  }

  const NestModel& nest_;
  const Target& target_;
  CoreModel core_;
  const int threads_;
  size_t inner_ = 0;
  bool is_vector_ = false, is_masked_ = false;
  double body_ = 1;  // of all unrolled and vector loops
  // Of one iteration; `masked_` in cycles.
  double loads_ = 0, broadcasts_ = 0, stores_ = 0, inserts_ = 0, masked_ = 0;
  NestCost cost_;
};

}  // namespace

std::vector<NestCost> CostsOf(const ScheduleModel& model, const Target& target, int threads) {
  const CoreModel core = CoreModelOf(target);
  std::vector<NestTraffic> traffic = TrafficOf(model, target, core);
  std::vector<NestCost> costs;
  costs.reserve(model.nests.size());
  for (size_t n = 0; n < model.nests.size(); ++n) {
    costs.push_back(Coster(model.nests[n], target, core, threads).Cost(traffic[n]));
  }
  return costs;
}

double EstimateSeconds(const ScheduleModel& model, const Target& target, int threads) {
  double seconds = 0;
  for (const NestCost& cost : CostsOf(model, target, threads)) seconds += cost.seconds;
  return seconds;
}

}  // namespace lathe
