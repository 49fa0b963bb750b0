#include "compiler/analysis/traffic.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lathe {
namespace {

// Rows further apart than this are not prefetched ahead of their use.
constexpr double kScatteredBytes = 2048;

// What one access touches over the loops from some loop inwards.
struct Footprint {
  double bytes = 0;  // of whole lines
  double pages = 0;
  double crowding = 1;  // bytes / crowding of a cache are all that it can use, 0..1
  bool scattered = false;
};

struct TrackedAccess {
  int buffer = 0;
  size_t depth = 0;  // loops that it is in
  bool write = false;
  std::vector<Footprint> from;  // by first loop; [loops.size()] is one element
};

struct TrackedNest {
  const NestModel* nest;
  std::vector<TrackedAccess> accesses;  // distinct ones
  // Of all accesses, by first loop; `crowded`: bytes that a cache must have for them.
  std::vector<double> bytes, crowded, pages;
};

// The distinct memory of strided loops, added from the innermost one outwards.
class Region {
 public:
  explicit Region(int element_bytes) : element_(element_bytes) {}

  void Add(int64_t stride, double trips) {
    if (stride == 0 || trips <= 1) return;
    moves_.emplace_back(std::abs(static_cast<double>(stride)) * element_, trips);
    for (size_t m = moves_.size() - 1; m > 0 && moves_[m] < moves_[m - 1]; --m) {
      std::swap(moves_[m], moves_[m - 1]);
    }
  }

  Footprint Measure() const {
    Footprint footprint;
    double span = element_, pieces = 1, pitch = 0;
    double page_span = element_, page_pieces = 1;
    for (const auto& [stride, trips] : moves_) {
      if (stride <= std::max(span, kLineBytes)) {
        span = stride * (trips - 1) + span;
      } else {
        if (pieces == 1) pitch = stride;
        pieces *= trips;
      }
      if (stride <= std::max(page_span, kPageBytes)) {
        page_span = stride * (trips - 1) + page_span;
      } else {
        page_pieces *= trips;
      }
    }
    span = std::max(span, kLineBytes);
    footprint.bytes = pieces * span;
    footprint.pages = page_pieces * std::max(page_span / kPageBytes, 1.0);
    footprint.scattered = pieces > 1 && pitch >= kScatteredBytes;
    footprint.crowding = pieces > 1 ? Crowding(span, pitch) : 1;
    return footprint;
  }

 private:
  // The share of the sets of a first-level cache (of 64 lines) that rows of `span`
  // bytes, `pitch` apart, can be in.
  static double Crowding(double span, double pitch) {
    constexpr int64_t kWay = 4096;
    int64_t bytes = static_cast<int64_t>(pitch);
    double places = static_cast<double>(kWay / std::gcd(bytes, kWay));
    return std::min(1.0, places * span / kWay);
  }

  const double element_;
  std::vector<std::pair<double, double>> moves_;  // stride in bytes, trips; ascending
};

bool SameAccess(const ModelAccess& a, const ModelAccess& b) {
  return a.buffer == b.buffer && a.strides == b.strides;
}

TrackedNest Track(const NestModel& nest) {
  TrackedNest tracked{&nest, {}, {}, {}, {}};
  const size_t loops = nest.loops.size();
  tracked.bytes.resize(loops + 1);
  tracked.crowded.resize(loops + 1);
  tracked.pages.resize(loops + 1);
  for (size_t a = 0; a < nest.accesses.size(); ++a) {
    const ModelAccess& access = nest.accesses[a];
    auto same = std::find_if(nest.accesses.begin(), nest.accesses.begin() + a,
                             [&](const ModelAccess& other) { return SameAccess(access, other); });
    if (same != nest.accesses.begin() + a) continue;
    TrackedAccess entry{access.buffer, std::min(access.strides.size(), loops), false, {}};
    for (const ModelAccess& other : nest.accesses) {
      entry.write = entry.write || (other.write && SameAccess(access, other));
    }
    Region region(access.element_bytes);
    entry.from.assign(loops + 1, region.Measure());
    for (size_t l = loops; l-- > 0;) {
      bool inside = l < access.strides.size() && access.strides[l] != 0;
      if (inside) region.Add(access.strides[l], nest.loops[l].trips);
      entry.from[l] = inside ? region.Measure() : entry.from[l + 1];
    }
    for (size_t l = 0; l <= loops; ++l) {
      tracked.bytes[l] += entry.from[l].bytes;
      tracked.crowded[l] =
          std::max(tracked.crowded[l], entry.from[l].bytes / entry.from[l].crowding);
      tracked.pages[l] += entry.from[l].pages;
    }
    tracked.accesses.push_back(std::move(entry));
  }
  for (size_t l = 0; l <= loops; ++l) {
    tracked.crowded[l] = std::max(tracked.crowded[l], tracked.bytes[l]);
  }
  return tracked;
}

// The share of `used` bytes that stays in a cache of `capacity`: no cliff, as
// caches are not wholly regular and others use them too.
double Kept(double used, double capacity) {
  if (capacity <= 0) return 0;
  return std::clamp((1.25 - used / capacity) / 0.5, 0.0, 1.0);
}

// One cache, or the TLB, over all nests.
class Level {
 public:
  Level(const std::vector<TrackedNest>& nests, double capacity, bool in_pages)
      : nests_(nests), capacity_(capacity), in_pages_(in_pages) {
    double whole = 0;  // the nests' footprints, each buffer's largest once
    std::vector<std::pair<int, double>> buffers;
    for (const TrackedNest& nest : nests_) {
      for (const TrackedAccess& access : nest.accesses) {
        auto it = std::find_if(buffers.begin(), buffers.end(),
                               [&](const auto& b) { return b.first == access.buffer; });
        if (it == buffers.end()) it = buffers.insert(it, {access.buffer, 0});
        it->second = std::max(it->second, Size(access.from[0]));
      }
    }
    for (const auto& [buffer, size] : buffers) whole += size;
    warm_ = Kept(whole, capacity_);
  }

