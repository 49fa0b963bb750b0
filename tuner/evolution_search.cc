// Searches for comparison: model-free evolution, to show what a cost model gains, and
// random, which never breeds.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tuner/search.h"
#include "tuner/search_space.h"

namespace lathe {
namespace {

constexpr size_t kPopulation = 24;  // the fastest measured ones
constexpr int kInitial = 16;        // drawn at random before there is a population
constexpr uint64_t kFreshPercent = 15;
constexpr uint64_t kCrossPercent = 40;
constexpr int kTournament = 3;

class EvolutionSearch : public Search {
 public:
  EvolutionSearch(const Space* space, uint64_t seed, bool breeds)
      : space_(space), seed_(seed), breeds_(breeds), rng_(seed) {}

  std::string name() const override {
    return absl::StrCat(breeds_ ? "evolution" : "random", " seed=", seed_);
  }

  std::vector<Candidate> Suggest(int n) override {
    std::vector<Candidate> candidates;
    while (static_cast<int>(candidates.size()) < n && next_analytic_ < space_.num_sketches()) {
      Add(space_.Analytic(next_analytic_++), "analytic", candidates);
    }
    // Bounded, so that a small space ends the search instead of looping.
    for (int misses = 0; static_cast<int>(candidates.size()) < n && misses < 1000;) {
      bool draw =
          !breeds_ || drawn_ < kInitial || population_.empty() || rng_() % 100 < kFreshPercent;
      bool added = draw ? Add(space_.Sample(rng_), "random", candidates)
                        : Add(Child(), "evolution", candidates);
      if (added && draw) ++drawn_;
      if (!added) ++misses;
    }
    return candidates;
  }

  void Update(absl::Span<const Outcome> outcomes) override {
    for (const Outcome& outcome : outcomes) {
      auto point = space_.Locate(outcome.candidate);
      if (!point) continue;
      space_.See(*point);
      if (outcome.ok) population_.emplace_back(outcome.seconds, *std::move(point));
    }
    std::stable_sort(population_.begin(), population_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    population_.resize(std::min(population_.size(), kPopulation));
  }

 private:
  const Point& Parent() {
    size_t best = population_.size();
    for (int i = 0; i < kTournament; ++i)
      best = std::min<size_t>(best, rng_() % population_.size());
    return population_[best].second;
  }

  Point Child() {
    const Point& a = Parent();
    if (rng_() % 100 >= kCrossPercent) return space_.Mutate(a, rng_);
    const Point& b = Parent();
    return a.sketch == b.sketch && a != b ? space_.Cross(a, b, rng_) : space_.Mutate(a, rng_);
  }

  // False if the candidate was suggested before.
  bool Add(const Point& point, std::string origin, std::vector<Candidate>& candidates) {
    if (!space_.See(point)) return false;
    candidates.push_back(space_.MakeCandidate(point, std::move(origin)));
    return true;
  }

  SearchSpace space_;
  const uint64_t seed_;
  const bool breeds_;
  std::mt19937_64 rng_;
  int next_analytic_ = 0, drawn_ = 0;
  std::vector<std::pair<double, Point>> population_;  // fastest first
};

}  // namespace

std::unique_ptr<Search> NewEvolutionSearch(const Space* space, uint64_t seed) {
  return std::make_unique<EvolutionSearch>(space, seed, /*breeds=*/true);
}

std::unique_ptr<Search> NewRandomSearch(const Space* space, uint64_t seed) {
  return std::make_unique<EvolutionSearch>(space, seed, /*breeds=*/false);
}

}  // namespace lathe
