#include "tuner/model_search.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "tuner/candidate_ranker.h"
#include "tuner/coordinate_descent.h"
#include "tuner/forecast.h"
#include "tuner/search_space.h"

namespace lathe {
namespace {

constexpr size_t kMaxTransferred = 8;
constexpr size_t kMaxAnalytic = 4;      // sketches whose analytic setting comes first
constexpr int kInitialSamples = 1000;   // scored before the first suggestion
constexpr int kBredPerSuggestion = 96;  // scored for each suggestion
constexpr size_t kPoolSize = 512;       // scored and not yet suggested
constexpr size_t kParents = 16;         // fastest measured ones
// Until so many results, at most so many candidates of one sketch in a row of
// that length: what a model holds to be best is often all of one kind.
constexpr int kDiverseUntil = 16;
constexpr int kMostPerSketch = 5;
constexpr uint64_t kFreshPercent = 20, kCrossPercent = 30, kExplorePercent = 10;
// Results without an improvement before coordinate descent, and between two.
constexpr int kPatience = 12;
constexpr size_t kMaxNeighbours = 16;
constexpr int kTrainEvery = 4, kTrainEveryLater = 8, kLater = 48;
constexpr double kImprovement = 0.003;  // less is noise
// How far predictions were off, before there are enough of them to say.
constexpr double kDefaultSigma = 0.25;
constexpr size_t kSigmaWindow = 32;

class ModelSearch : public Search {
 public:
  ModelSearch(const Space* space, ModelSearchOptions options)
      : seed_(options.seed),
        rng_(options.seed),
        space_(space),
        prior_(std::move(options.prior)),
        ranker_(&space_, options.space, prior_.get(), std::move(options.learner)) {
    for (const std::string& decisions : options.transferred) {
      if (first_.size() >= kMaxTransferred) break;
      if (auto point = space_.Refit(decisions)) first_.emplace_back(*std::move(point), "transfer");
    }
    std::vector<Point> analytic;
    for (int s = 0; s < space_.num_sketches(); ++s) analytic.push_back(space_.Analytic(s));
    std::vector<RatedPoint> rated = Ranked(ranker_.Rate(analytic));
    for (size_t i = 0; i < std::min(rated.size(), kMaxAnalytic); ++i) {
      first_.emplace_back(rated[i].point, "analytic");
    }
    std::vector<Point> samples = std::move(analytic);
    for (int i = 0; i < kInitialSamples; ++i) samples.push_back(space_.Sample(rng_));
    AddToPool(std::move(samples));
  }

  std::string name() const override { return absl::StrCat("model seed=", seed_); }

  std::vector<Candidate> Suggest(int n) override {
    std::vector<Candidate> candidates;
    auto wanted = [&] { return n - static_cast<int>(candidates.size()); };
    while (wanted() > 0 && !first_.empty()) {
      auto [point, origin] = std::move(first_.front());
      first_.pop_front();
      Add(point, origin, candidates);
    }
    StartDescentIfDue();
    while (wanted() > 0) {
      std::optional<CoordinateDescent::Step> step = descent_.Next();
      if (!step) break;
      if (step->repeat) {
        candidates.push_back(space_.MakeCandidate(step->point, "descent"));
        candidates.back().repeat = true;
      } else if (!Add(step->point, "descent", candidates)) {
        descent_.Update(step->point, std::nullopt, false);  // another way led there meanwhile
      }
    }
    if (wanted() > 0) Evolve(wanted(), candidates);
    return candidates;
  }

  void Update(absl::Span<const Outcome> outcomes) override {
    for (const Outcome& outcome : outcomes) Learn(outcome);
    const int every = ranker_.num_results() < kLater ? kTrainEvery : kTrainEveryLater;
    if (ranker_.num_results() - trained_ < every) return;
    trained_ = ranker_.num_results();
    ranker_.Train();
  }

  std::optional<double> ForecastGain(int trials) const override {
    if (times_.size() < kDiverseUntil || pool_.empty()) return std::nullopt;
    std::vector<double> logs = ranker_.Predict(pool_);
    auto last = logs.begin() + std::min<std::ptrdiff_t>(trials, std::ssize(logs));
    std::partial_sort(logs.begin(), last, logs.end());
    logs.erase(last, logs.end());
    const Error error = ErrorOfPredictions();
    for (double& log : logs) log += error.bias;
    const double gain = ExpectedGain(logs, error.sigma, std::log(best_seconds_));
    // Measured ones that should have been the best as often as they were are trusted.
    double expected = 0.5, observed = 0.5;
    for (const Promise& promise : promises_) {
      expected += promise.probability;
      observed += promise.kept ? 1 : 0;
    }
    return gain * std::min(1.0, observed / expected);
  }

