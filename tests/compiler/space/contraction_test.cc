// The rules for contractions on all operators and on random functions: every
// legal setting replays, verifies, lowers, and computes what the naive program
// computes.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compiler/loop/lower.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/loop/verify.h"
#include "compiler/space/space.h"
#include "compiler/tensor/operators.h"
#include "tests/testing/effort.h"
#include "tests/testing/equivalence.h"
#include "tests/testing/functions.h"
#include "tests/testing/operator_cases.h"

namespace lathe {
namespace {

constexpr uint64_t kSeed = 23;
constexpr const char* kTargets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};

bool IsContraction(const Sketch& sketch) {
  for (std::string_view part : {"tiled", "streamed", "dot"}) {
    if (sketch.name().find(part) != std::string_view::npos) return true;
  }
  return false;
}

void CheckSetting(const Program& naive, const Sketch& sketch, const Setting& setting,
                  uint64_t seed) {
  SCOPED_TRACE(DecisionsText(sketch, setting));
  ASSERT_TRUE(sketch.IsLegal(setting));
  absl::StatusOr<Program> scheduled = Replay(naive, sketch.Instantiate(setting));
  ASSERT_TRUE(scheduled.ok()) << scheduled.status();
  ASSERT_TRUE(Verify(*scheduled).ok()) << Verify(*scheduled);
  absl::StatusOr<Program> lowered = Lower(*scheduled);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  ASSERT_TRUE(Verify(*lowered).ok()) << Verify(*lowered);
  absl::Status same = testing::SameResults(naive, *lowered, seed);
  EXPECT_TRUE(same.ok()) << same;
}

// Some settings of each contraction sketch, on each target.
void CheckFunction(const Function& function, int settings, std::mt19937_64& rng) {
  SCOPED_TRACE(ToText(function));
  absl::StatusOr<Program> naive = BuildNaive(function);
  ASSERT_TRUE(naive.ok()) << naive.status();
  for (const char* target : kTargets) {
    SpaceOptions options{*ParseTarget(target), static_cast<int>(1 + rng() % 3)};
    SCOPED_TRACE(::testing::Message() << target << " threads=" << options.threads);
    absl::StatusOr<Space> space = SketchesOf(function, options);
    ASSERT_TRUE(space.ok()) << space.status();
    for (const auto& sketch : *space) {
      if (!IsContraction(*sketch)) continue;
      CheckSetting(*naive, *sketch, sketch->Analytic(), rng());
      for (int i = 0; i < settings; ++i) {
        CheckSetting(*naive, *sketch, SampleSetting(*sketch, rng), rng());
      }
    }
  }
}

TEST(ContractionTest, SettingsOfAllOperatorsComputeWhatNaiveComputes) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  int number = 0;
  for (const std::string& spec : testing::OperatorCases()) {
    if (!kAllCases && number++ % 16 != 0) continue;
    SCOPED_TRACE(spec);
    absl::StatusOr<Function> function = BuildOperator(spec);
    ASSERT_TRUE(function.ok()) << function.status();
    CheckFunction(*function, 2, rng);
  }
}

// Shapes of many vectors have panels and blocks that small ones do not; they are too large
// to interpret.
TEST(ContractionTest, SettingsOfLargeShapesReplay) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  for (const char* spec :
       {"depthwise_conv2d(h=7,w=28,c=512,padding=1)", "matmul(m=100,n=512,k=320,bias=1,relu=1)",
        "conv2d(h=14,w=14,c=48,o=96,r=3,s=3,padding=1)", "batch_matmul(batch=3,m=96,n=80,k=64)"}) {
    Function function = *BuildOperator(spec);
    Program naive = *BuildNaive(function);
    for (const char* target : kTargets) {
      absl::StatusOr<Space> space = SketchesOf(function, {*ParseTarget(target), 1});
      ASSERT_TRUE(space.ok()) << space.status();
      for (const auto& sketch : *space) {
        for (int i = 0; i < (kAllCases ? 60 : 10); ++i) {
          Setting setting = SampleSetting(*sketch, rng);
          absl::StatusOr<Program> scheduled = Replay(naive, sketch->Instantiate(setting));
          EXPECT_TRUE(scheduled.ok()) << spec << " " << DecisionsText(*sketch, setting) << "\n"
                                      << scheduled.status();
        }
      }
    }
  }
}

