// Points of a space, and which of them a search has seen.
#ifndef LATHE_TUNER_SEARCH_SPACE_H_
#define LATHE_TUNER_SEARCH_SPACE_H_

#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "compiler/space/space.h"
#include "tuner/search.h"

namespace lathe {

struct Point {
  int sketch = 0;  // index into the space
  Setting setting;
  bool operator==(const Point&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Point& point) {
    return H::combine(std::move(h), point.sketch, point.setting);
  }
};

class SearchSpace {
 public:
  // `space` must not be empty and must outlive it.
  explicit SearchSpace(const Space* space) : space_(*space) {}

  const Sketch& sketch(int index) const { return *space_[index]; }
  int num_sketches() const { return static_cast<int>(space_.size()); }

  Point Analytic(int sketch) const { return {sketch, space_[sketch]->Analytic()}; }
  // Of a sketch drawn uniformly.
  Point Sample(std::mt19937_64& rng) const;
  Point Mutate(const Point& point, std::mt19937_64& rng) const;
  // Of points of one sketch.
  Point Cross(const Point& a, const Point& b, std::mt19937_64& rng) const;
  // The legal points that differ from `point` in one knob: by one step, or by any
  // in knobs of at most four values.
  std::vector<Point> Neighbours(const Point& point) const;

  std::optional<Point> Find(const std::string& decisions) const;
  std::optional<Point> Refit(const std::string& decisions) const;
  // Where a candidate of this or of an earlier run stands; nullopt for a trace
  // from elsewhere.
  std::optional<Point> Locate(const Candidate& candidate) const;

  bool IsSeen(const Point& point) const { return seen_.contains(point); }
  // Whether it was not yet.
  bool See(const Point& point) { return seen_.insert(point).second; }
  Candidate MakeCandidate(const Point& point, std::string origin) const;

 private:
  const Space& space_;
  absl::flat_hash_set<Point> seen_;
};

}  // namespace lathe

#endif  // LATHE_TUNER_SEARCH_SPACE_H_
