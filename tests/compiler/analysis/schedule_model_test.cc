// Estimates and features of schedules, on models written by hand.
#include "compiler/analysis/schedule_model.h"

#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "compiler/analysis/features.h"
#include "compiler/analysis/nest_cost.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using testing::DoubleNear;

constexpr ModelLoopKind kSerial = ModelLoopKind::kSerial, kVector = ModelLoopKind::kVector,
                        kUnrolled = ModelLoopKind::kUnrolled, kParallel = ModelLoopKind::kParallel;

Target Avx512() {
  Target target;
  target.vector_bits = 512;
  target.vector_registers = 32;
  target.l1_bytes = 32 << 10;
  target.l2_bytes = 1 << 20;
  target.l3_bytes = 32 << 20;
  return target;
}

struct MatmulSchedule {
  int64_t size = 512;
  int64_t rows = 6, vectors = 4, unroll = 1;
  bool packed = false;  // B in panels, copied first
  int spare = 0;        // more registers
};

// C[i, j] = sum(k) A[i, k] * B[k, j] of f32: loops j.o, i.o, k.o, k.i, i.i, j.v.
ScheduleModel Matmul(const MatmulSchedule& s) {
  const double n = static_cast<double>(s.size);
  const int64_t columns = 16 * s.vectors, size = s.size;
  const double panels = n / static_cast<double>(columns), tiles = n / static_cast<double>(s.rows);
  ScheduleModel model;
  if (s.packed) {
    NestModel copy;
    copy.loops = {{panels, kSerial}, {n, kSerial}, {static_cast<double>(columns), kVector}};
    copy.accesses = {{1, 4, false, {columns, size, 1}}, {3, 4, true, {size * columns, columns, 1}}};
    model.nests.push_back(copy);
  }
  NestModel main;
  main.loops = {{panels, kSerial},
                {tiles, kSerial},
                {n / static_cast<double>(s.unroll), kSerial, true},
                {static_cast<double>(s.unroll), kUnrolled, true},
                {static_cast<double>(s.rows), kUnrolled},
                {static_cast<double>(columns), kVector}};
  main.accesses = {{0, 4, false, {0, s.rows * size, s.unroll, 1, size, 0}}};
  if (s.packed) {
    main.accesses.push_back({3, 4, false, {size * columns, 0, s.unroll * columns, columns, 0, 1}});
  } else {
    main.accesses.push_back({1, 4, false, {columns, 0, s.unroll * size, size, 0, 1}});
  }
  main.multiply_adds = 1;
  main.accumulators = static_cast<int>(s.rows * s.vectors);
  main.live_vectors = main.accumulators + static_cast<int>(s.vectors) + 1 + s.spare;
  model.nests.push_back(main);
  NestModel store;
  store.loops = {main.loops[0], main.loops[1], main.loops[4], main.loops[5]};
  store.accesses = {{2, 4, true, {columns, s.rows * size, size, 1}}};
  store.shared_loops = 2;
  model.nests.push_back(store);
  return model;
}

double Estimate(const MatmulSchedule& schedule) {
  return EstimateSeconds(Matmul(schedule), Avx512(), 1);
}

// One pass over `bytes` of f32, in `rows` rows, `passes` times.
ScheduleModel Sweep(double bytes, double passes) {
  ScheduleModel model;
  NestModel nest;
  nest.loops = {{passes, kSerial}, {bytes / 64, kSerial}, {16, kVector}};
  nest.accesses = {{0, 4, false, {0, 16, 1}}};
  nest.arithmetic = 1;
  model.nests = {nest};
  return model;
}

NestTraffic TrafficOfOne(const ScheduleModel& model) {
  return CostsOf(model, Avx512(), 1).front().traffic;
}

TEST(Traffic, DataThatFitsIsThereFromTheCallBefore) {
  NestTraffic traffic = TrafficOfOne(Sweep(16 << 10, 8));
  EXPECT_EQ(traffic.bytes[kFromL2], 0);
  EXPECT_EQ(traffic.footprint_bytes, 16 << 10);
  traffic = TrafficOfOne(Sweep(256 << 10, 8));
  EXPECT_EQ(traffic.bytes[kFromL2], 8 * (256 << 10));
  EXPECT_EQ(traffic.bytes[kFromL3], 0);
}

