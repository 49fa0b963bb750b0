// Machine code against the interpreter, operation by operation.
#include "compiler/codegen/emit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compiler/codegen/compile.h"
#include "compiler/codegen/packed_block.h"
#include "tests/compiler/codegen/compiled_kernel.h"
#include "tests/compiler/codegen/program_builder.h"

namespace lathe::testing {
namespace {

using ::testing::HasSubstr;

Target PlainTarget() { return Target{}; }  // SSE2 alone

// Runs `program` on random inputs in [low, high] as machine code for this host
// and for the baseline, and by the interpreter. Elements may differ by
// `tolerance` relative to their magnitude plus one (0: must be equal).
void ExpectSame(const Program& program, double low, double high, double tolerance,
                int threads = 1) {
  constexpr uint64_t kSeed = 7;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  std::vector<TensorValue> inputs;
  for (const Buffer& buffer : program.buffers) {
    if (buffer.access == Access::kInput || buffer.access == Access::kConst) {
      inputs.push_back(RandomValue(buffer, random, low, high));
    }
  }
  auto expected = Interpret(program, inputs);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const Target& target : {HostTarget(), PlainTarget()}) {
    auto actual = CompileAndRun(program, inputs, target, threads);
    ASSERT_TRUE(actual.ok()) << actual.status();
    ASSERT_EQ(actual->size(), expected->size());
    for (size_t o = 0; o < expected->size(); ++o) {
      for (int64_t i = 0; i < (*expected)[o].NumElements(); ++i) {
        const double want = (*expected)[o].Get(i), got = (*actual)[o].Get(i);
        if (std::isnan(want) && std::isnan(got)) continue;
        ASSERT_LE(std::abs(got - want), tolerance * (1 + std::abs(want)))
            << "element " << i << ": " << got << " against " << want;
      }
    }
  }
}

using Function2 = std::function<Expr(Expr, Expr)>;

Function2 Apply(BinaryOp op) {
  return [op](Expr a, Expr b) { return MakeBinary(op, a, b); };
}

struct TypeCase {
  ScalarType type;
  double low, high;
};

class EmitTypeTest : public ::testing::TestWithParam<TypeCase> {};

TEST_P(EmitTypeTest, Arithmetic) {
  const auto [type, low, high] = GetParam();
  for (int lanes : {1, 4, 16}) {
    for (BinaryOp op :
         {BinaryOp::kAdd, BinaryOp::kSub, BinaryOp::kMul, BinaryOp::kMin, BinaryOp::kMax}) {
      SCOPED_TRACE(::testing::Message() << Name(op) << " lanes " << lanes);
      ExpectSame(Elementwise(type, type, 37, lanes, Apply(op)), low, high, 0);
    }
    for (UnaryOp op : {UnaryOp::kAbs, UnaryOp::kNeg}) {
      ExpectSame(
          Elementwise(type, type, 37, lanes, [op](Expr a, Expr b) { return MakeUnary(op, a); }),
          low, high, 0);
    }
  }
}

TEST_P(EmitTypeTest, ComparisonsSelectAndLogic) {
  const auto [type, low, high] = GetParam();
  for (int lanes : {1, 16}) {
    for (BinaryOp op : {BinaryOp::kLt, BinaryOp::kLe, BinaryOp::kGt, BinaryOp::kGe, BinaryOp::kEq,
                        BinaryOp::kNe}) {
      SCOPED_TRACE(::testing::Message() << Name(op) << " lanes " << lanes);
      ExpectSame(Elementwise(type, ScalarType::kBool, 37, lanes, Apply(op)), low, high, 0);
      ExpectSame(Elementwise(type, type, 37, lanes,
                             [op](Expr a, Expr b) {
                               Expr less = MakeBinary(op, a, b);
                               Expr logic =
                                   MakeBinary(BinaryOp::kOr, MakeUnary(UnaryOp::kNot, less),
                                              MakeBinary(BinaryOp::kAnd, less, less));
                               return MakeSelect(MakeBinary(BinaryOp::kAnd, logic, less), a, b);
                             }),
                 low, high, 0);
    }
  }
}

TEST_P(EmitTypeTest, Casts) {
  const auto [type, low, high] = GetParam();
  for (ScalarType to : {ScalarType::kF32, ScalarType::kF64, ScalarType::kI64, ScalarType::kI32,
                        ScalarType::kI8, ScalarType::kBool, ScalarType::kF16, ScalarType::kBF16}) {
    if (to == type) continue;
    for (int lanes : {1, 16}) {
      SCOPED_TRACE(::testing::Message() << Name(type) << " to " << Name(to) << " lanes " << lanes);
      ExpectSame(Elementwise(type, to, 37, lanes,
                             [to = to](Expr a, Expr b) {
                               return MakeCast(Type{to, a.type().lanes}, a);
                             }),
                 low, high, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, EmitTypeTest,
    ::testing::Values(TypeCase{ScalarType::kF32, -100, 100}, TypeCase{ScalarType::kF64, -100, 100},
                      TypeCase{ScalarType::kI64, -100, 100}, TypeCase{ScalarType::kI32, -100, 100},
                      TypeCase{ScalarType::kI8, -128, 127}, TypeCase{ScalarType::kU8, 0, 127},
                      TypeCase{ScalarType::kF16, -100, 100},
                      TypeCase{ScalarType::kBF16, -100, 100}),
    [](const auto& info) { return std::string(Name(info.param.type)); });

TEST(EmitTest, FloorDivisionAndModuloRoundDown) {
  for (ScalarType type : {ScalarType::kI64, ScalarType::kI32, ScalarType::kI8, ScalarType::kU8}) {
    for (double divisor : {1.0, 3.0, 8.0}) {
      for (int lanes : {1, 8}) {
        for (BinaryOp op : {BinaryOp::kFloorDiv, BinaryOp::kMod}) {
          SCOPED_TRACE(::testing::Message() << Name(type) << Name(op) << divisor);
          ExpectSame(Elementwise(type, type, 37, lanes,
                                 [=](Expr a, Expr b) {
                                   return MakeBinary(op, a, MakeConst(divisor, a.type()));
                                 }),
                     type == ScalarType::kU8 ? 0 : -100, 100, 0);
        }
      }
    }
  }
}

TEST(EmitTest, FloatDivisionAndFunctions) {
  for (ScalarType type :
       {ScalarType::kF32, ScalarType::kF64, ScalarType::kF16, ScalarType::kBF16}) {
    const double eps = type == ScalarType::kF64 ? 1e-14 : std::max(1e-6, 2 * UnitRoundoff(type));
    for (int lanes : {1, 16}) {
      ExpectSame(Elementwise(type, type, 37, lanes, Apply(BinaryOp::kDiv)), 1, 9, 0);
      ExpectSame(Elementwise(type, type, 37, lanes, Apply(BinaryOp::kPow)), 0.1, 3, eps);
      for (UnaryOp op : {UnaryOp::kFloor, UnaryOp::kExp, UnaryOp::kLog, UnaryOp::kSqrt,
                         UnaryOp::kRsqrt, UnaryOp::kTanh, UnaryOp::kErf, UnaryOp::kSigmoid}) {
        SCOPED_TRACE(::testing::Message() << Name(op) << " " << Name(type) << " lanes " << lanes);
        ExpectSame(
            Elementwise(type, type, 37, lanes, [op](Expr a, Expr b) { return MakeUnary(op, a); }),
            0.1, 4, eps);
      }
    }
  }
}

TEST(EmitTest, MinAndMaxYieldTheSecondOperandOnNan) {
  Program program = Elementwise(ScalarType::kF32, ScalarType::kF32, 16, 16, [](Expr a, Expr b) {
    Expr nan = MakeBinary(BinaryOp::kDiv, a - a, a - a);
    return MakeBinary(BinaryOp::kMax, MakeBinary(BinaryOp::kMin, nan, a), b - b);
  });
  ExpectSame(program, 1, 2, 0);
}

// y[j] = x[reads] for every kind of subscript.
TEST(EmitTest, StridedReversedBroadcastAndIndirectVectors) {
  const ScalarType f32 = ScalarType::kF32;
  const Expr i = MakeVar("i");
  const Expr dense = MakeRamp(i * 8, 1, 8);
  const std::vector<Expr> reads = {
      MakeRamp(i * 16 + 1, 2, 8),  // strided
      MakeRamp(i * 8 + 7, -1, 8),  // reversed
      MakeBroadcast(i + 3, 8),     // one element
      MakeBinary(BinaryOp::kMod, MakeRamp(i * 8, 3, 8), MakeBroadcast(MakeInt(11), 8)),
  };
  for (const Expr& read : reads) {
    ExpectSame(Lowered({Input("x", f32, 64), Output("y", f32, 32)},
                       Loop("i", 4, Assign("y", dense, Load("x", f32, read)))),
               -1, 1, 0);
  }
  // Scattered stores, each element once.
  Stmt scatter =
      Loop("i", 2,
           MakeSequence({Assign("y", MakeRamp(i * 16, 2, 8), Load("x", f32, dense)),
                         Assign("y", MakeRamp(i * 16 + 1, 2, 8), Load("x", f32, dense))}));
  ExpectSame(Lowered({Input("x", f32, 16), Output("y", f32, 32)}, scatter), -1, 1, 0);
}

TEST(EmitTest, GuardedReadsDoNotTouchMemory) {
  const ScalarType f32 = ScalarType::kF32;
  for (int lanes : {1, 8}) {
    const Expr base = MakeVar("i") * lanes - 3;
    const Expr index = lanes == 1 ? base : MakeRamp(base, 1, lanes);
    const Type index_type = index.type();
    Expr inside =
        MakeBinary(BinaryOp::kAnd, MakeBinary(BinaryOp::kGe, index, MakeConst(0, index_type)),
                   MakeBinary(BinaryOp::kLt, index, MakeConst(20, index_type)));
    Expr value = MakeRead(Type{f32, lanes}, "x", {index}, inside, MakeConst(-5, {f32, lanes}));
    Expr to = lanes == 1 ? MakeVar("i") : MakeRamp(MakeVar("i") * lanes, 1, lanes);
    ExpectSame(Lowered({Input("x", f32, 20), Output("y", f32, 32)},
                       Loop("i", 32 / lanes, Assign("y", to, value))),
               -1, 1, 0);
  }
}

// A 3 x 8 tile of a product in registers, k innermost, with a masked column tail.
Program TiledProduct(int64_t rows, int64_t cols, int64_t depth) {
  const ScalarType f32 = ScalarType::kF32;
  constexpr int kRows = 3, kLanes = 8;
  const Expr i = MakeVar("i"), j = MakeVar("j"), k = MakeVar("k");
  const Expr columns = MakeRamp(j * kLanes, 1, kLanes);
  const Expr mask = MakeBinary(BinaryOp::kLt, columns, MakeBroadcast(MakeInt(cols), kLanes));
  std::vector<Stmt> init, update, write;
  for (int r = 0; r < kRows; ++r) {
    const Expr acc = MakeRamp(MakeInt(r * kLanes), 1, kLanes);
    init.push_back(Assign("acc", acc, MakeConst(0, {f32, kLanes})));
    Expr a = MakeBroadcast(Load("a", f32, (i * kRows + r) * depth + k), kLanes);
    Expr b = MakeRead({f32, kLanes}, "b", {MakeRamp(k * cols + j * kLanes, 1, kLanes)}, mask,
                      MakeConst(0, {f32, kLanes}));
    update.push_back(Assign("acc", acc, Load("acc", f32, acc) + a * b));
    write.push_back(Assign("y", MakeRamp((i * kRows + r) * cols + j * kLanes, 1, kLanes),
                           Load("acc", f32, acc), mask));
  }
  Stmt tile =
      MakeAllocate("acc", MakeSequence({MakeSequence(init), Loop("k", depth, MakeSequence(update)),
                                        MakeSequence(write)}));
  return Lowered(
      {Input("a", f32, rows * depth), Input("b", f32, depth * cols), Output("y", f32, rows * cols),
       Local("acc", f32, kRows * kLanes, Scope::kRegister)},
      Loop("i", rows / kRows, Loop("j", (cols + kLanes - 1) / kLanes, tile), LoopKind::kParallel));
}

TEST(EmitTest, RegistersHoldAccumulators) {
  const Program program = TiledProduct(6, 21, 10);
  ExpectSame(program, -1, 1, 1e-5);
  ExpectSame(program, -1, 1, 1e-5, /*threads=*/3);
  auto ir = CompileKernel(program, HostTarget(), CodeForm::kLlvmIr);
  ASSERT_TRUE(ir.ok()) << ir.status();
  const std::string body = ir->substr(ir->find("@task0.body"));
  EXPECT_THAT(body, ::testing::Not(HasSubstr("alloca"))) << body;
}

TEST(EmitTest, WorkspaceAndStackBuffersUnderSerialAndParallelLoops) {
  const ScalarType f64 = ScalarType::kF64;
  const Expr i = MakeVar("i"), j = MakeVar("j"), l = MakeVar("l");
  for (Scope scope : {Scope::kWorkspace, Scope::kStack}) {
    // all = x * 2 (shared); per row: row = all + 1, then y = row reversed.
    Stmt fill = Loop("l", 60, Assign("all", l, Load("x", f64, l) * 2));
    Stmt row = Loop("j", 10, Assign("row", j, Load("all", f64, i * 10 + j) + 1));
    Stmt back = Loop("j", 10, Assign("y", i * 10 + j, Load("row", f64, MakeInt(9) - j)));
    Stmt rows = Loop("i", 6, MakeAllocate("row", MakeSequence({row, back})), LoopKind::kParallel);
    const Program program = Lowered({Input("x", f64, 60), Output("y", f64, 60),
                                     Local("all", f64, 60, scope), Local("row", f64, 10, scope)},
                                    MakeAllocate("all", MakeSequence({fill, rows})));
    const KernelNeeds needs = NeedsOf(program, program.body);
    EXPECT_TRUE(needs.parallel);
    EXPECT_EQ(needs.workspace_bytes, scope == Scope::kWorkspace ? 512 : 0);
    EXPECT_EQ(needs.workspace_bytes_per_thread, scope == Scope::kWorkspace ? 128 : 0);
    for (int threads : {1, 4}) ExpectSame(program, -1, 1, 0, threads);
  }
}

// Three copies of a loop, in which constants, outer variables and buffers differ;
// a fourth adds another number. t is used outside too, and w lies in the area of a
// thread, allocated inside.
TEST(EmitTest, EqualOutlinedLoopsShareAFunction) {
  auto program = ParseProgram(R"(lowered program outlined {
  in x: f32[48]
  in z: f32[48]
  out y: f32[192]
  stack t: f32[12]
  workspace w: f32[12]
  workspace w.1: f32[12]
  workspace w.2: f32[12]
  stage s[i: 192]
  for i in 4 parallel {
    allocate t {
      for k in 12 {
        s: t[k] = x[k + i * 12]
      }
      for j in 12 outline {
        allocate w {
          s: w[j] = t[j] + z[j]
          s: y[i * 48 + j] = w[j] * 2
        }
      }
      for j in 12 outline {
        allocate w.1 {
          s: w.1[j] = t[j] + z[i * 12 + j]
          s: y[i * 48 + j + 12] = w.1[j] * 2
        }
      }
      for l in 12 outline {
        allocate w.2 {
          s: w.2[l] = t[l] + x[i * 12 + l]
          s: y[i * 48 + l + 24] = w.2[l] * 2
        }
      }
      for l in 12 outline {
        s: y[i * 48 + l + 36] = t[l] * 2
      }
    }
  }
})",
                              "outlined");
  ASSERT_TRUE(program.ok()) << program.status();
  ExpectSame(*program, -1, 1, 0);
  ExpectSame(*program, -1, 1, 0, /*threads=*/3);
  auto ir = CompileKernel(*program, HostTarget(), CodeForm::kLlvmIr);
  ASSERT_TRUE(ir.ok()) << ir.status();
  auto count = [&](const std::string& text) {
    int found = 0;
    for (size_t at = 0; (at = ir->find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("define internal void @outlined"), 2) << *ir;
  EXPECT_EQ(count("call void @outlined0("), 3) << *ir;
  EXPECT_EQ(count("call void @outlined1("), 1) << *ir;
}

TEST(EmitTest, PreparesApartFromTheCalls) {
  // v is read by prepare and by the calls, w by prepare alone.
  auto program = ParseProgram(R"(lowered program prepared {
  in x: f32[30]
  const v: f32[30]
  const w: f32[30]
  out y: f32[30]
  packed p: f32[30]
  packed q: f32[1]
  table g: f32[2] = [0.5, -1]
  workspace s: f32[30]
  workspace r: f32[10]
  workspace u: f32[30]
  stage s[i: 30]
  stage r[i: 3, j: 10]
  stage p[i: 3, j: 10]
  stage q[i: 1]
  stage u[i: 30]
  stage y[i: 30]
  prepare {
    allocate s {
      for i in 30 {
        s: s[i] = w[i] * v[29 - i]
      }
      for a in 3 parallel {
        allocate r {
          for b in 10 {
            r: r[b] = s[a * 10 + b] * g[b % 2]
          }
          for c in 10 {
            p: p[a * 10 + c] = r[9 - c]
          }
        }
      }
    }
    q: q[0] = w[3]
  }
  allocate u {
    for i in 30 {
      u: u[i] = x[29 - i] * p[i]
    }
    for i in 30 {
      y: y[i] = u[29 - i] * v[i] + q[0]
    }
  }
}
)",
                              "test");
  ASSERT_TRUE(program.ok()) << program.status();
  const KernelNeeds prepare = NeedsOf(*program, program->prepare);
  EXPECT_TRUE(prepare.parallel);
  EXPECT_EQ(prepare.workspace_bytes, 128);
  EXPECT_EQ(prepare.workspace_bytes_per_thread, 64);
  const KernelNeeds call = NeedsOf(*program, program->body);
  EXPECT_FALSE(call.parallel);
  EXPECT_EQ(call.workspace_bytes, 128);
  const PackedBlock block = PlanPackedBlock(*program);
  EXPECT_EQ(block.offsets, (std::vector<int64_t>{0, 128}));
  EXPECT_EQ(block.bytes, 192);
  EXPECT_EQ(block.sources, (absl::flat_hash_set<std::string>{"v", "w"}));
  EXPECT_EQ(block.replaced, (absl::flat_hash_set<std::string>{"w"}));
  for (int threads : {1, 4}) ExpectSame(*program, -1, 1, 1e-6, threads);
}

TEST(EmitTest, ConditionsTablesAndScalarPredicates) {
  const ScalarType f32 = ScalarType::kF32, i32 = ScalarType::kI32;
  const Expr i = MakeVar("i");
  Buffer table{"t", i32, {4}, Scope::kTable, Access::kNone, {3, -1, 7, 0}};
  Expr looked_up = MakeCast({f32, 1}, Load("t", i32, MakeBinary(BinaryOp::kMod, i, MakeInt(4))));
  Stmt first = Assign("y", i, looked_up);
  Stmt second = MakeIf(MakeBinary(BinaryOp::kGt, i, MakeInt(5)),
                       Assign("y", i, Load("x", f32, i), MakeBinary(BinaryOp::kNe, i, MakeInt(8))));
  ExpectSame(Lowered({Input("x", f32, 10), Output("y", f32, 10), table},
                     Loop("i", 10, MakeSequence({first, second}))),
             -1, 1, 0);
}

TEST(EmitTest, RefusesWhatItCannotDo) {
  Program program = Elementwise(ScalarType::kF32, ScalarType::kF32, 8, 1, Apply(BinaryOp::kAdd));
  program.buffers.push_back(Local("t", ScalarType::kF32, 8, Scope::kTile));
  auto refused = CompileKernel(program, HostTarget(), CodeForm::kObject);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("buffer 't'"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("supported are workspace"));
}

TEST(EmitTest, RefusesUnknownTargets) {
  const Program program =
      Elementwise(ScalarType::kF32, ScalarType::kF32, 8, 1, Apply(BinaryOp::kAdd));
  Target target;
  target.features = {"warp-drive"};
  EXPECT_THAT(std::string(CompileKernel(program, target, CodeForm::kObject).status().message()),
              HasSubstr("'warp-drive', which LLVM does not know"));
  target.features.clear();
  target.tuning = "z80";
  EXPECT_THAT(std::string(CompileKernel(program, target, CodeForm::kObject).status().message()),
              HasSubstr("'z80', which LLVM does not know"));
  target.tuning.clear();
  target.architecture = Architecture::kRiscV64;
  EXPECT_EQ(CompileKernel(program, target, CodeForm::kObject).status().code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace lathe::testing
