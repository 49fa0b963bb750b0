#include <gtest/gtest.h>

#include "tests/compiler/loop/lower_test_util.h"

namespace lathe {
namespace {

std::vector<std::string> LoopNames(const Program& program) {
  std::vector<std::string> names;
  for (const For* loop : LoopsOf(program.body)) names.push_back(loop->var);
  return names;
}

TEST(BuildNaive, MatmulIsOneReduceStore) {
  Program program = NaiveMatmul(3, 4, 5);
  EXPECT_EQ(LoopNames(program), (std::vector<std::string>{"C.i", "C.j", "C.k"}));
  std::vector<const Store*> stores = StoresOf(program.body);
  ASSERT_EQ(stores.size(), 1u);
  EXPECT_EQ(stores[0]->role, StoreRole::kReduce);
  EXPECT_EQ(stores[0]->bindings.size(), 3u);
  EXPECT_EQ(stores[0]->indices.size(), 2u);
  EXPECT_FALSE(stores[0]->predicate);
  ASSERT_EQ(program.buffers.size(), 3u);
  EXPECT_EQ(program.buffers[2].access, Access::kOutput);
}

TEST(BuildNaive, ReductionsBelowTheRootBecomeStages) {
  Program program = NaiveOf(R"(lathe 1
func softmax(x: f32[4, 6]) -> (y) {
  y[i, j] = exp(x[i, j] - (max(k) x[i, k])) / (sum(l) exp(x[i, l] - (max(m) x[i, m])))
}
)");
  std::vector<std::string> stages;
  for (const StageInfo& stage : program.stages) stages.push_back(stage.name);
  EXPECT_EQ(stages, (std::vector<std::string>{"y.r0", "y.r1", "y.r2", "y"}));
  // Over the free index they use, and no other.
  for (const char* name : {"y.r0", "y.r1", "y.r2"}) {
    ASSERT_EQ(program.FindStage(name)->spatial.size(), 1u) << name;
    EXPECT_EQ(program.FindStage(name)->spatial[0].name, "i") << name;
    EXPECT_EQ(program.FindBuffer(name)->scope, Scope::kWorkspace);
    EXPECT_EQ(program.FindBuffer(name)->shape, std::vector<int64_t>{4});
  }
  EXPECT_EQ(program.FindStage("y.r2")->reduce_op, ReduceOp::kSum);
}

TEST(BuildNaive, GuardsKeepOnlyTheBoundsThatCanFail) {
  Program program = NaiveOf(R"(lathe 1
func blur(x: f32[8, 8]) -> (y) {
  y[i: 8, j: 8] = (x[i, j + 1] else 0) + (x[i, j] else 7)
}
)");
  const auto* sum = StoresOf(program.body)[0]->value.As<Binary>();
  ASSERT_NE(sum, nullptr);
  const auto* guarded = sum->a.As<Read>();
  ASSERT_TRUE(guarded && guarded->predicate && guarded->otherwise);
  EXPECT_EQ(guarded->predicate.As<Binary>()->op, BinaryOp::kLt);
  const auto* plain = sum->b.As<Read>();
  ASSERT_NE(plain, nullptr);
  EXPECT_FALSE(plain->predicate || plain->otherwise);
}

TEST(BuildNaive, OutputsReadByLaterStagesAndTables) {
  Program program = NaiveOf(R"(lathe 1
func chain(x: f32[3]) -> (t, y) {
  const W: f32[3] = [1, 2, 3]
  t[i] = x[i] * W[i]
  y[i] = t[i] + 1
}
)");
  std::vector<std::string> buffers;
  for (const Buffer& buffer : program.buffers) buffers.push_back(buffer.name);
  EXPECT_EQ(buffers, (std::vector<std::string>{"x", "t", "y", "W"}));
  EXPECT_EQ(program.FindBuffer("W")->scope, Scope::kTable);
  EXPECT_EQ(program.FindBuffer("t")->access, Access::kOutput);
}

}  // namespace
}  // namespace lathe
