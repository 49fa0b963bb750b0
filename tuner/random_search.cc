#include <utility>

#include "absl/strings/str_cat.h"
#include "tuner/search.h"
#include "tuner/search_space.h"

namespace lathe {
namespace {

class RandomSearch : public Search {
 public:
  RandomSearch(const Space* space, uint64_t seed) : space_(space), seed_(seed), rng_(seed) {}

  std::string name() const override { return absl::StrCat("random seed=", seed_); }

  std::vector<Candidate> Suggest(int n) override {
    std::vector<Candidate> candidates;
    while (static_cast<int>(candidates.size()) < n && next_analytic_ < space_.num_sketches()) {
      Add(space_.Analytic(next_analytic_++), "analytic", candidates);
    }
    // Bounded, so that a small space ends the search instead of looping.
    for (int misses = 0; static_cast<int>(candidates.size()) < n && misses < 1000;) {
      if (!Add(space_.Sample(rng_), "random", candidates)) ++misses;
    }
    return candidates;
  }

  void Update(absl::Span<const Outcome> outcomes) override {
    for (const Outcome& outcome : outcomes) {
      if (auto point = space_.Locate(outcome.candidate)) space_.See(*point);
    }
  }

 private:
  // False if the candidate was suggested before.
  bool Add(const Point& point, std::string origin, std::vector<Candidate>& candidates) {
    if (!space_.See(point)) return false;
    candidates.push_back(space_.MakeCandidate(point, std::move(origin)));
    return true;
  }

  SearchSpace space_;
  const uint64_t seed_;
  std::mt19937_64 rng_;
  int next_analytic_ = 0;
};

}  // namespace

std::unique_ptr<Search> NewRandomSearch(const Space* space, uint64_t seed) {
  return std::make_unique<RandomSearch>(space, seed);
}

}  // namespace lathe
