#include "compiler/loop/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "compiler/base/check.h"
#include "compiler/loop/simplify.h"
#include "tests/compiler/loop/lower_test_util.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

Program LoweredOf(const Program& scheduled) {
  absl::StatusOr<Program> lowered = Lower(scheduled);
  CHECK(lowered.ok()) << lowered.status();
  return *std::move(lowered);
}

// The innermost loops: their bodies hold no loop.
std::vector<const For*> InnermostLoops(const Program& program) {
  std::vector<const For*> innermost;
  for (const For* loop : LoopsOf(program.body)) {
    if (LoopsOf(loop->body).empty()) innermost.push_back(loop);
  }
  return innermost;
}

int64_t CountStores(const Stmt& body, StoreRole role) {
  std::vector<const Store*> stores = StoresOf(body);
  return std::count_if(stores.begin(), stores.end(),
                       [&](const Store* store) { return store->role == role; });
}

class ReadCollector : public StmtVisitor {
 public:
  std::map<std::string, std::vector<const Read*>> reads;

 protected:
  void VisitRead(const Read& node) override {
    reads[node.buffer].push_back(&node);
    StmtVisitor::VisitRead(node);
  }
};

// What the contract of lowered programs says about every one.
void ExpectLoweredForm(const Program& program) {
  EXPECT_TRUE(program.lowered);
  for (const For* loop : LoopsOf(program.body)) {
    EXPECT_TRUE(loop->marks.kind == LoopKind::kSerial || loop->marks.kind == LoopKind::kParallel);
    EXPECT_GT(loop->extent, 1) << loop->var;
  }
  for (const Store* store : StoresOf(program.body)) {
    EXPECT_TRUE(store->bindings.empty());
    EXPECT_EQ(store->indices.size(), 1u);
    EXPECT_NE(store->role, StoreRole::kReduce);
    EXPECT_TRUE(!store->predicate || store->predicate.type().lanes > 1);
    if (program.FindBuffer(store->buffer)->scope == Scope::kRegister) {
      EXPECT_TRUE(FreeVars(store->indices[0]).empty());
    }
  }
  std::map<std::string, int> allocations;
  auto is_allocate = [](const Stmt& s) { return s.kind() == StmtKind::kAllocate; };
  for (const Stmt& s : FindAll(program.body, is_allocate)) ++allocations[s.As<Allocate>()->buffer];
  for (const Buffer& buffer : program.buffers) {
    EXPECT_EQ(buffer.shape.size(), 1u);
    bool owned = buffer.scope != Scope::kArgument && buffer.scope != Scope::kTable;
    EXPECT_EQ(allocations[buffer.name], owned ? 1 : 0) << buffer.name;
  }
}

TEST(Lower, RegisterTiledMatmulIsPureMultiplyAdds) {
  Schedule s = TiledMatmul(512, 512, 512, 12, 32, 16, 1);
  Program lowered = LoweredOf(s.program());
  ExpectLoweredForm(lowered);
  std::vector<const For*> innermost = InnermostLoops(lowered);
  ASSERT_EQ(innermost.size(), 2u);  // whole tiles, and the last rows: 512 = 42*12 + 8
  for (size_t i = 0; i < innermost.size(); ++i) {
    const int rows = i == 0 ? 12 : 8;
    EXPECT_EQ(innermost[i]->extent, 512);
    std::vector<const Store*> updates = StoresOf(innermost[i]->body);
    EXPECT_EQ(updates.size(), 2u * rows);
    ReadCollector collector;
    collector.Visit(innermost[i]->body);
    for (const Read* a : collector.reads["A"]) EXPECT_EQ(a->type.lanes, 1);
    for (const Read* b : collector.reads["B"]) {
      EXPECT_EQ(b->type.lanes, 16);
      EXPECT_FALSE(b->predicate);
      ASSERT_TRUE(b->indices[0].As<Ramp>());
      EXPECT_EQ(b->indices[0].As<Ramp>()->stride, 1);
    }
    for (const Store* update : updates) {
      EXPECT_EQ(update->role, StoreRole::kUpdate);
      EXPECT_EQ(lowered.FindBuffer(update->buffer)->scope, Scope::kRegister);
      EXPECT_EQ(update->value.type().lanes, 16);
      EXPECT_FALSE(update->predicate);
    }
  }
  EXPECT_EQ(CountStores(lowered.body, StoreRole::kInit), 24 + 16);
}

