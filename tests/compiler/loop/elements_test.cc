// InterpretElements: outputs computed on demand.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "compiler/loop/interpreter.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

constexpr Type kF32{ScalarType::kF32, 1};
constexpr Type kF64{ScalarType::kF64, 1};

Expr Rd(const std::string& buffer, std::vector<Expr> indices, Type type = kF32) {
  return MakeRead(type, buffer, std::move(indices));
}

Argument F32(std::string name, std::vector<int64_t> shape) {
  return {std::move(name), ScalarType::kF32, std::move(shape), false};
}

TEST(Elements, MatmulAccumulatesInTheWrittenType) {
  constexpr int64_t kSize = 512;
  Expr i = MakeVar("i"), j = MakeVar("j"), k = MakeVar("k");
  Expr product = MakeCast(kF64, Rd("a", {i, k})) * MakeCast(kF64, Rd("b", {k, j}));
  Function f;
  f.name = "matmul";
  f.arguments = {F32("a", {kSize, kSize}), F32("b", {kSize, kSize})};
  f.outputs = {"c"};
  f.stages = {{"c",
               ScalarType::kF64,
               {{"i", kSize}, {"j", kSize}},
               MakeReduce(ReduceOp::kSum, {{"k", kSize}}, product)}};
  auto input = [](int argument, int64_t index) {
    return static_cast<double>((index * 31 + argument * 17) % 101) / 64 - 0.75;
  };
  std::vector<OutputElement> wanted;
  for (int64_t s = 0; s < 256; ++s) wanted.push_back({0, s * 1021 % (kSize * kSize)});
  auto result = InterpretElements(f, input, wanted);
  ASSERT_TRUE(result.ok()) << result.status();
  for (size_t s = 0; s < wanted.size(); ++s) {
    int64_t row = wanted[s].index / kSize, column = wanted[s].index % kSize;
    double sum = 0;
    for (int64_t n = 0; n < kSize; ++n) {
      sum += input(0, row * kSize + n) * input(1, n * kSize + column);
    }
    ASSERT_EQ((*result)[s], sum) << "sample " << s;
  }
}

// top = max(k) x[i, k]; e = exp(x - top); total = sum e; y = e / total.
Function Softmax(int64_t rows, int64_t columns) {
  Expr i = MakeVar("i"), j = MakeVar("j"), k = MakeVar("k");
  Function f;
  f.name = "softmax";
  f.arguments = {F32("x", {rows, columns})};
  f.outputs = {"y", "total"};
  f.stages = {
      {"top",
       ScalarType::kF32,
       {{"i", rows}},
       MakeReduce(ReduceOp::kMax, {{"k", columns}}, Rd("x", {i, k}))},
      {"e",
       ScalarType::kF32,
       {{"i", rows}, {"j", columns}},
       MakeUnary(UnaryOp::kExp, Rd("x", {i, j}) - Rd("top", {i}))},
      {"total",
       ScalarType::kF32,
       {{"i", rows}},
       MakeReduce(ReduceOp::kSum, {{"k", columns}}, Rd("e", {i, k}))},
      {"y",
       ScalarType::kF32,
       {{"i", rows}, {"j", columns}},
       MakeBinary(BinaryOp::kDiv, Rd("e", {i, j}), Rd("total", {i}))},
  };
  return f;
}

TEST(Elements, StagesAreComputedOnceAndOnlyWhereNeeded) {
  constexpr int64_t kColumns = 100;
  int calls = 0;
  auto input = [&calls](int, int64_t index) {
    ++calls;
    return static_cast<double>(index % 7) / 4;
  };
  std::vector<OutputElement> wanted;
  for (int64_t j = 0; j < kColumns; ++j) wanted.push_back({0, 3 * kColumns + j});
  wanted.push_back({1, 3});
  auto result = InterpretElements(Softmax(8, kColumns), input, wanted);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(calls, 2 * kColumns);  // once for the maximum, once for the exponential
  double sum = 0;
  for (int64_t j = 0; j < kColumns; ++j) sum += (*result)[static_cast<size_t>(j)];
  EXPECT_NEAR(sum, 1, 1e-5);
  double total = 0;
  for (int64_t j = 0; j < kColumns; ++j) {
    total += std::exp(static_cast<double>((3 * kColumns + j) % 7) / 4 - 1.5);
  }
  EXPECT_NEAR(result->back(), total, 1e-4);
}

TEST(Elements, GuardedReadsAndTables) {
  Expr i = MakeVar("i"), p = MakeVar("p");
  Expr padded = MakeRead(kF32, "x", {i + p - 1}, Expr(), MakeFloat(0, kF32));
  Function f;
  f.name = "filter";
  f.arguments = {F32("x", {4})};
  f.tables = {{"w", ScalarType::kF32, {3}, {1, 10, 100}}};
  f.outputs = {"y"};
  f.stages = {{"y",
               ScalarType::kF32,
               {{"i", 4}},
               MakeReduce(ReduceOp::kSum, {{"p", 3}}, padded * Rd("w", {p}))}};
  auto input = [](int, int64_t index) { return static_cast<double>(index + 1); };
  auto result = InterpretElements(f, input, {{{0, 0}, {0, 1}, {0, 3}}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(*result, ::testing::ElementsAre(210, 321, 43));
}

TEST(Elements, RefusesElementsThatDoNotExist) {
  auto input = [](int, int64_t) { return 0.0; };
  Function f = Softmax(2, 2);
  for (OutputElement bad : {OutputElement{0, 4}, OutputElement{0, -1}, OutputElement{2, 0}}) {
    auto result = InterpretElements(f, input, {{bad}});
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(result.status().message()),
                ::testing::HasSubstr("softmax has no element"));
  }
}

TEST(Elements, AnErrorNamesTheStage) {
  Function f;
  f.name = "bad";
  f.arguments = {F32("x", {4})};
  f.outputs = {"z"};
  f.stages = {{"y", ScalarType::kF32, {{"i", 4}}, Rd("x", {MakeVar("i") + 1})},
              {"z", ScalarType::kF32, {{"i", 4}}, Rd("y", {MakeVar("i")})}};
  auto result = InterpretElements(f, [](int, int64_t) { return 0.0; }, {{{0, 0}, {0, 3}}});
  EXPECT_EQ(result.status().message(), "bad: stage y reads x[4], outside of [4]");
}

}  // namespace
}  // namespace lathe
