// Search strategies on a real space with a made-up device: what they suggest, and
// that the same calls give the same suggestions.
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "compiler/analysis/schedule_model.h"
#include "compiler/tensor/operators.h"
#include "database/lookup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tuner/coordinate_descent.h"
#include "tuner/forecast.h"
#include "tuner/model_search.h"
#include "tuner/transfer.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct TestSpace {
  explicit TestSpace(const std::string& op = "op:matmul(m=96,n=128,k=64)") {
    options.target = ParseTarget("x86-64-v3").value();
    function = Canonicalize(BuildOperator(op.substr(3)).value()).function;
    space = SketchesOf(function, options).value();
  }
  SpaceOptions options;
  Function function;
  Space space;
};

// A landscape that the estimate does not know: each knob has its own best place.
double Seconds(const Space& space, const Candidate& candidate) {
  std::optional<std::pair<int, Setting>> found = FindSetting(space, candidate.decisions);
  EXPECT_TRUE(found.has_value()) << candidate.decisions;
  const std::vector<Knob>& knobs = space[found->first]->knobs();
  double seconds = 1e-3 * (1 + 0.1 * found->first);
  for (size_t k = 0; k < knobs.size(); ++k) {
    double place =
        knobs[k].domain.size() < 2 ? 0 : 1.0 * found->second[k] / (knobs[k].domain.size() - 1);
    double best = static_cast<double>((7 * k + 3) % 10) / 10;
    seconds *= 1 + 0.5 * (place - best) * (place - best);
  }
  return seconds;
}

Outcome OkOutcome(Candidate candidate, double seconds) {
  return {std::move(candidate), true, seconds, 0.99 * seconds, 1.01 * seconds};
}

// Best time after `trials`, everything that was suggested, and the journal's calls.
struct RunOf {
  double best = 1e9;
  std::vector<std::string> decisions;
  int64_t repeats = 0;
};
RunOf Drive(const TestSpace& test, Search& search, int trials) {
  RunOf run;
  while (static_cast<int>(run.decisions.size()) < trials) {
    std::vector<Candidate> candidates = search.Suggest(4);
    if (candidates.empty()) break;
    for (Candidate& candidate : candidates) {
      if (candidate.repeat) {
        ++run.repeats;
      } else {
        run.decisions.push_back(candidate.decisions);
      }
      double seconds = Seconds(test.space, candidate);
      run.best = std::min(run.best, seconds);
      Outcome outcome = OkOutcome(std::move(candidate), seconds);
      search.Update({&outcome, 1});
    }
  }
  return run;
}

std::unique_ptr<Search> ModelSearch(const TestSpace& test, uint64_t seed,
                                    std::vector<std::string> transferred = {}) {
  ModelSearchOptions options;
  options.space = test.options;
  options.seed = seed;
  options.learner = NewBoostedTrees(seed);
  options.transferred = std::move(transferred);
  return NewModelSearch(&test.space, std::move(options));
}

using MakeSearch = std::function<std::unique_ptr<Search>(const TestSpace&, uint64_t seed)>;
const std::map<std::string, MakeSearch> kSearches = {
    {"random", [](const TestSpace& t, uint64_t seed) { return NewRandomSearch(&t.space, seed); }},
    {"evolution",
     [](const TestSpace& t, uint64_t seed) { return NewEvolutionSearch(&t.space, seed); }},
    {"model", [](const TestSpace& t, uint64_t seed) { return ModelSearch(t, seed); }}};

TEST(Searches, NeverSuggestTwiceAndRepeatThemselvesExactly) {
  TestSpace test;
  for (const auto& [name, make] : kSearches) {
    auto first = make(test, 5), second = make(test, 5), other = make(test, 6);
    RunOf a = Drive(test, *first, 60), b = Drive(test, *second, 60), c = Drive(test, *other, 60);
    EXPECT_EQ(a.decisions, b.decisions) << name;
    EXPECT_NE(a.decisions, c.decisions) << name;
    std::set<std::string> distinct(a.decisions.begin(), a.decisions.end());
    EXPECT_EQ(distinct.size(), a.decisions.size()) << name;
    EXPECT_THAT(first->name(), HasSubstr("seed=5"));
  }
}

TEST(Searches, ASmallSpaceIsExhausted) {
  TestSpace test("op:matmul(m=2,n=8,k=2)");
  for (const auto& [name, make] : kSearches) {
    auto search = make(test, 1);
    RunOf run = Drive(test, *search, 1 << 20);
    EXPECT_GT(run.decisions.size(), 0u) << name;
    EXPECT_THAT(search->Suggest(1), IsEmpty()) << name;
  }
}