TEST(Lower, RaggedMatmulMasksOnlyTheLastColumns) {
  Schedule s = TiledMatmul(127, 251, 509, 12, 32, 16, 1);
  Program lowered = LoweredOf(s.program());
  ExpectLoweredForm(lowered);
  std::vector<const For*> innermost = InnermostLoops(lowered);
  // Column blocks: 7 whole, one of 27; row blocks: 10 whole, one of 7.
  ASSERT_EQ(innermost.size(), 4u);
  const size_t updates[] = {24, 14, 24, 14};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(StoresOf(innermost[i]->body).size(), updates[i]) << i;
    ReadCollector collector;
    collector.Visit(innermost[i]->body);
    auto is_masked = [](const Read* read) { return static_cast<bool>(read->predicate); };
    const std::vector<const Read*>& b = collector.reads["B"];
    bool any_masked = std::any_of(b.begin(), b.end(), is_masked);
    EXPECT_EQ(any_masked, i >= 2) << i;
    // Lanes beyond the border lie in the tile, which needs no mask.
    for (const Store* update : StoresOf(innermost[i]->body)) EXPECT_FALSE(update->predicate);
  }
}

TEST(Lower, UnrolledReductionKeepsItsTail) {
  Schedule s = TiledMatmul(28, 64, 30, 14, 64, 16, 4);
  Program lowered = LoweredOf(s.program());
  ExpectLoweredForm(lowered);
  std::vector<const For*> innermost = InnermostLoops(lowered);
  ASSERT_EQ(innermost.size(), 1u);
  EXPECT_EQ(innermost[0]->extent, 7);
  EXPECT_EQ(StoresOf(innermost[0]->body).size(), 14u * 4 * 4);
  EXPECT_EQ(CountStores(lowered.body, StoreRole::kUpdate), 14 * 4 * (4 + 2));
}

