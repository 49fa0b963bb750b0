#include "tuner/search_space.h"

#include "compiler/base/check.h"

namespace lathe {
namespace {

constexpr size_t kSmallDomain = 4;

std::optional<Point> ToPoint(std::optional<std::pair<int, Setting>> found) {
  if (!found) return std::nullopt;
  return Point{found->first, std::move(found->second)};
}

}  // namespace

Point SearchSpace::Sample(std::mt19937_64& rng) const {
  int sketch = static_cast<int>(rng() % space_.size());
  return {sketch, SampleSetting(*space_[sketch], rng)};
}

Point SearchSpace::Mutate(const Point& point, std::mt19937_64& rng) const {
  return {point.sketch, MutateSetting(*space_[point.sketch], point.setting, rng)};
}

Point SearchSpace::Cross(const Point& a, const Point& b, std::mt19937_64& rng) const {
  CHECK_EQ(a.sketch, b.sketch);
  return {a.sketch, CrossSettings(*space_[a.sketch], a.setting, b.setting, rng)};
}

std::vector<Point> SearchSpace::Neighbours(const Point& point) const {
  const Sketch& sketch = *space_[point.sketch];
  std::vector<Point> neighbours;
  for (size_t k = 0; k < point.setting.size(); ++k) {
    const int size = static_cast<int>(sketch.knobs()[k].domain.size());
    const bool all = sketch.knobs()[k].domain.size() <= kSmallDomain;
    for (int value = 0; value < size; ++value) {
      int distance = std::abs(value - point.setting[k]);
      if (distance == 0 || (distance > 1 && !all)) continue;
      Point moved = point;
      moved.setting[k] = value;
      if (sketch.IsLegal(moved.setting)) neighbours.push_back(std::move(moved));
    }
  }
  return neighbours;
}

std::optional<Point> SearchSpace::Find(const std::string& decisions) const {
  return ToPoint(FindSetting(space_, decisions));
}

std::optional<Point> SearchSpace::Refit(const std::string& decisions) const {
  return ToPoint(RefitSetting(space_, decisions));
}

std::optional<Point> SearchSpace::Locate(const Candidate& candidate) const {
  if (candidate.sketch >= 0 && candidate.sketch < num_sketches()) {
    return Point{candidate.sketch, candidate.setting};
  }
  return candidate.decisions.empty() ? std::nullopt : Find(candidate.decisions);
}

Candidate SearchSpace::MakeCandidate(const Point& point, std::string origin) const {
  const Sketch& sketch = *space_[point.sketch];
  return {point.sketch, point.setting, DecisionsText(sketch, point.setting),
          sketch.Instantiate(point.setting), std::move(origin)};
}

}  // namespace lathe