TEST(Searches, WhatIsKnownFromEarlierRunsIsNotSuggestedAgain) {
  TestSpace test;
  for (const auto& [name, make] : kSearches) {
    auto first = make(test, 1), later = make(test, 2);
    RunOf known = Drive(test, *first, 20);
    for (const std::string& decisions : known.decisions) {
      Candidate candidate{-1, {}, decisions, {}, "resumed"};
      Outcome outcome = OkOutcome(candidate, Seconds(test.space, candidate));
      later->Update({&outcome, 1});
    }
    for (const std::string& decisions : Drive(test, *later, 30).decisions) {
      EXPECT_THAT(known.decisions, ::testing::Not(::testing::Contains(decisions))) << name;
    }
  }
}

TEST(ModelSearch, FindsWhatTheEstimateDoesNotKnow) {
  TestSpace test;
  double random = 0, model = 0;
  for (uint64_t seed : {1, 2, 3}) {
    random += Drive(test, *kSearches.at("random")(test, seed), 64).best;
    model += Drive(test, *kSearches.at("model")(test, seed), 64).best;
  }
  EXPECT_LT(model, random);
}

TEST(ModelSearch, BeginsWithWhatWasBestElsewhere) {
  TestSpace test;
  std::mt19937_64 rng(9);
  const Sketch& sketch = *test.space.front();
  std::string other = DecisionsText(sketch, SampleSetting(sketch, rng));
  auto search = ModelSearch(test, 1, {"unknown x=1", other});
  std::vector<Candidate> candidates = search->Suggest(2);
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0].decisions, other);
  EXPECT_EQ(candidates[0].origin, "transfer");
  EXPECT_EQ(candidates[1].origin, "analytic");
}

TEST(ModelSearch, ExpectsLessAndLess) {
  TestSpace test;
  auto search = ModelSearch(test, 1);
  EXPECT_FALSE(search->ForecastGain(16).has_value());
  Drive(test, *search, 24);
  double early = search->ForecastGain(16).value();
  Drive(test, *search, 200);
  double late = search->ForecastGain(16).value();
  EXPECT_GT(early, 0);
  EXPECT_LT(late, early);
  EXPECT_LT(late, 0.05);
}

TEST(ModelSearch, FailuresAreLearnedFromAndNoTrouble) {
  TestSpace test;
  auto search = ModelSearch(test, 1);
  for (int i = 0; i < 30; ++i) {
    std::vector<Candidate> candidates = search->Suggest(2);
    ASSERT_FALSE(candidates.empty());
    for (Candidate& candidate : candidates) {
      Outcome outcome{std::move(candidate)};  // not ok, no time
      search->Update({&outcome, 1});
    }
  }
  EXPECT_FALSE(search->Suggest(1).empty());
}

// --- Coordinate descent.

PointTime Time(double seconds, double spread = 0.01) {
  return {seconds, seconds * (1 - spread), seconds * (1 + spread)};
}

TEST(CoordinateDescent, MovesOnlyWhereTheIntervalSaysSo) {
  const Point center{0, {1, 1}}, a{0, {0, 1}}, b{0, {2, 1}};
  CoordinateDescent descent;
  descent.Start(center, Time(1), {a, b});
  EXPECT_EQ(descent.Next()->point, a);
  EXPECT_FALSE(descent.Update(a, Time(1.2), false));
  EXPECT_EQ(descent.Next()->point, b);
  EXPECT_FALSE(descent.Next().has_value());
  EXPECT_TRUE(descent.Update(b, Time(0.9), false));
  EXPECT_EQ(descent.center(), b);
  EXPECT_FALSE(descent.is_active());
}

TEST(CoordinateDescent, MeasuresAgainWhatIsUndecided) {
  const Point center{0, {1}}, a{0, {0}};
  for (double again : {0.9, 0.99}) {
    CoordinateDescent descent;
    descent.Start(center, Time(1), {a});
    descent.Next();
    EXPECT_FALSE(descent.Update(a, Time(0.985), false));
    // Both once more, in any order of results.
    auto first = descent.Next(), second = descent.Next();
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->repeat && second->repeat);
    EXPECT_FALSE(descent.Next().has_value());
    EXPECT_FALSE(first->point == second->point);
    EXPECT_EQ(descent.Update(a, Time(again), true), again == 0.9);
    if (again == 0.9) continue;
    EXPECT_TRUE(descent.is_active());
    EXPECT_FALSE(descent.Update(center, Time(1), true));
    EXPECT_FALSE(descent.is_active());
    EXPECT_EQ(descent.center(), center);
  }
}

