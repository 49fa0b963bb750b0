// Naive against lowered, over functions, shapes and random schedules.
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "tests/compiler/loop/lower_test_util.h"

namespace lathe {
namespace {

TEST(LowerDifferential, TiledMatmuls) {
  std::mt19937_64 random(7);
  auto upto = [&](int64_t n) { return static_cast<int64_t>(random() % n) + 1; };
  for (int trial = 0; trial < 60; ++trial) {
    int64_t m = upto(30), n = upto(40), k = upto(12);
    int64_t tile_m = upto(6), lanes = upto(8), tile_n = lanes * upto(3), unroll = upto(4);
    SCOPED_TRACE(testing::Message() << "m " << m << " n " << n << " k " << k << " tile " << tile_m
                                    << "x" << tile_n << " lanes " << lanes << " unroll " << unroll);
    ExpectLoweredMatches(NaiveMatmul(m, n, k),
                         TiledMatmul(m, n, k, tile_m, tile_n, lanes, unroll).program(), trial);
  }
}

// Splits every loop by random factors, marks the results at random, and leaves
// the order as it is.
Program RandomMarks(const Program& naive, uint64_t seed) {
  std::mt19937_64 random(seed);
  Schedule s(naive);
  for (const For* loop : LoopsOf(naive.body)) {
    std::string inner = loop->var;
    bool reduction = false;
    for (const StageInfo& stage : naive.stages) {
      for (const Axis& axis : stage.reduction) {
        reduction = reduction || absl::StrCat(stage.name, ".", axis.name) == loop->var;
      }
    }
    if (random() % 4 != 0) {
      std::string outer = absl::StrCat(loop->var, ".o");
      inner = absl::StrCat(loop->var, ".i");
      s.Split(loop->var, static_cast<int64_t>(random() % 5) + 2, outer, inner);
      if (random() % 2) s.Partition(outer);
    }
    bool innermost = LoopsOf(loop->body).empty();
    if (random() % 3 == 0) {
      s.Unroll(inner);
    } else if (innermost && !reduction && random() % 2) {
      s.Vectorize(inner);
    }
  }
  return s.program();
}

class RandomMarksTest : public testing::TestWithParam<std::string> {};

TEST_P(RandomMarksTest, LoweredMatchesNaive) {
  Program naive = NaiveOf(GetParam());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    ExpectLoweredMatches(naive, RandomMarks(naive, seed), seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, RandomMarksTest,
                         testing::Values(R"(lathe 1
func elementwise(x: f32[7, 13], b: f32[13]) -> (y) {
  y[i, j] = max(x[i, j] + b[j], 0)
}
)",
                                         R"(lathe 1
func two_outputs(x: f32[5, 11]) -> (s, m) {
  s[i] = sum(k) x[i, k]
  m[i] = max(k) x[i, k]
}
)",
                                         R"(lathe 1
func padded(x: f32[9, 10], w: f32[3, 3]) -> (y) {
  y[i: 9, j: 10] = sum(r, s) (x[i + r - 1, j + s - 1] else 0) * w[r, s]
}
)",
                                         R"(lathe 1
func strided(x: f32[19, 22]) -> (y) {
  y[i: 9, j: 10] = max(p: 3, q: 3) x[2 * i + p, 2 * j + q]
}
)",
                                         R"(lathe 1
func transposed(x: f32[6, 17]) -> (y) {
  y[j, i] = x[i, j] * 2
}
)",
                                         R"(lathe 1
func nested(x: f32[6, 9]) -> (y) {
  y[i, j] = x[i, j] * (sum(k) x[i, k]) + (x[i, j + 1] else 0 - 1)
}
)"));

// A producer tiled, its consumer moved into the tile; scopes and marks vary.
TEST(LowerDifferential, FusedConsumers) {
  const Program naive = NaiveOf(R"(lathe 1
func linear_relu(x: f32[5, 9], w: f32[9, 21], b: f32[21]) -> (y) {
  t[i, j] = sum(k) x[i, k] * w[k, j]
  y[i, j] = max(t[i, j] + b[j], 0)
}
)");
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 40; ++trial) {
    int64_t rows = random() % 3 + 1, lanes = random() % 7 + 2;
    int64_t columns = lanes * (random() % 3 + 1), consumer_lanes = random() % 9 + 2;
    SCOPED_TRACE(testing::Message()
                 << rows << "x" << columns << " lanes " << lanes << " consumer " << consumer_lanes);
    Schedule s(naive);
    s.Split("t.i", rows, "i.o", "i.i").Split("t.j", columns, "j.o", "j.i");
    s.Split("j.i", lanes, "j.v", "j.l");
    s.Reorder({"i.o", "j.o", "t.k", "i.i", "j.v", "j.l"}).ReverseComputeAt("y", "j.o");
    s.Split("y.j", consumer_lanes, "y.v", "y.l").Vectorize("y.l").Vectorize("j.l");
    if (random() % 2) {
      s.SetScope("t", Scope::kRegister);
      s.Unroll("i.i").Unroll("j.v").Unroll("y.i").Unroll("y.v");
    } else if (random() % 2) {
      s.Parallel("i.o");
    }
    if (random() % 2) s.Partition("i.o");
    if (random() % 2) s.Partition("j.o");
    ExpectLoweredMatches(naive, s.program(), trial);
  }
}

TEST(LowerDifferential, FusedLoops) {
  for (int64_t factor : {1, 4, 7, 64}) {
    Schedule s(NaiveMatmul(5, 6, 4));
    Program naive = s.program();
    s.Fuse("C.i", "C.j", "f").Split("f", factor, "f.o", "f.i");
    s.Reorder({"f.o", "C.k", "f.i"}).Parallel("f.o").Vectorize("f.i").Partition("f.o");
    ExpectLoweredMatches(naive, s.program(), factor);
  }
}

}  // namespace
}  // namespace lathe