TEST(Traffic, WhatDoesNotFitComesAgainInEachPass) {
  NestTraffic traffic = TrafficOfOne(Sweep(128 << 20, 3));
  EXPECT_EQ(traffic.bytes[kFromMemory], 3.0 * (128 << 20));
}

TEST(Traffic, WritesComeAndGo) {
  ScheduleModel model = Sweep(128 << 20, 1);
  model.nests[0].accesses[0].write = true;
  EXPECT_EQ(TrafficOfOne(model).bytes[kFromMemory], 2.0 * (128 << 20));
  // Read and written in place: the same lines.
  model.nests[0].accesses.push_back(model.nests[0].accesses[0]);
  model.nests[0].accesses[0].write = false;
  EXPECT_EQ(TrafficOfOne(model).bytes[kFromMemory], 2.0 * (128 << 20));
}

TEST(Traffic, RowsThatShareTheirSetsDoNotStay) {
  // 64 rows of one line: 4 KiB, but of one set each way where they are 4 KiB apart.
  auto rows_apart = [](int64_t pitch) {
    ScheduleModel model;
    NestModel nest;
    nest.loops = {{100, kSerial}, {64, kSerial}, {16, kVector}};
    nest.accesses = {{0, 4, false, {0, pitch, 1}}};
    model.nests = {nest};
    // Another buffer, so that not everything fits from call to call.
    model.nests.push_back(Sweep(64 << 10, 1).nests[0]);
    model.nests[1].accesses[0].buffer = 1;
    return TrafficOfOne(model).bytes[kFromL2];
  };
  EXPECT_LE(rows_apart(1040), 64 * 64);
  EXPECT_EQ(rows_apart(1024), 100 * 64 * 64);
}

TEST(Traffic, NestsOfSharedLoopsFindWhatTheyShare) {
  auto two_passes = [](int shared) {
    ScheduleModel model;
    NestModel nest;
    nest.loops = {{1024, kSerial}, {64, kSerial}, {16, kVector}};
    nest.accesses = {{0, 4, false, {1024, 16, 1}}};
    model.nests = {nest, nest};
    model.nests[1].shared_loops = shared;
    return CostsOf(model, Avx512(), 1)[1].traffic.bytes[kFromL2];
  };
  EXPECT_EQ(two_passes(0), 4 << 20);  // the second pass begins after the first one's end
  EXPECT_EQ(two_passes(1), 0);        // row by row
}

TEST(Estimate, LargeTilesBeatSmallOnes) {
  EXPECT_LT(Estimate({.rows = 6, .vectors = 4}), Estimate({.rows = 2, .vectors = 2}));
  EXPECT_LT(Estimate({.rows = 2, .vectors = 2}), Estimate({.rows = 1, .vectors = 1}));
  EXPECT_LT(Estimate({.rows = 8, .vectors = 3}), Estimate({.rows = 24, .vectors = 1}) * 1.001);
}

TEST(Estimate, SpillsAreACliff) {
  const MatmulSchedule good{.rows = 14, .vectors = 2}, spilled{.rows = 16, .vectors = 2};
  EXPECT_GT(Estimate(spilled), 1.2 * Estimate(good));
}

TEST(Estimate, PackingPaysWhereRowsAreFarApart) {
  EXPECT_LT(Estimate({.size = 1024, .packed = true}), Estimate({.size = 1024}));
  EXPECT_GT(Estimate({.size = 64, .packed = true}), Estimate({.size = 64}));
}

TEST(Estimate, VectorsBeatScalarsAndStridedVectors) {
  auto sum = [](ModelLoopKind kind, int64_t stride) {
    ScheduleModel model;
    NestModel nest;
    nest.loops = {{256, kSerial}, {16, kind}};
    nest.accesses = {{0, 4, false, {16 * stride, stride}}, {1, 4, true, {16, 1}}};
    nest.arithmetic = 1;
    model.nests = {nest};
    return EstimateSeconds(model, Avx512(), 1);
  };
  EXPECT_LT(sum(kVector, 1), 0.5 * sum(kSerial, 1));
  EXPECT_LT(sum(kVector, 1), 0.5 * sum(kVector, 3));
}

TEST(Estimate, ThreadsShareEvenlyOrNot) {
  auto seconds = [](double blocks, int threads) {
    ScheduleModel model = Matmul({});
    for (NestModel& nest : model.nests) nest.loops[0] = {blocks, kParallel};
    return EstimateSeconds(model, Avx512(), threads) / blocks;
  };
  EXPECT_LT(seconds(8, 4), 0.35 * seconds(8, 1));
  EXPECT_GT(seconds(5, 4), 1.4 * seconds(8, 4));  // a block alone at the end
}