TEST(CoordinateDescent, AFullTimeOfTheCentreMayDecide) {
  const Point center{0, {1}}, a{0, {0}};
  CoordinateDescent descent;
  descent.Start(center, Time(1), {a});
  descent.Next();
  descent.Update(a, Time(0.985), false);
  descent.Next();
  descent.Next();
  EXPECT_FALSE(descent.Update(a, Time(0.985), true));
  EXPECT_TRUE(descent.Update(center, Time(1.01), true) ||
              descent.center() == center);  // the intervals just meet or just do not
  EXPECT_FALSE(descent.is_active());
}

// --- Forecasts.

TEST(Forecast, TheRecordSaysWhatTheLatestTrialsGained) {
  std::vector<double> times(16, 1.0);
  EXPECT_EQ(GainOfRecord(times, 8), 1);  // too few
  times.resize(32, 1.0);
  EXPECT_EQ(GainOfRecord(times, 8), 0);
  times.push_back(0.9);
  EXPECT_NEAR(GainOfRecord(times, 8), 0.05, 1e-12);
  std::vector<double> failures(32, std::numeric_limits<double>::infinity());
  EXPECT_EQ(GainOfRecord(failures, 8), 1);
}

TEST(Forecast, ExpectedGainAgreesWithDraws) {
  std::mt19937_64 rng(1);
  const std::vector<double> means = {0.1, 0.05, 0.3};
  const double sigma = 0.1;
  std::normal_distribution<double> normal(0, sigma);
  double sum = 0;
  constexpr int kDraws = 200000;
  for (int i = 0; i < kDraws; ++i) {
    double least = 0;
    for (double mean : means) least = std::min(least, mean + normal(rng));
    sum += 1 - std::exp(least);
  }
  EXPECT_NEAR(ExpectedGain(means, sigma, 0), sum / kDraws, 1e-3);
  EXPECT_EQ(ExpectedGain({}, sigma, 0), 0);
}

// --- Transfer.

TEST(Transfer, DistanceIsThatOfTheExtents) {
  Function a = BuildOperator("matmul(m=64,n=64,k=64)").value();
  Function b = BuildOperator("matmul(m=128,n=64,k=16)").value();
  EXPECT_EQ(FunctionDistance(a, a), 0);
  EXPECT_NEAR(FunctionDistance(a, b), 3, 1e-12);
  EXPECT_EQ(FunctionDistance(b, a), FunctionDistance(a, b));
  EXPECT_TRUE(std::isinf(FunctionDistance(a, BuildOperator("softmax(rows=4,columns=4)").value())));
}

TEST(Transfer, TheNearestOfTheFamilyComesFirst) {
  auto store = NewMemoryStore();
  TestSpace test;
  const std::string sketch(test.space.front()->name());
  auto query = [&](const std::string& op) {
    lathe::Query query;
    query.function = BuildOperator(op).value();
    query.target = test.options.target;
    query.device_kind = "kind";
    return TaskOf(query);
  };
  ASSERT_TRUE(store->PutDevice({"00000000-0000-4000-8000-0000000000d1", "d", "kind", ""}).ok());
  auto add = [&](const std::string& op, const std::string& decisions) {
    Record record;
    record.id = NewUuid();
    record.task = query(op);
    record.trace = ToText(Trace{});
    record.decisions = decisions;
    record.program_hash = std::string(64, 'a');
    record.median = record.ci_low = record.ci_high = record.min = 1;
    record.samples = {1};
    record.calls_per_sample = 1;
    record.device_uuid = "00000000-0000-4000-8000-0000000000d1";
    record.lathe_version = "1";
    record.created_unix_ms = 1;
    absl::Status status = store->AddRecords({record});
    EXPECT_TRUE(status.ok()) << status;
  };
  add("linear_relu(m=96,n=128,k=64)", sketch + " foreign=1");
  add("matmul(m=1024,n=1024,k=1024)", sketch + " far=1");
  add("matmul(m=96,n=128,k=128)", sketch + " near=1");
  add("matmul(m=96,n=128,k=64)", sketch + " itself=1");
  add("matmul(m=96,n=64,k=64)", "other near=1");
  auto found = TransferredDecisions(*store, query("matmul(m=96,n=128,k=64)"), test.space, 8);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(*found, ElementsAre(sketch + " near=1", sketch + " far=1", sketch + " foreign=1"));
}

}  // namespace
}  // namespace lathe
