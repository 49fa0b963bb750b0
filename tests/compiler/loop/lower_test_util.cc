#include "tests/compiler/loop/lower_test_util.h"

#include <gtest/gtest.h>

#include <random>

#include "compiler/base/check.h"
#include "compiler/tensor/operators.h"

namespace lathe {
namespace {

template <typename T>
T Must(absl::StatusOr<T> value) {
  CHECK(value.ok()) << value.status();
  return *std::move(value);
}

}  // namespace

Program NaiveOf(std::string_view function_text) {
  return Must(BuildNaive(Must(ParseFunction(function_text, "test.tfn"))));
}

Program NaiveMatmul(int64_t m, int64_t n, int64_t k) { return Must(BuildNaive(Matmul(m, n, k))); }

void Schedule::Take(absl::StatusOr<Program> next) { program_ = Must(std::move(next)); }

Schedule& Schedule::Split(std::string_view loop, int64_t factor, std::string_view outer,
                          std::string_view inner) {
  Take(lathe::Split(program_, loop, factor, outer, inner));
  return *this;
}
Schedule& Schedule::Fuse(std::string_view outer, std::string_view inner, std::string_view fused) {
  Take(lathe::Fuse(program_, outer, inner, fused));
  return *this;
}
Schedule& Schedule::Reorder(std::vector<std::string> loops) {
  Take(lathe::Reorder(program_, loops));
  return *this;
}
Schedule& Schedule::ReverseComputeAt(std::string_view stage, std::string_view loop) {
  Take(lathe::ReverseComputeAt(program_, stage, loop));
  return *this;
}
Schedule& Schedule::CacheWrite(std::string_view stage, Scope scope, std::string_view copy) {
  Take(lathe::CacheWrite(program_, stage, scope, copy));
  return *this;
}
Schedule& Schedule::SetScope(std::string_view buffer, Scope scope) {
  Take(lathe::SetScope(program_, buffer, scope));
  return *this;
}
Schedule& Schedule::Parallel(std::string_view loop) {
  Take(lathe::Parallel(program_, loop));
  return *this;
}
Schedule& Schedule::Vectorize(std::string_view loop) {
  Take(lathe::Vectorize(program_, loop));
  return *this;
}
Schedule& Schedule::Unroll(std::string_view loop) {
  Take(lathe::Unroll(program_, loop));
  return *this;
}
Schedule& Schedule::Partition(std::string_view loop) {
  Take(SetTail(program_, loop, Tail::kPartition));
  return *this;
}

Schedule TiledMatmul(int64_t m, int64_t n, int64_t k, int64_t tile_m, int64_t tile_n, int64_t lanes,
                     int64_t unroll_k) {
  Schedule s(NaiveMatmul(m, n, k));
  s.Split("C.i", tile_m, "i.o", "i.i").Split("C.j", tile_n, "j.o", "j.i");
  s.Split("j.i", lanes, "j.v", "j.l");
  s.Split("C.k", unroll_k, "k.o", "k.i");
  s.Reorder({"j.o", "i.o", "k.o", "k.i", "i.i", "j.v", "j.l"});
  s.CacheWrite("C", Scope::kRegister, "copy");
  s.ReverseComputeAt("copy", "i.o");
  s.Split("copy.j", lanes, "copy.v", "copy.l");
  s.Unroll("k.i").Unroll("i.i").Unroll("j.v").Vectorize("j.l");
  s.Unroll("copy.i").Unroll("copy.v").Vectorize("copy.l");
  s.Partition("i.o").Partition("j.o").Partition("k.o");
  return s;
}

std::vector<TensorValue> RandomInputs(const Program& program, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<TensorValue> inputs;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.access != Access::kInput && buffer.access != Access::kConst) continue;
    TensorValue value = TensorValue::Zeros(buffer.type, buffer.shape);
    for (int64_t i = 0; i < value.NumElements(); ++i) {
      value.Set(i, static_cast<double>(random() % 9) - 4);
    }
    inputs.push_back(std::move(value));
  }
  return inputs;
}

void ExpectLoweredMatches(const Program& naive, const Program& scheduled, uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::vector<TensorValue> inputs = RandomInputs(naive, seed);
  std::vector<TensorValue> expected = Must(Interpret(naive, inputs));
  absl::StatusOr<Program> lowered = Lower(scheduled);
  ASSERT_TRUE(lowered.ok()) << lowered.status();
  auto expect_equal = [&](const Program& program, uint64_t order, const char* what) {
    auto outputs = Interpret(program, inputs, {.parallel_order_seed = order});
    ASSERT_TRUE(outputs.ok()) << what << ": " << outputs.status();
    ASSERT_EQ(outputs->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ((*outputs)[i].bytes, expected[i].bytes) << what;
    }
  };
  expect_equal(scheduled, 0, "scheduled");
  expect_equal(*lowered, 0, "lowered");
  expect_equal(*lowered, seed + 1, "lowered, other parallel order");
}

namespace {

class Finder : public StmtVisitor {
 public:
  explicit Finder(const std::function<bool(const Stmt&)>& wanted) : wanted_(wanted) {}
  std::vector<Stmt> found;
  void Walk(const Stmt& s) {
    if (wanted_(s)) found.push_back(s);
    if (const auto* loop = s.As<For>()) Walk(loop->body);
    if (const auto* branch = s.As<If>()) Walk(branch->then);
    if (const auto* allocate = s.As<Allocate>()) Walk(allocate->body);
    if (const auto* sequence = s.As<Sequence>()) {
      for (const Stmt& child : sequence->stmts) Walk(child);
    }
  }

 private:
  const std::function<bool(const Stmt&)>& wanted_;
};

}  // namespace

std::vector<Stmt> FindAll(const Stmt& body, const std::function<bool(const Stmt&)>& wanted) {
  Finder finder(wanted);
  finder.Walk(body);
  return std::move(finder.found);
}

std::vector<const Store*> StoresOf(const Stmt& body) {
  std::vector<const Store*> stores;
  for (const Stmt& s : FindAll(body, [](const Stmt& s) { return s.kind() == StmtKind::kStore; })) {
    stores.push_back(s.As<Store>());
  }
  return stores;
}

std::vector<const For*> LoopsOf(const Stmt& body) {
  std::vector<const For*> loops;
  for (const Stmt& s : FindAll(body, [](const Stmt& s) { return s.kind() == StmtKind::kFor; })) {
    loops.push_back(s.As<For>());
  }
  return loops;
}

}  // namespace lathe