  // What access `a` of nest `n` brings in: a size for each access of it.
  double Moved(size_t n, size_t a) const {
    const TrackedNest& nest = nests_[n];
    const TrackedAccess& access = nest.accesses[a];
    double moved = Size(access.from[access.depth]);
    for (size_t l = access.depth; l-- > 0;) {
      double kept = KeptInside(nest, l + 1);
      double again = nest.nest->loops[l].trips * moved;
      moved = kept * std::min(Size(access.from[l]), again) + (1 - kept) * again;
    }
    return moved * (1 - std::max(warm_, KeptFromBefore(n, access.buffer)));
  }

 private:
  double Size(const Footprint& footprint) const {
    return in_pages_ ? footprint.pages : footprint.bytes;
  }

  // Whether what the loops from `first` inwards touch is still there when they
  // run again.
  double KeptInside(const TrackedNest& nest, size_t first) const {
    return Kept(in_pages_ ? nest.pages[first] : nest.crowded[first], capacity_);
  }

  // Whether a buffer is still there from an earlier nest.
  double KeptFromBefore(size_t n, int buffer) const {
    size_t shared = nests_[n].nest->loops.size();
    double between = 0;
    for (size_t m = n; m-- > 0;) {
      const size_t before = shared;
      shared = std::min({shared, static_cast<size_t>(nests_[m + 1].nest->shared_loops),
                         nests_[m].nest->loops.size()});
      if (m + 1 == n || shared < before) between = Used(nests_[n], shared);
      between += Used(nests_[m], shared);
      if (between > 2 * capacity_) return 0;
      for (const TrackedAccess& access : nests_[m].accesses) {
        if (access.buffer == buffer) return Kept(between, capacity_);
      }
    }
    return 0;
  }

  double Used(const TrackedNest& nest, size_t first) const {
    return in_pages_ ? nest.pages[first] : nest.bytes[first];
  }

  const std::vector<TrackedNest>& nests_;
  const double capacity_;
  const bool in_pages_;
  double warm_ = 0;
};

}  // namespace

size_t InnermostSerialLoop(const NestModel& nest) {
  for (size_t l = nest.loops.size(); l-- > 0;) {
    ModelLoopKind kind = nest.loops[l].kind;
    if (kind == ModelLoopKind::kSerial || kind == ModelLoopKind::kParallel) return l;
  }
  return nest.loops.size();
}

std::vector<NestTraffic> TrafficOf(const ScheduleModel& model, const Target& target,
                                   const CoreModel& core) {
  std::vector<TrackedNest> nests;
  nests.reserve(model.nests.size());
  for (const NestModel& nest : model.nests) nests.push_back(Track(nest));
  std::vector<NestTraffic> traffic(nests.size());
  for (size_t n = 0; n < nests.size(); ++n) {
    size_t inner = InnermostSerialLoop(*nests[n].nest);
    traffic[n].footprint_bytes = nests[n].bytes[0];
    traffic[n].inner_bytes = nests[n].bytes[inner];
  }
  const int64_t capacities[] = {target.l1_bytes, target.l2_bytes, target.l3_bytes};
  for (int c = 0; c < kNumMemoryLevels; ++c) {
    // Without a third level everything beyond the second is memory.
    int64_t capacity = capacities[c] > 0 ? capacities[c] : target.l2_bytes;
    Level level(nests, static_cast<double>(capacity), false);
    for (size_t n = 0; n < nests.size(); ++n) {
      size_t inner = InnermostSerialLoop(*nests[n].nest);
      for (size_t a = 0; a < nests[n].accesses.size(); ++a) {
        const TrackedAccess& access = nests[n].accesses[a];
        double bytes = level.Moved(n, a) * (access.write ? 2 : 1);
        traffic[n].bytes[c] += bytes;
        double factor = access.from[inner].scattered ? core.scattered[c] : 1;
        traffic[n].cycles[c] += bytes / kLineBytes * core.line_cycles[c] * factor;
      }
    }
  }
  Level tlb(nests, core.tlb_pages, true);
  for (size_t n = 0; n < nests.size(); ++n) {
    for (size_t a = 0; a < nests[n].accesses.size(); ++a) traffic[n].pages += tlb.Moved(n, a);
  }
  return traffic;
}

}  // namespace lathe
