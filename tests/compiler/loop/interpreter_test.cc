#include "compiler/loop/interpreter.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr Type kF32{ScalarType::kF32, 1};

Expr V(const std::string& name) { return MakeVar(name); }
Expr Rd(const std::string& buffer, std::vector<Expr> indices, Type type = kF32) {
  return MakeRead(type, buffer, std::move(indices));
}
Expr Lt(Expr a, int64_t b) { return MakeBinary(BinaryOp::kLt, std::move(a), MakeInt(b)); }
Expr And(Expr a, Expr b) { return MakeBinary(BinaryOp::kAnd, std::move(a), std::move(b)); }
Stmt Loop(const std::string& var, int64_t extent, Stmt body, LoopKind kind = LoopKind::kSerial) {
  return MakeFor(var, extent, {kind, Tail::kMask}, std::move(body));
}

Buffer In(std::string name, std::vector<int64_t> shape, ScalarType type = ScalarType::kF32) {
  return {std::move(name), type, std::move(shape), Scope::kArgument, Access::kInput, {}};
}
Buffer Out(std::string name, std::vector<int64_t> shape, ScalarType type = ScalarType::kF32) {
  return {std::move(name), type, std::move(shape), Scope::kArgument, Access::kOutput, {}};
}
Buffer Local(std::string name, std::vector<int64_t> shape, Scope scope = Scope::kWorkspace) {
  return {std::move(name), ScalarType::kF32, std::move(shape), scope, Access::kNone, {}};
}

TensorValue Tensor(std::vector<int64_t> shape, const std::vector<double>& values,
                   ScalarType type = ScalarType::kF32) {
  TensorValue result = TensorValue::Zeros(type, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) result.Set(static_cast<int64_t>(i), values[i]);
  return result;
}

std::vector<double> Values(const TensorValue& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.NumElements(); ++i) values.push_back(tensor.Get(i));
  return values;
}

// Small integers, so that every order of summation gives the same bits.
TensorValue Counting(std::vector<int64_t> shape, int64_t modulus) {
  TensorValue result = TensorValue::Zeros(ScalarType::kF32, std::move(shape));
  for (int64_t i = 0; i < result.NumElements(); ++i) {
    result.Set(i, static_cast<double>(i * 7 % modulus - modulus / 2));
  }
  return result;
}

// y[i] = value of x[i], where `value` may read x, y and the index i.
Program Elementwise(int64_t n, Expr value, ScalarType type = ScalarType::kF32) {
  Program p;
  p.name = "elementwise";
  p.buffers = {In("x", {n}, type), Out("y", {n}, value.type().scalar)};
  p.stages = {{"y", {{"i", n}}, {}}};
  p.body = Loop("i", n, MakeStore("y", StoreRole::kWhole, {{"i", V("i")}}, "y", {V("i")}, value));
  return p;
}

double RunOne(Expr value, double x, ScalarType type = ScalarType::kF32) {
  auto result = Interpret(Elementwise(1, std::move(value), type), {{Tensor({1}, {x}, type)}});
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? (*result)[0].Get(0) : NAN;
}

constexpr int64_t kM = 5, kN = 6, kK = 7;

Program MatmulShell() {
  Program p;
  p.name = "matmul";
  p.buffers = {In("A", {kM, kK}), In("B", {kK, kN}), Out("C", {kM, kN})};
  p.stages = {{"C", {{"i", kM}, {"j", kN}}, {{"k", kK}}, ReduceOp::kSum}};
  return p;
}

Stmt MatmulStore(const Expr& i, const Expr& j, const Expr& k, Expr predicate = Expr()) {
  return MakeStore("C", StoreRole::kReduce, {{"i", i}, {"j", j}, {"k", k}}, "C", {i, j},
                   Rd("A", {i, k}) * Rd("B", {k, j}), std::move(predicate));
}

std::vector<TensorValue> MatmulInputs() { return {Counting({kM, kK}, 11), Counting({kK, kN}, 13)}; }

void ExpectMatmul(const Program& program, const InterpretOptions& options = {}) {
  std::vector<TensorValue> inputs = MatmulInputs();
  auto result = Interpret(program, inputs, options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->size(), 1u);
  for (int64_t i = 0; i < kM; ++i) {
    for (int64_t j = 0; j < kN; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < kK; ++k) sum += inputs[0].Get(i * kK + k) * inputs[1].Get(k * kN + j);
      ASSERT_EQ(result->front().Get(i * kN + j), sum) << i << ", " << j;
    }
  }
}