 private:
  struct Time {
    Point point;
    PointTime time;
  };

  // Of measured against predicted log(seconds).
  struct Error {
    double bias = 0, sigma = kDefaultSigma;
  };
  // That a candidate would be faster than the best, and whether it was.
  struct Promise {
    double probability = 0;
    bool kept = false;
  };

  // What is ranked first tends to be rated too high: the bias is of such ones.
  Error ErrorOfPredictions() const {
    if (errors_.size() < 8) return {};
    auto middle = [](std::vector<double>& values) {
      std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
      return values[values.size() / 2];
    };
    std::vector<double> errors(errors_.begin(), errors_.end());
    Error error;
    error.bias = middle(errors);
    for (double& value : errors) value = std::abs(value - error.bias);
    error.sigma = std::max(1.4826 * middle(errors), 1e-3);
    return error;
  }

  std::vector<RatedPoint> Ranked(std::vector<RatedPoint> points) const {
    const std::vector<double> logs = ranker_.Predict(points);
    std::vector<size_t> order(points.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return logs[a] < logs[b]; });
    std::vector<RatedPoint> ranked;
    for (size_t i : order) ranked.push_back(std::move(points[i]));
    return ranked;
  }

  // False if the candidate was suggested before.
  bool Add(const Point& point, std::string origin, std::vector<Candidate>& candidates) {
    if (!space_.See(point)) return false;
    candidates.push_back(space_.MakeCandidate(point, std::move(origin)));
    return true;
  }

  // --- Evolution.

  void AddToPool(std::vector<Point> points) {
    std::vector<Point> fresh;
    for (Point& point : points) {
      if (!space_.IsSeen(point) && pooled_.insert(point).second) fresh.push_back(std::move(point));
    }
    std::vector<RatedPoint> rated = ranker_.Rate(std::move(fresh));
    std::move(rated.begin(), rated.end(), std::back_inserter(pool_));
  }

  const Point& Parent() {
    // The better the likelier, by the smaller of two draws.
    const size_t size = std::min(times_.size(), kParents);
    return times_[std::min(rng_() % size, rng_() % size)].point;
  }

  void Breed(int children) {
    std::vector<Point> points;
    for (int i = 0; i < children; ++i) {
      if (times_.empty() || rng_() % 100 < kFreshPercent) {
        points.push_back(space_.Sample(rng_));
        continue;
      }
      // One of the measured, or one that was bred before and is rated high.
      const Point& a = pool_.empty() || rng_() % 2 == 0
                           ? Parent()
                           : pool_[rng_() % std::min<size_t>(pool_.size(), kParents)].point;
      const Point& b = Parent();
      bool cross = rng_() % 100 < kCrossPercent && a.sketch == b.sketch && a != b;
      points.push_back(cross ? space_.Cross(a, b, rng_) : space_.Mutate(a, rng_));
    }
    AddToPool(std::move(points));
  }

  void Evolve(int n, std::vector<Candidate>& candidates) {
    Breed(n * kBredPerSuggestion);
    std::erase_if(pool_, [this](const RatedPoint& p) { return space_.IsSeen(p.point); });
    pool_ = Ranked(std::move(pool_));
    for (size_t i = kPoolSize; i < pool_.size(); ++i) pooled_.erase(pool_[i].point);
    if (pool_.size() > kPoolSize) pool_.resize(kPoolSize);
    const std::vector<double> logs = ranker_.Predict(pool_);
    std::vector<bool> taken(pool_.size());
    for (size_t next = 0; n > 0; --n) {
      while (next < pool_.size() && (taken[next] || !IsDiverse(pool_[next].point))) ++next;
      size_t chosen = next;
      bool explore = next >= pool_.size() || rng_() % 100 < kExplorePercent;
      if (explore) {
        chosen = 0;
        if (!pool_.empty()) chosen = rng_() % pool_.size();
        for (size_t i = 0; i < pool_.size() && taken[chosen]; ++i)
          chosen = (chosen + 1) % pool_.size();
        if (pool_.empty() || taken[chosen]) break;  // the space is exhausted
      }
      taken[chosen] = true;
      const Point& point = pool_[chosen].point;
      ++by_sketch_[point.sketch];
      if (Add(point, explore ? "explore" : "evolution", candidates) && ranker_.is_calibrated()) {
        predicted_[point] = logs[chosen];
      }
    }
    size_t kept = 0;
    for (size_t i = 0; i < pool_.size(); ++i) {
      if (!taken[i] && kept != i) pool_[kept] = std::move(pool_[i]);
      if (!taken[i]) ++kept;
    }
    pool_.resize(kept);
  }