TEST(Lower, LinearReluComputesItsEpilogueInRegisters) {
  Schedule s(NaiveOf(R"(lathe 1
func linear_relu(x: f32[1, 96], w: const f32[96, 200], b: f32[200]) -> (y) {
  t[i, j] = sum(k) x[i, k] * w[k, j]
  y[i, j] = max(t[i, j] + b[j], 0)
}
)"));
  Program naive = s.program();
  s.Split("t.j", 64, "j.o", "j.i").Split("j.i", 16, "j.v", "j.l");
  s.Reorder({"j.o", "t.i", "t.k", "j.v", "j.l"}).ReverseComputeAt("y", "j.o");
  s.SetScope("t", Scope::kRegister).Split("y.j", 16, "y.v", "y.l");
  s.Unroll("t.i").Unroll("j.v").Vectorize("j.l").Unroll("y.v").Vectorize("y.l").Partition("j.o");
  Program lowered = LoweredOf(s.program());
  ExpectLoweredForm(lowered);
  EXPECT_EQ(InnermostLoops(lowered).size(), 2u);
  EXPECT_EQ(lowered.FindBuffer("t")->shape, std::vector<int64_t>{64});
  // The last block has 200 - 3*64 = 8 columns: half a vector.
  EXPECT_EQ(CountStores(lowered.body, StoreRole::kUpdate), 4 + 1);
  ExpectLoweredMatches(naive, s.program(), 1);
}

TEST(Lower, ShrinksABufferToTheRegionOfItsConsumer) {
  Schedule s(NaiveOf(R"(lathe 1
func chain(x: f32[40, 30]) -> (y) {
  t[i, j] = x[i, j] * 2
  y[i, j] = t[i, j] + 1
}
)"));
  Program naive = s.program();
  s.Split("t.i", 8, "i.o", "i.i").ReverseComputeAt("y", "i.o");
  Program lowered = LoweredOf(s.program());
  EXPECT_EQ(lowered.FindBuffer("t")->shape, std::vector<int64_t>{8 * 30});
  EXPECT_EQ(lowered.FindBuffer("t")->scope, Scope::kStack);
  ExpectLoweredMatches(naive, s.program(), 2);
}

TEST(Lower, ParallelTailStaysOneLoop) {
  Schedule s(NaiveMatmul(50, 16, 8));
  Program naive = s.program();
  s.Split("C.i", 12, "i.o", "i.i").Reorder({"i.o", "C.k", "i.i", "C.j"});
  s.Parallel("i.o").Partition("i.o").Vectorize("C.j").Unroll("i.i");
  Program lowered = LoweredOf(s.program());
  ExpectLoweredForm(lowered);
  std::vector<const For*> loops = LoopsOf(lowered.body);
  EXPECT_EQ(std::count_if(loops.begin(), loops.end(),
                          [](const For* l) { return l->marks.kind == LoopKind::kParallel; }),
            1);
  ExpectLoweredMatches(naive, s.program(), 3);
}

TEST(Lower, RefusesARegisterBufferWithAVariableIndex) {
  Schedule s(NaiveMatmul(8, 8, 8));
  s.CacheWrite("C", Scope::kRegister, "copy");
  absl::StatusOr<Program> lowered = Lower(s.program());
  ASSERT_FALSE(lowered.ok());
  EXPECT_EQ(lowered.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(lowered.status().ToString(), HasSubstr("C.acc"));
  EXPECT_THAT(lowered.status().ToString(), HasSubstr("must be constant"));
}

TEST(Lower, OutlinesLoopsAroundRegistersOnly) {
  Schedule s = TiledMatmul(24, 32, 8, 4, 16, 8, 1);
  absl::StatusOr<Program> around = Outline(s.program(), "i.o");
  ASSERT_TRUE(around.ok()) << around.status();
  Program lowered = LoweredOf(*around);
  std::vector<Stmt> outlined = FindAll(lowered.body, [](const Stmt& stmt) {
    return stmt.As<For>() != nullptr && stmt.As<For>()->marks.outline;
  });
  EXPECT_EQ(outlined.size(), 1u) << ToText(lowered);
  absl::StatusOr<Program> within = Outline(s.program(), "k.o");
  ASSERT_TRUE(within.ok()) << within.status();
  absl::StatusOr<Program> refused = Lower(*within);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.status().ToString(),
              HasSubstr("loop k.o cannot be outlined: C.acc in registers"));
}

TEST(Lower, RefusesTooMuchUnrolling) {
  Schedule s(NaiveMatmul(100, 100, 100));
  s.Unroll("C.k").Unroll("C.j").Unroll("C.i");
  absl::StatusOr<Program> lowered = Lower(s.program());
  ASSERT_FALSE(lowered.ok());
  EXPECT_THAT(lowered.status().ToString(), HasSubstr("cannot be unrolled"));
}

TEST(Lower, ObserverSeesEveryPassInOrder) {
  std::vector<std::string> passes;
  LowerOptions options;
  options.observer = [&](std::string_view pass, const Program&) { passes.emplace_back(pass); };
  ASSERT_TRUE(Lower(NaiveMatmul(2, 2, 2), options).ok());
  EXPECT_EQ(passes,
            (std::vector<std::string>{"materialize_init", "shrink_buffers", "drop_bindings",
                                      "expand_prefetches", "partition_loops", "trim_loops",
                                      "simplify", "tensorize", "vectorize", "simplify", "flatten",
                                      "unroll", "simplify", "hoist_predicates", "finish"}));
}

}  // namespace
}  // namespace lathe