TEST(Interpreter, NaiveMatmul) {
  Program p = MatmulShell();
  p.body = Loop("i", kM, Loop("j", kN, Loop("k", kK, MatmulStore(V("i"), V("j"), V("k")))));
  ExpectMatmul(p);
}

TEST(Interpreter, InitialisesBeforeTheOutermostReductionLoop) {
  Program p = MatmulShell();
  p.body = Loop("k", kK, Loop("i", kM, Loop("j", kN, MatmulStore(V("i"), V("j"), V("k")))));
  ExpectMatmul(p);
}

TEST(Interpreter, TilesWithPredicatesOfBothKinds) {
  Program p = MatmulShell();
  Expr i = V("i.o") * 4 + V("i.i"), k = V("k.o") * 3 + V("k.i"), j = V("j");
  Stmt store = MatmulStore(i, j, k, And(Lt(i, kM), Lt(k, kK)));
  p.body = Loop("i.o", 2, Loop("k.o", 3, Loop("j", kN, Loop("i.i", 4, Loop("k.i", 3, store)))),
                LoopKind::kParallel);
  ExpectMatmul(p);
  ExpectMatmul(p, {.parallel_order_seed = 5});
}

TEST(Interpreter, InitialisesUnderAnIf) {
  Program p = MatmulShell();
  Expr i = V("i.o") * 4 + V("i.i");
  p.body =
      Loop("k", kK,
           Loop("i.o", 2,
                Loop("i.i", 4, MakeIf(Lt(i, kM), Loop("j", kN, MatmulStore(i, V("j"), V("k")))))));
  ExpectMatmul(p);
}

TEST(Interpreter, InitialisesWithFusedSpatialAndReductionLoops) {
  Program p = MatmulShell();
  Expr i = MakeBinary(BinaryOp::kFloorDiv, V("f"), MakeInt(kK));
  Expr k = MakeBinary(BinaryOp::kMod, V("f"), MakeInt(kK));
  p.body = Loop("f", kM * kK, Loop("j", kN, MatmulStore(i, V("j"), k)));
  ExpectMatmul(p);
}