// Bias, maximum and the like run with the last block of the reduction.
TEST(ContractionTest, StreamedConsumersRunInTheLastBlock) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  const char* functions[] = {
      "func f(x: f32[1, 50], w: f32[50, 70], b: f32[70]) -> (y) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j] + b[j], 0)\n}\n",
      "func f(x: f32[5, 37], w: f32[37, 40]) -> (t, y, z) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[i, j] = max(t[i, j], 0)\n"
      "  z[i, j] = t[i, j] * y[i, j]\n}\n",
      "func f(x: f32[3, 4, 24], w: f32[3, 24, 33]) -> (y) {\n"
      "  t[b, i, j] = sum(k) x[b, i, k] * w[b, k, j]\n  y[b, i, j] = t[b, i, j] * 2\n}\n",
      "func f(x: f32[6, 30], w: f32[30, 48]) -> (y) {\n"
      "  t[i, j] = sum(k) x[i, k] * w[k, j]\n  y[j, i] = t[i, j] + 1\n}\n",
  };
  int in_block = 0, in_place = 0;
  for (const char* text : functions) {
    Function function = Parse(text);
    SCOPED_TRACE(text);
    absl::StatusOr<Program> naive = BuildNaive(function);
    ASSERT_TRUE(naive.ok()) << naive.status();
    SpaceOptions options{*ParseTarget(kTargets[rng() % 3]), static_cast<int>(1 + rng() % 4)};
    absl::StatusOr<Space> space = SketchesOf(function, options);
    ASSERT_TRUE(space.ok()) << space.status();
    for (const auto& sketch : *space) {
      if (sketch->name() != "streamed") continue;
      for (int i = 0; i < (kAllCases ? 60 : 6); ++i) {
        Setting setting = SampleSetting(*sketch, rng);
        std::string decisions = DecisionsText(*sketch, setting);
        in_block += decisions.find("epilogue=1") != std::string::npos;
        in_place += decisions.find("epilogue=2") != std::string::npos;
        CheckSetting(*naive, *sketch, setting, rng());
      }
    }
  }
  EXPECT_GT(in_block, 0);
  EXPECT_GT(in_place, 0);
}

// What a lowered program does in its reductions.
class UpdateCounter : public StmtVisitor {
 public:
  double updates = 0;   // of scalars, surplus lanes included
  int64_t in_code = 0;  // statements

 protected:
  void VisitFor(const For& node) override {
    runs_ *= static_cast<double>(node.extent);
    StmtVisitor::VisitFor(node);
    runs_ /= static_cast<double>(node.extent);
  }
  void VisitStore(const Store& node) override {
    if (node.role != StoreRole::kUpdate) return;
    updates += runs_ * node.value.type().lanes;
    ++in_code;
  }

 private:
  double runs_ = 1;
};

// The nest of the register tile in numbers against the lowered program.
TEST(ContractionTest, ModelsCountWhatTheProgramDoes) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(kSeed));
  std::mt19937_64 rng(kSeed);
  SpaceOptions options{*ParseTarget("x86-64-v4"), 1};
  for (bool even : {true, false}) {
    Function function = even ? Matmul(48, 192, 16) : Matmul(37, 83, 19);
    absl::StatusOr<Program> naive = BuildNaive(function);
    absl::StatusOr<Space> space = SketchesOf(function, options);
    ASSERT_TRUE(naive.ok() && space.ok());
    for (const auto& sketch : *space) {
      if (sketch->name() != "tiled") continue;
      for (int i = 0; i < 100; ++i) {
        Setting setting = SampleSetting(*sketch, rng);
        std::string decisions = DecisionsText(*sketch, setting);
        SCOPED_TRACE(decisions);
        if (decisions.find("tail=1") != std::string::npos) continue;
        ScheduleModel model = sketch->Model(setting);
        const NestModel* tile = nullptr;
        for (const NestModel& nest : model.nests) {
          if (nest.accumulators > 0) tile = &nest;
        }
        ASSERT_NE(tile, nullptr);
        double trips = 1, body = 1;
        bool whole = true;
        for (const ModelLoop& loop : tile->loops) {
          trips *= loop.trips;
          if (loop.kind == ModelLoopKind::kUnrolled) body *= loop.trips;
          if (loop.kind == ModelLoopKind::kVector) body *= loop.trips / 16;
          whole = whole && loop.trips == std::floor(loop.trips);
        }
        absl::StatusOr<Program> scheduled = Replay(*naive, sketch->Instantiate(setting));
        ASSERT_TRUE(scheduled.ok()) << scheduled.status();
        absl::StatusOr<Program> lowered = Lower(*scheduled);
        ASSERT_TRUE(lowered.ok()) << lowered.status();
        UpdateCounter counter;
        counter.Visit(lowered->body);
        EXPECT_NEAR(counter.updates, trips, 1e-6 * trips);
        if (even && whole) {
          EXPECT_EQ(static_cast<double>(counter.in_code), body);
        }
        EXPECT_LE(tile->accumulators, body);
      }
    }
  }
}

}  // namespace
}  // namespace lathe
