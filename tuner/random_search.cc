#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tuner/search.h"

namespace lathe {
namespace {

class RandomSearch : public Search {
 public:
  RandomSearch(const std::vector<std::unique_ptr<Sketch>>* space, uint64_t seed)
      : space_(*space), seed_(seed), rng_(seed) {}

  std::string name() const override { return absl::StrCat("random seed=", seed_); }

  std::vector<Candidate> Suggest(int n) override {
    std::vector<Candidate> candidates;
    while (static_cast<int>(candidates.size()) < n && next_analytic_ < space_.size()) {
      int sketch = static_cast<int>(next_analytic_++);
      Add(sketch, space_[sketch]->Analytic(), "analytic", candidates);
    }
    // Bounded, so that a small space ends the search instead of looping.
    for (int misses = 0; static_cast<int>(candidates.size()) < n && misses < 1000;) {
      int sketch = static_cast<int>(rng_() % space_.size());
      if (!Add(sketch, SampleSetting(*space_[sketch], rng_), "random", candidates)) ++misses;
    }
    return candidates;
  }

  void Update(absl::Span<const Outcome>) override {}

 private:
  // False if the candidate was suggested before.
  bool Add(int sketch, Setting setting, std::string origin, std::vector<Candidate>& candidates) {
    if (!suggested_.emplace(sketch, setting).second) return false;
    std::string decisions = DecisionsText(*space_[sketch], setting);
    Trace trace = space_[sketch]->Instantiate(setting);
    candidates.push_back(
        {sketch, std::move(setting), std::move(decisions), std::move(trace), std::move(origin)});
    return true;
  }

  const std::vector<std::unique_ptr<Sketch>>& space_;
  const uint64_t seed_;
  std::mt19937_64 rng_;
  size_t next_analytic_ = 0;
  std::set<std::pair<int, Setting>> suggested_;
};

}  // namespace

std::unique_ptr<Search> NewRandomSearch(const std::vector<std::unique_ptr<Sketch>>* space,
                                        uint64_t seed) {
  return std::make_unique<RandomSearch>(space, seed);
}

}  // namespace lathe