TEST(Estimate, ParallelLoopsInARowAreOne) {
  auto seconds = [](std::vector<ModelLoop> outer) {
    ScheduleModel model = Matmul({});
    for (NestModel& nest : model.nests) {
      nest.loops.erase(nest.loops.begin());
      nest.loops.insert(nest.loops.begin(), outer.begin(), outer.end());
      for (ModelAccess& access : nest.accesses) {
        access.strides.insert(access.strides.begin(), outer.size() - 1, access.strides[0]);
      }
    }
    return EstimateSeconds(model, Avx512(), 4);
  };
  // Three blocks keep three of four threads busy, three times eight of them all.
  EXPECT_LT(seconds({{3, kParallel}, {8, kParallel}}),
            0.8 * seconds({{3, kParallel}, {8, kSerial}}));
}

TEST(Estimate, ShortParallelLoopsDoNotPay) {
  ScheduleModel model = Sweep(4 << 10, 1);
  double serial = EstimateSeconds(model, Avx512(), 2);
  model.nests[0].loops[1].kind = kParallel;
  EXPECT_GT(EstimateSeconds(model, Avx512(), 2), serial);
}

ScheduleModel RandomModel(std::mt19937_64& rng) {
  auto draw = [&](int64_t n) { return static_cast<int64_t>(rng() % static_cast<uint64_t>(n)); };
  ScheduleModel model;
  for (int64_t n = draw(6); n > 0; --n) {
    NestModel nest;
    for (int64_t l = draw(8); l > 0; --l) {
      nest.loops.push_back({std::exp2(static_cast<double>(draw(20))) / 3,
                            static_cast<ModelLoopKind>(draw(4)), draw(2) == 0});
    }
    for (int64_t a = draw(4); a > 0; --a) {
      ModelAccess access{static_cast<int>(draw(5)), 1 << draw(4), draw(2) == 0, {}};
      for (size_t l = 0; l < nest.loops.size() + 1; ++l) {
        if (draw(4) > 0) access.strides.push_back(draw(3) == 0 ? 0 : draw(1 << 16) - 1000);
      }
      access.strides.resize(std::min(access.strides.size(), nest.loops.size()));
      nest.accesses.push_back(access);
    }
    nest.multiply_adds = static_cast<double>(draw(3));
    nest.arithmetic = static_cast<double>(draw(3));
    nest.divisions = static_cast<double>(draw(2));
    nest.elementary = static_cast<double>(draw(2));
    nest.element_bytes = 1 << draw(4);
    nest.accumulators = static_cast<int>(draw(40));
    nest.live_vectors = static_cast<int>(draw(60));
    nest.shared_loops = static_cast<int>(draw(4));
    model.nests.push_back(nest);
  }
  return model;
}

TEST(Features, HaveOneNameEach) {
  const std::vector<std::string>& names = FeatureNames();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_EQ(names.front(), "log_estimate");
}

TEST(Features, AreFiniteAndOfFixedNumberForAnyModel) {
  constexpr uint64_t kSeed = 5;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 rng(kSeed);
  for (int round = 0; round < 2000; ++round) {
    ScheduleModel model = RandomModel(rng);
    int threads = 1 + round % 5;
    std::vector<float> features = FeaturesOf(model, Avx512(), threads);
    ASSERT_EQ(features.size(), FeatureNames().size());
    for (size_t f = 0; f < features.size(); ++f) {
      ASSERT_TRUE(std::isfinite(features[f])) << round << " " << FeatureNames()[f];
    }
    EXPECT_EQ(features, FeaturesOf(model, Avx512(), threads));
    double seconds = EstimateSeconds(model, Avx512(), threads);
    ASSERT_TRUE(std::isfinite(seconds)) << round;
    ASSERT_THAT(static_cast<double>(features[0]),
                DoubleNear(std::log2(std::max(seconds, 1e-12)), 1e-3));
  }
}

TEST(Features, AreTheSameOnEveryPlatform) {
  std::vector<float> features = FeaturesOf(Matmul({.packed = true}), Avx512(), 1);
  for (float value : features) EXPECT_EQ(value * 4096, std::round(value * 4096));
}

}  // namespace
}  // namespace lathe