TEST(Interpreter, ReductionWithoutLoops) {
  Program p;
  p.name = "one";
  p.buffers = {In("x", {1}), Out("y", {})};
  p.stages = {{"y", {}, {{"k", 1}}, ReduceOp::kMax}};
  p.body = MakeStore("y", StoreRole::kReduce, {{"k", MakeInt(0)}}, "y", {}, Rd("x", {MakeInt(0)}));
  auto result = Interpret(p, {{Tensor({1}, {-3})}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Values(result->front()), ElementsAre(-3));
}

// y[i] = x[i] + 1, 8 elements of which 6 exist, as lowering would write it.
Program LoweredVector(Expr predicate) {
  Program p;
  p.name = "lowered";
  p.lowered = true;
  p.buffers = {In("x", {6}), Out("y", {6}), Local("t", {4}, Scope::kStack)};
  p.stages = {{"y", {{"i", 6}}, {}}};
  Type f32x4 = kF32.WithLanes(4);
  Expr at = MakeRamp(V("i") * 4, 1, 4);
  Expr mask = predicate ? predicate : MakeBinary(BinaryOp::kLt, at, MakeBroadcast(MakeInt(6), 4));
  Expr zero = MakeConst(0, f32x4), one = MakeConst(1, f32x4);
  Expr local = MakeRamp(MakeInt(0), 1, 4);
  Stmt load = MakeStore("y", StoreRole::kWhole, {}, "t", {local},
                        MakeRead(f32x4, "x", {at}, mask, zero) + one);
  Stmt save = MakeStore("y", StoreRole::kWhole, {}, "y", {at}, Rd("t", {local}, f32x4), mask);
  p.body = Loop("i", 2, MakeAllocate("t", MakeSequence({load, save})), LoopKind::kParallel);
  return p;
}

TEST(Interpreter, LoweredVectorsAndMasks) {
  for (uint64_t seed : {0, 1, 2}) {
    auto result = Interpret(LoweredVector(Expr()), {{Tensor({6}, {1, 2, 3, 4, 5, 6})}},
                            {.parallel_order_seed = seed});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(Values(result->front()), ElementsAre(2, 3, 4, 5, 6, 7));
  }
}

TEST(Interpreter, AMaskThatIsTooWideIsOutOfBounds) {
  auto result = Interpret(LoweredVector(MakeBroadcast(MakeBool(true), 4)), {{Counting({6}, 3)}});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(result.status().message(), "lowered: stage y reads x[6], outside of [6] (at i=1)");
}

TEST(Interpreter, AVectorIsReadWholeBeforeItIsWritten) {
  Program p;
  p.name = "shift";
  p.lowered = true;
  p.buffers = {In("x", {4}), Out("y", {5})};
  Type f32x4 = kF32.WithLanes(4);
  Expr low = MakeRamp(MakeInt(0), 1, 4), high = MakeRamp(MakeInt(1), 1, 4);
  p.body = MakeSequence({
      MakeStore("y", StoreRole::kWhole, {}, "y", {low}, Rd("x", {low}, f32x4)),
      MakeStore("y", StoreRole::kWhole, {}, "y", {high}, Rd("y", {low}, f32x4)),
  });
  auto result = Interpret(p, {{Tensor({4}, {1, 2, 3, 4})}});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(Values(result->front()), ElementsAre(1, 1, 2, 3, 4));
}

TEST(Interpreter, LoweredInitAndUpdateOverFlatBuffers) {
  Program p = MatmulShell();
  p.lowered = true;
  p.buffers = {In("A", {kM * kK}), In("B", {kK * kN}), Out("C", {kM * kN})};
  Expr at = V("i") * kN + V("j");
  Expr term = Rd("A", {V("i") * kK + V("k")}) * Rd("B", {V("k") * kN + V("j")});
  Stmt init = MakeStore("C", StoreRole::kInit, {}, "C", {at}, MakeFloat(0, kF32));
  Stmt update = MakeStore("C", StoreRole::kUpdate, {}, "C", {at}, Rd("C", {at}) + term);
  p.body = Loop("i", kM, Loop("j", kN, MakeSequence({init, Loop("k", kK, update)})));
  ExpectMatmul(p);
}

TEST(Interpreter, WritesOutOfBoundsAreReported) {
  Program p = Elementwise(3, Rd("x", {MakeInt(0)}));
  p.body =
      Loop("i", 3, MakeStore("y", StoreRole::kWhole, {}, "y", {V("i") - 1}, Rd("x", {V("i")})));
  EXPECT_EQ(Interpret(p, {{Counting({3}, 3)}}).status().message(),
            "elementwise: stage y writes y[-1], outside of [3] (at i=0)");
}

TEST(Interpreter, ReadsOfElementsNeverWrittenAreReported) {
  auto result = Interpret(Elementwise(3, Rd("y", {V("i")})), {{Counting({3}, 3)}});
  EXPECT_EQ(result.status().message(),
            "elementwise: stage y reads y[0], which was never written (at i=0)");
}

TEST(Interpreter, AllocationForgetsWhatWasThere) {
  Program p;
  p.name = "forget";
  p.lowered = true;
  p.buffers = {Out("y", {2}), Local("t", {1})};
  Stmt write = MakeIf(Lt(V("i"), 1),
                      MakeStore("t", StoreRole::kWhole, {}, "t", {MakeInt(0)}, MakeFloat(1, kF32)));
  Stmt read = MakeStore("y", StoreRole::kWhole, {}, "y", {V("i")}, Rd("t", {MakeInt(0)}));
  p.body = Loop("i", 2, MakeAllocate("t", MakeSequence({write, read})));
  EXPECT_EQ(Interpret(p, {}).status().message(),
            "forget: stage y reads t[0], which was never written (at i=1)");
}

TEST(Interpreter, OutputsMustBeWrittenWhole) {
  Program p = Elementwise(3, Rd("x", {V("i")}));
  p.body = Loop("i", 2, MakeStore("y", StoreRole::kWhole, {}, "y", {V("i")}, Rd("x", {V("i")})));
  EXPECT_EQ(Interpret(p, {{Counting({3}, 3)}}).status().message(),
            "elementwise: the output y[2] was never written");
}

TEST(Interpreter, RefusesWhatNoProgramMayContain) {
  auto message = [](Stmt body) {
    Program p = Elementwise(3, Rd("x", {MakeInt(0)}));
    p.body = std::move(body);
    return std::string(Interpret(p, {{Counting({3}, 3)}}).status().message());
  };
  auto store = [](const std::string& buffer, std::vector<Expr> indices, Expr value) {
    return MakeStore("y", StoreRole::kWhole, {}, buffer, std::move(indices), std::move(value));
  };
  Expr zero = MakeInt(0), one = MakeFloat(1, kF32);
  EXPECT_THAT(message(store("z", {zero}, one)), HasSubstr("stage y: there is no buffer z"));
  EXPECT_THAT(message(store("x", {zero}, one)), HasSubstr("writes x, which is an input"));
  EXPECT_THAT(message(store("y", {V("q")}, one)), HasSubstr("there is no variable q"));
  EXPECT_THAT(message(store("y", {zero, zero}, one)), HasSubstr("accessed with 2 subscripts"));
  EXPECT_THAT(message(store("y", {zero}, zero)), HasSubstr("writes i64 to y, which is f32"));
}

TEST(Interpreter, ChecksItsInputs) {
  Program p = Elementwise(3, Rd("x", {V("i")}));
  EXPECT_EQ(Interpret(p, {}).status().message(), "elementwise: no value was given for x");
  EXPECT_EQ(Interpret(p, {{Counting({4}, 3)}}).status().message(),
            "elementwise: x is f32[3] and was given f32[4]");
  EXPECT_EQ(Interpret(p, {{Counting({3}, 3), Counting({3}, 3)}}).status().message(),
            "elementwise has 1 inputs and was given 2");
}

TEST(Interpreter, RoundsToTheWrittenType) {
  Expr x = Rd("x", {V("i")});
  EXPECT_EQ(RunOne(x + MakeFloat(1, kF32), 0x1p-24), 1);
  // (1 + 2^-12)^2 - 1 loses its last bit when the product rounds: not contracted.
  EXPECT_EQ(RunOne(x * x - MakeFloat(1, kF32), 1 + 0x1p-12), 0x1p-11);
  Type f16{ScalarType::kF16, 1};
  EXPECT_EQ(RunOne(Rd("x", {V("i")}, f16) + MakeFloat(1, f16), 2048, ScalarType::kF16), 2048);
  Type i8{ScalarType::kI8, 1};
  EXPECT_EQ(RunOne(Rd("x", {V("i")}, i8) + MakeInt(100, i8), 100, ScalarType::kI8), -56);
  EXPECT_EQ(RunOne(MakeCast(i8, x), -300.5), -128);
}

TEST(Interpreter, MinAndMaxFollowTheInstruction) {
  Expr x = Rd("x", {V("i")}), one = MakeFloat(1, kF32);
  EXPECT_EQ(RunOne(MakeBinary(BinaryOp::kMax, x, one), NAN), 1);
  EXPECT_TRUE(std::isnan(RunOne(MakeBinary(BinaryOp::kMax, one, x), NAN)));
  EXPECT_EQ(RunOne(MakeBinary(BinaryOp::kMin, x, one), -5), -5);
}

TEST(Interpreter, GuardsAndArms) {
  Expr far = V("i") + 9;
  Expr x = Rd("x", {V("i")});
  Expr guarded = MakeRead(kF32, "x", {far}, Lt(far, 1), MakeFloat(4, kF32));
  EXPECT_EQ(RunOne(guarded, 1), 4);
  // Both arms of a select are evaluated: an access out of bounds is a bug even
  // there, an element not yet written is not.
  Expr taken = Lt(V("i"), 1);
  EXPECT_EQ(RunOne(MakeSelect(taken, x, Rd("y", {V("i")})), 3), 3);
  auto bad = Interpret(Elementwise(1, MakeSelect(taken, x, Rd("x", {far}))), {{Counting({1}, 3)}});
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("reads x[9], outside of [1]"));
}

TEST(Interpreter, TablesAndWideIntegers) {
  Program p;
  p.name = "wide";
  p.buffers = {In("x", {1}, ScalarType::kI64),
               Out("y", {1}, ScalarType::kI64),
               {"T", ScalarType::kI64, {2}, Scope::kTable, Access::kNone, {5, 6}}};
  Expr zero = MakeInt(0);
  p.body = MakeStore("y", StoreRole::kWhole, {}, "y", {zero},
                     Rd("x", {zero}, kIndexType) + Rd("T", {MakeInt(1)}, kIndexType));
  int64_t wide = (int64_t{1} << 60) + 1;
  TensorValue x = TensorValue::Zeros(ScalarType::kI64, {1});
  memcpy(x.bytes.data(), &wide, sizeof wide);
  auto result = Interpret(p, {{x}});
  ASSERT_TRUE(result.ok()) << result.status();
  int64_t y;
  memcpy(&y, result->front().bytes.data(), sizeof y);
  EXPECT_EQ(y, wide + 6);
}

}  // namespace
}  // namespace lathe
