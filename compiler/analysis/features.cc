#include "compiler/analysis/features.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "compiler/analysis/nest_cost.h"
#include "compiler/base/check.h"

namespace lathe {
namespace {

constexpr size_t kNests = 2;  // whose own values are features

// Of counts, bytes and cycles, which may be 0.
double Log(double value) { return std::log2(1 + std::max(value, 0.0)); }

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Names and values in one place: both are written by the same calls.
class Writer {
 public:
  explicit Writer(std::vector<std::string>* names) : names_(names) {}

  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  void Add(const char* name, double value) {
    if (names_ != nullptr) {
      names_->push_back(absl::StrCat(prefix_, name));
    }
    // To 1/4096: libraries differ in the last digit of a logarithm.
    double rounded = std::round(std::clamp(value, -1e6, 1e6) * 4096) / 4096;
    values.push_back(std::isfinite(rounded) ? static_cast<float>(rounded) : 0.0f);
  }

  std::vector<float> values;

 private:
  std::vector<std::string>* const names_;
  std::string prefix_;
};

// Names of features by kNumMemoryLevels.
constexpr const char* kBytes[] = {"log_bytes_l2", "log_bytes_l3", "log_bytes_memory"};
constexpr const char* kIntensity[] = {"log_flops_per_byte_l2", "log_flops_per_byte_l3",
                                      "log_flops_per_byte_memory"};
constexpr const char* kMoving[] = {"moving_l2", "moving_l3", "moving_memory"};

double FlopsOf(const NestModel& nest) {
  double points = 1;
  for (const ModelLoop& loop : nest.loops) points *= loop.trips;
  return points * (2 * nest.multiply_adds + nest.arithmetic + nest.divisions + nest.elementary);
}

bool IsCopy(const NestModel& nest) {
  return nest.multiply_adds + nest.arithmetic + nest.divisions + nest.elementary == 0;
}

struct Context {
  const ScheduleModel& model;
  const Target& target;
  int threads;
  std::vector<NestCost> costs;
};

void AddTotals(const Context& context, Writer& out) {
  double seconds = 0, flops = 0, computing = 0, moving = 0, footprint = 0, loops = 0, spilled = 0;
  double copies = 0, vectors = 0, waste = 0, idle = 0, launches = 0, loads = 0, stores = 0;
  double operations = 0, elementary = 0, pages = 0, bytes[kNumMemoryLevels] = {};
  for (size_t n = 0; n < context.costs.size(); ++n) {
    const NestModel& nest = context.model.nests[n];
    const NestCost& cost = context.costs[n];
    seconds += cost.seconds;
    flops += FlopsOf(nest);
    computing += cost.computing;
    moving += cost.moving;
    footprint += cost.traffic.footprint_bytes;
    loops += cost.loops;
    spilled += cost.spilled;
    if (IsCopy(nest)) copies += cost.seconds;
    if (cost.lanes > 1) vectors += cost.seconds;
    waste += cost.waste * cost.seconds;
    idle += (1 - cost.shares / std::max(context.threads, 1)) * cost.seconds;
    launches += cost.launches;
    loads += cost.loads;
    stores += cost.stores;
    operations += cost.operations;
    if (nest.elementary > 0) elementary += cost.seconds;
    pages += cost.traffic.pages;
    for (int level = 0; level < kNumMemoryLevels; ++level)
      bytes[level] += cost.traffic.bytes[level];
  }
  out.Add("log_estimate", std::log2(std::max(seconds, 1e-12)));
  out.Add("nests", static_cast<double>(context.costs.size()));
  out.Add("log_flops", Log(flops));
  out.Add("log_computing", Log(computing));
  out.Add("log_moving", Log(moving));
  out.Add("moving_share", Ratio(moving, computing + moving));
  out.Add("loops_share", Ratio(loops, computing));
  out.Add("spilled_share", Ratio(spilled, computing));
  out.Add("copies_share", Ratio(copies, seconds));
  out.Add("vectors_share", Ratio(vectors, seconds));
  out.Add("elementary_share", Ratio(elementary, seconds));
  out.Add("waste", Ratio(waste, seconds));
  out.Add("idle_share", Ratio(idle, seconds));
  out.Add("log_launches", Log(launches));
  out.Add("loads_per_operation", Ratio(loads, operations));
  out.Add("stores_per_operation", Ratio(stores, operations));
  out.Add("log_footprint", Log(footprint));
  out.Add("log_pages", Log(pages));
  for (int level = 0; level < kNumMemoryLevels; ++level) {
    out.Add(kBytes[level], Log(bytes[level]));
    out.Add(kIntensity[level], Log(Ratio(flops, std::max(bytes[level], 1.0))));
  }
}

void AddNest(const Context& context, const NestModel& nest, const NestCost& cost, double seconds,
             Writer& out) {
  double unrolled = 1, reduced = 1, inner_trips = 1;
  size_t inner = InnermostSerialLoop(nest);
  for (size_t l = 0; l < nest.loops.size(); ++l) {
    const ModelLoop& loop = nest.loops[l];
    if (loop.kind == ModelLoopKind::kUnrolled) (loop.reduction ? reduced : unrolled) *= loop.trips;
    if (l == inner) inner_trips = loop.trips;
  }
  out.Add("share", Ratio(cost.seconds, seconds));
  out.Add("loops", static_cast<double>(nest.loops.size()));
  out.Add("log_flops", Log(FlopsOf(nest)));
  out.Add("arithmetic", Ratio(cost.arithmetic, cost.total));
  out.Add("loading", Ratio(cost.loading, cost.total));
  out.Add("storing", Ratio(cost.storing, cost.total));
  out.Add("waiting", Ratio(cost.waiting, cost.total));
  out.Add("loops_share", Ratio(cost.loops, cost.total));
  out.Add("spilled", Ratio(cost.spilled, cost.total));
  out.Add("masked", Ratio(cost.masked, cost.total));
  out.Add("moving", Ratio(cost.moving, cost.total));
  out.Add("loads_per_operation", Ratio(cost.loads, cost.operations));
  out.Add("stores_per_operation", Ratio(cost.stores, cost.operations));
  out.Add("accumulators", nest.accumulators);
  out.Add("live_vectors", nest.live_vectors);
  out.Add("free_registers", context.target.vector_registers - nest.live_vectors);
  out.Add("log_body", Log(cost.body_operations));
  out.Add("log_unrolled", Log(unrolled));
  out.Add("log_unrolled_reduction", Log(reduced));
  out.Add("log_inner_trips", Log(inner_trips));
  out.Add("log_iterations", Log(cost.iterations));
  out.Add("lanes", cost.lanes);
  out.Add("waste", cost.waste);
  out.Add("shares", cost.shares);
  out.Add("log_footprint", Log(cost.traffic.footprint_bytes));
  out.Add("log_inner_bytes", Log(cost.traffic.inner_bytes));
  out.Add("log_pages", Log(cost.traffic.pages));
  for (int level = 0; level < kNumMemoryLevels; ++level) {
    out.Add(kBytes[level], Log(cost.traffic.bytes[level]));
    out.Add(kMoving[level], Ratio(cost.traffic.cycles[level], cost.total));
  }
}

std::vector<float> Write(const Context& context, std::vector<std::string>* names) {
  Writer out(names);
  out.values.reserve(96);
  AddTotals(context, out);
  std::vector<size_t> order(context.costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return context.costs[a].seconds > context.costs[b].seconds;
  });
  double seconds = 0;
  for (const NestCost& cost : context.costs) seconds += cost.seconds;
  static const NestModel kNoNest;
  static const NestCost kNoCost;
  for (size_t n = 0; n < kNests; ++n) {
    if (names != nullptr) out.set_prefix(absl::StrCat("nest", n, "."));
    bool exists = n < order.size();
    AddNest(context, exists ? context.model.nests[order[n]] : kNoNest,
            exists ? context.costs[order[n]] : kNoCost, seconds, out);
  }
  return std::move(out.values);
}

}  // namespace

const std::vector<std::string>& FeatureNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> written;
    Write({ScheduleModel(), Target(), 1, {}}, &written);
    return written;
  }();
  return names;
}

std::vector<float> FeaturesOf(const ScheduleModel& model, const Target& target, int threads) {
  std::vector<float> features =
      Write({model, target, threads, CostsOf(model, target, threads)}, nullptr);
  DCHECK(features.size() == FeatureNames().size());
  return features;
}

}  // namespace lathe
