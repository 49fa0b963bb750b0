// How fast candidates are scored and trees trained: Sketch::Model, FeaturesOf and
// XGBoost's prediction, as a search calls them.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "compiler/analysis/features.h"
#include "compiler/base/check.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"
#include "tuner/boosted_trees.h"

namespace lathe {
namespace {

constexpr int kBatch = 1000;  // candidates, as evolution scores them

struct Fixture {
  explicit Fixture(const char* op) {
    auto parsed = ParseTarget("host");
    CHECK(parsed.ok());
    target = *parsed;
    auto function = BuildOperator(op);
    CHECK(function.ok()) << function.status();
    auto sketches = SketchesOf(*function, {target, 1});
    CHECK(sketches.ok()) << sketches.status();
    space = *std::move(sketches);
    std::mt19937_64 rng(1);
    for (int c = 0; c < kBatch; ++c) {
      const Sketch& sketch = *space[rng() % space.size()];
      candidates.emplace_back(&sketch, SampleSetting(sketch, rng));
    }
  }

  std::vector<float> Features() const {
    std::vector<float> features;
    for (const auto& [sketch, setting] : candidates) {
      std::vector<float> row = FeaturesOf(sketch->Model(setting), target, 1);
      features.insert(features.end(), row.begin(), row.end());
    }
    return features;
  }

  // Rows whose times are the estimate's, somewhat moved.
  std::vector<TrainingRow> Rows(size_t count) const {
    std::mt19937_64 rng(2);
    const std::vector<float> features = Features();
    const size_t width = FeatureNames().size();
    std::vector<TrainingRow> rows;
    for (size_t r = 0; r < count; ++r) {
      auto first = features.begin() + static_cast<ptrdiff_t>(r % kBatch * width);
      TrainingRow row{std::to_string(r / 100), {first, first + static_cast<ptrdiff_t>(width)}, 0};
      row.seconds = std::exp2(row.features[0] + static_cast<double>(rng() % 1000) / 1000);
      rows.push_back(std::move(row));
    }
    return rows;
  }

  Target target;
  Space space;
  std::vector<std::pair<const Sketch*, Setting>> candidates;
};

const char* const kFunctions[] = {"matmul(m=512,n=512,k=512)",
                                  "conv2d(h=56,w=56,c=64,o=64,padding=1)",
                                  "softmax(rows=512,columns=1024)"};

void BM_Model(benchmark::State& state) {
  Fixture fixture(kFunctions[state.range(0)]);
  for (auto _ : state) {
    for (const auto& [sketch, setting] : fixture.candidates) {
      benchmark::DoNotOptimize(sketch->Model(setting));
    }
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.SetLabel(kFunctions[state.range(0)]);
}
BENCHMARK(BM_Model)->DenseRange(0, 2);

void BM_ModelAndFeatures(benchmark::State& state) {
  Fixture fixture(kFunctions[state.range(0)]);
  for (auto _ : state) benchmark::DoNotOptimize(fixture.Features());
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.SetLabel(kFunctions[state.range(0)]);
}
BENCHMARK(BM_ModelAndFeatures)->DenseRange(0, 2);

// The whole of it: items per second are candidates scored by one core.
void BM_Score(benchmark::State& state) {
  Fixture fixture(kFunctions[state.range(0)]);
  BoostedTrees trees(1);
  CHECK(trees.Train(fixture.Rows(500)).ok());
  for (auto _ : state) benchmark::DoNotOptimize(trees.Score(fixture.Features()));
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.SetLabel(kFunctions[state.range(0)]);
}
BENCHMARK(BM_Score)->DenseRange(0, 2);

void BM_Train(benchmark::State& state) {
  Fixture fixture(kFunctions[0]);
  const std::vector<TrainingRow> rows = fixture.Rows(static_cast<size_t>(state.range(0)));
  BoostedTrees trees(1);
  for (auto _ : state) CHECK(trees.Train(rows).ok());
}
BENCHMARK(BM_Train)->Arg(128)->Arg(400)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lathe

BENCHMARK_MAIN();