  bool IsDiverse(const Point& point) const {
    if (ranker_.num_results() >= kDiverseUntil) return true;
    auto count = by_sketch_.find(point.sketch);
    return count == by_sketch_.end() || count->second < kMostPerSketch;
  }

  // --- Learning.

  void Learn(const Outcome& outcome) {
    std::optional<Point> point = space_.Locate(outcome.candidate);
    if (!point) return;
    space_.See(*point);
    std::optional<PointTime> time;
    if (outcome.ok) time = PointTime{outcome.seconds, outcome.ci_low, outcome.ci_high};
    if (!outcome.candidate.repeat) LearnFirst(*point, outcome);
    if (time) Rank(*point, *time);
    if (descent_.Update(*point, time, outcome.candidate.repeat)) {
      StartDescent(descent_.center());  // on from where it moved to
    }
  }

  void LearnFirst(const Point& point, const Outcome& outcome) {
    std::vector<RatedPoint> rated = ranker_.Rate({point});
    if (outcome.seconds > 0) {
      ranker_.AddResult(std::move(rated.front()), std::log(outcome.seconds));
    } else {
      ranker_.AddFailure(std::move(rated.front()));
    }
    auto predicted = predicted_.find(point);
    if (predicted != predicted_.end() && outcome.seconds > 0) {
      const Error error = ErrorOfPredictions();
      const double log_seconds = std::log(outcome.seconds);
      if (best_seconds_ > 0) {
        const double best = std::log(best_seconds_);
        const double above = predicted->second + error.bias - best;
        promises_.push_back({0.5 * std::erfc(above / (error.sigma * std::sqrt(2.0))),
                             outcome.ok && log_seconds < best});
        if (promises_.size() > kSigmaWindow) promises_.pop_front();
      }
      errors_.push_back(log_seconds - predicted->second);
      if (errors_.size() > kSigmaWindow) errors_.pop_front();
    }
    ++since_improvement_;
  }

  // Keeps the times in order, fastest first; the latest of a point counts.
  void Rank(const Point& point, PointTime time) {
    std::erase_if(times_, [&](const Time& known) { return known.point == point; });
    auto slower = std::find_if(times_.begin(), times_.end(), [&](const Time& known) {
      return known.time.seconds > time.seconds;
    });
    times_.insert(slower, {point, time});
    const double best = times_.front().time.seconds;
    if (best_seconds_ == 0 || best < (1 - kImprovement) * best_seconds_) since_improvement_ = 0;
    best_seconds_ = best;
  }

  // --- Coordinate descent.

  void StartDescentIfDue() {
    if (descent_.is_active() || times_.empty() || since_improvement_ < kPatience) return;
    since_improvement_ = 0;
    // The fastest around which nothing was tried yet.
    for (const Time& time : times_) {
      if (time.time.low > times_.front().time.high) return;
      if (!descended_.contains(time.point)) return StartDescent(time.point);
    }
  }

  void StartDescent(const Point& center) {
    descended_.insert(center);
    since_improvement_ = 0;
    auto known = std::find_if(times_.begin(), times_.end(),
                              [&](const Time& time) { return time.point == center; });
    if (known == times_.end()) return;
    std::vector<Point> fresh;
    for (Point& neighbour : space_.Neighbours(center)) {
      if (!space_.IsSeen(neighbour)) fresh.push_back(std::move(neighbour));
    }
    std::vector<Point> neighbours;
    for (RatedPoint& rated : Ranked(ranker_.Rate(std::move(fresh)))) {
      if (neighbours.size() < kMaxNeighbours) neighbours.push_back(std::move(rated.point));
    }
    descent_.Start(center, known->time, std::move(neighbours));
  }

  const uint64_t seed_;
  std::mt19937_64 rng_;
  SearchSpace space_;
  const std::shared_ptr<const CostModel> prior_;
  CandidateRanker ranker_;
  std::deque<std::pair<Point, std::string>> first_;  // with their origins

  std::vector<RatedPoint> pool_;  // best rated first
  absl::flat_hash_set<Point> pooled_;
  std::map<int, int> by_sketch_;                  // suggested by evolution
  absl::flat_hash_map<Point, double> predicted_;  // log(seconds), when suggested
  std::deque<double> errors_;                     // measured - predicted, latest last

  std::deque<Promise> promises_;  // the same
  std::vector<Time> times_;       // of what was ok, fastest first
  double best_seconds_ = 0;
  int since_improvement_ = 0, trained_ = 0;
  CoordinateDescent descent_;
  absl::flat_hash_set<Point> descended_;
};

}  // namespace

std::unique_ptr<Search> NewModelSearch(const Space* space, ModelSearchOptions options) {
  return std::make_unique<ModelSearch>(space, std::move(options));
}

}  // namespace lathe
