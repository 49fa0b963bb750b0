// f16 and bf16 in machine code: bits, rounding, and what the code looks like.
#include "compiler/codegen/half_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/schedule/trace.h"
#include "compiler/tensor/function.h"
#include "compiler/tensor/scalar_math.h"
#include "tests/compiler/codegen/compiled_kernel.h"
#include "tests/compiler/codegen/program_builder.h"

namespace lathe::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr ScalarType kHalves[] = {ScalarType::kF16, ScalarType::kBF16};

// With conversion instructions, and without.
std::vector<Target> Targets() { return {HostTarget(), Target{}}; }

template <typename T>
TensorValue ValueOf(ScalarType type, const std::vector<T>& elements) {
  TensorValue value = TensorValue::Zeros(type, {static_cast<int64_t>(elements.size())});
  std::memcpy(value.bytes.data(), elements.data(), value.bytes.size());
  return value;
}

// Machine code of f over a and b, for each target and for vectors and scalars,
// against the interpreter: the same bits, or NaN both.
void ExpectSameBits(const TensorValue& a, const TensorValue& b, ScalarType out,
                    const std::function<Expr(Expr, Expr)>& f) {
  for (int lanes : {16, 1}) {
    const Program program = Elementwise(a.type, out, a.NumElements(), lanes, f);
    auto want = Interpret(program, {a, b});
    ASSERT_TRUE(want.ok()) << want.status();
    for (const Target& target : Targets()) {
      auto got = CompileAndRun(program, {a, b}, target);
      ASSERT_TRUE(got.ok()) << got.status();
      for (int64_t i = 0; i < a.NumElements(); ++i) {
        const double x = (*want)[0].Get(i), y = (*got)[0].Get(i);
        if (std::isnan(x) && std::isnan(y)) continue;
        ASSERT_TRUE(x == y && std::signbit(x) == std::signbit(y))
            << "of " << a.Get(i) << " and " << b.Get(i) << ": " << y << " instead of " << x
            << ", lanes " << lanes << ", target " << ToText(target);
      }
    }
  }
}

Expr CastTo(ScalarType type, const Expr& e) { return MakeCast(Type{type, e.type().lanes}, e); }

TensorValue AllPatterns(ScalarType type) {
  std::vector<uint16_t> patterns(1 << 16);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  return ValueOf(type, patterns);
}

TEST(HalfTypesTest, EveryValueWidensExactly) {
  for (ScalarType half : kHalves) {
    const TensorValue all = AllPatterns(half);
    for (ScalarType to : {ScalarType::kF32, ScalarType::kF64, ScalarType::kI32, ScalarType::kBool,
                          half == ScalarType::kF16 ? ScalarType::kBF16 : ScalarType::kF16}) {
      SCOPED_TRACE(::testing::Message() << Name(half) << " to " << Name(to));
      ExpectSameBits(all, all, to, [&](Expr a, Expr b) { return CastTo(to, a); });
    }
  }
}

TEST(HalfTypesTest, FloatsNarrowToTheNearest) {
  std::vector<float> floats;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 65521) {  // a prime
    floats.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  for (ScalarType half : kHalves) {  // values, midpoints, and their neighbours
    const TensorValue all = AllPatterns(half);
    for (int64_t i = 0; i + 1 < all.NumElements(); i += 7) {
      const auto low = static_cast<float>(all.Get(i)), high = static_cast<float>(all.Get(i + 1));
      const float middle = low + (high - low) / 2;
      for (float f : {low, middle, std::nextafter(middle, low), std::nextafter(middle, high)}) {
        floats.push_back(f);
      }
    }
  }
  const TensorValue input = ValueOf(ScalarType::kF32, floats);
  for (ScalarType half : kHalves) {
    SCOPED_TRACE(std::string(Name(half)));
    ExpectSameBits(input, input, half, [&](Expr a, Expr b) { return CastTo(half, a); });
  }
}

// Through float they would round twice.
TEST(HalfTypesTest, DoublesAndIntegersRoundOnce) {
  std::vector<double> doubles;
  for (double magnitude : {1.0, 0x1p-14, 0x1p-20, 0x1p-126, 0x1p-130, 65504.0, 0x1.fep127, 1e300}) {
    for (int step = 0; step <= 64; ++step) {
      for (double nudge : {0.0, 0x1p-40, -0x1p-40}) {
        doubles.push_back(magnitude * (1 + step * 0x1p-12 + nudge));
        doubles.push_back(-doubles.back());
      }
    }
  }
  std::vector<int64_t> integers;
  for (int shift = 0; shift < 63; ++shift) {
    for (int64_t low : {-1, 0, 1}) integers.push_back((int64_t{1} << shift) + low);
    integers.push_back((int64_t{0x401} << shift >> 1) + 1);
  }
  std::vector<int32_t> words;
  for (int64_t i : integers) words.push_back(static_cast<int32_t>(i));
  for (ScalarType half : kHalves) {
    SCOPED_TRACE(std::string(Name(half)));
    auto narrow = [&](Expr a, Expr b) { return CastTo(half, a); };
    for (const TensorValue& input :
         {ValueOf(ScalarType::kF64, doubles), ValueOf(ScalarType::kI64, integers),
          ValueOf(ScalarType::kI32, words)}) {
      ExpectSameBits(input, input, half, narrow);
    }
  }
}

// Chains too: each operation rounds, products and sums are not contracted.
TEST(HalfTypesTest, ArithmeticRoundsAfterEachOperation) {
  constexpr uint64_t kSeed = 11;
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  for (ScalarType half : kHalves) {
    std::vector<uint16_t> a, b;
    for (int i = 0; i < 20000; ++i) {
      a.push_back(static_cast<uint16_t>(random()));
      // Near a in magnitude every other time.
      b.push_back(static_cast<uint16_t>(i % 2 ? random() : a.back() ^ (random() & 0x83ff)));
    }
    const TensorValue x = ValueOf(half, a), y = ValueOf(half, b);
    for (BinaryOp op : {BinaryOp::kAdd, BinaryOp::kSub, BinaryOp::kMul, BinaryOp::kDiv,
                        BinaryOp::kMin, BinaryOp::kMax}) {
      SCOPED_TRACE(::testing::Message() << Name(half) << " " << Name(op));
      ExpectSameBits(x, y, half, [&](Expr p, Expr q) { return MakeBinary(op, p, q); });
    }
    ExpectSameBits(x, y, half, [&](Expr p, Expr q) { return p * q + p - q * q; });
    ExpectSameBits(x, y, half, [&](Expr p, Expr q) {
      return MakeUnary(UnaryOp::kSqrt, MakeUnary(UnaryOp::kAbs, p)) + MakeUnary(UnaryOp::kFloor, q);
    });
  }
}

TEST(HalfTypesTest, TablesHoldHalves) {
  for (ScalarType half : kHalves) {
    Buffer table{"t", half, {4}, Scope::kTable, Access::kNone, {1.5, -0.25, 0x1p-14, 1000}};
    const Expr i = MakeVar("i");
    const Program program =
        Lowered({Input("x", half, 4), Output("y", half, 4), table},
                Loop("i", 4, Assign("y", i, Load("t", half, i) + Load("x", half, i))));
    const TensorValue zero = TensorValue::Zeros(half, {4});
    for (const Target& target : Targets()) {
      auto got = CompileAndRun(program, {zero}, target);
      ASSERT_TRUE(got.ok()) << got.status();
      for (int64_t k = 0; k < 4; ++k) {
        EXPECT_EQ((*got)[0].Get(k), RoundFloat(half, table.values[static_cast<size_t>(k)]));
      }
    }
  }
}

std::string Assembly(const std::string& source, const std::string& trace_text,
                     const std::string& target_name) {
  auto function = ParseFunction(source, "function");
  auto trace = ParseTrace(trace_text, "trace");
  if (!function.ok() || !trace.ok()) {
    ADD_FAILURE() << function.status() << trace.status();
    return "";
  }
  auto lowered = LowerWithTrace(*function, *trace);
  if (!lowered.ok()) {
    ADD_FAILURE() << lowered.status();
    return "";
  }
  auto assembly = CompileKernel(*lowered, *ParseTarget(target_name), CodeForm::kAssembly);
  if (!assembly.ok()) ADD_FAILURE() << assembly.status();
  return assembly.value_or("");
}

constexpr char kVectorColumns[] =
    "lathe-trace 1\nj.o, j.i = split(c.j, 16)\nreorder(j.o, c.k, j.i)\nvectorize(j.i)\n";

TEST(HalfTypesTest, MixedAccumulationIsVectorCode) {
  const std::string bf16 = Assembly(
      "lathe 1\nfunc f(a: bf16[32, 64], b: bf16[64, 48]) -> (c) {\n"
      "  c[i, j] = sum(k) f32(a[i, k]) * f32(b[k, j])\n}\n",
      kVectorColumns, "x86-64-v4");
  EXPECT_THAT(bf16, HasSubstr("vpmovzxwd"));
  EXPECT_THAT(bf16, AnyOf(HasSubstr("vfmadd231ps"), HasSubstr("vfmadd213ps")));
  const std::string f16 = Assembly(
      "lathe 1\nfunc f(a: f16[32, 64], b: f16[64, 48]) -> (c) {\n"
      "  c[i, j] = sum(k) f32(a[i, k]) * f32(b[k, j])\n}\n",
      kVectorColumns, "x86-64-v3");
  EXPECT_THAT(f16, HasSubstr("vcvtph2ps"));
  EXPECT_THAT(f16, AnyOf(HasSubstr("vfmadd231ps"), HasSubstr("vfmadd213ps")));
  const std::string bytes = Assembly(
      "lathe 1\nfunc f(a: u8[32, 64], b: i8[64, 48]) -> (c) {\n"
      "  c[i, j] = sum(k) i32(a[i, k]) * i32(b[k, j])\n}\n",
      kVectorColumns, "x86-64-v4");
  EXPECT_THAT(bytes, AnyOf(HasSubstr("vpmovsxbd"), HasSubstr("vpmovsxbw")));
  EXPECT_THAT(bytes, AnyOf(HasSubstr("vpmulld"), HasSubstr("vpmaddwd")));
}

// No calls into a runtime library, on any target, and no element by element code.
TEST(HalfTypesTest, ConversionsAreVectorCodeOnEveryTarget) {
  for (const char* type : {"f16", "bf16"}) {
    for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
      SCOPED_TRACE(::testing::Message() << type << " " << target);
      const std::string code =
          Assembly("lathe 1\nfunc f(x: " + std::string(type) + "[64, 48]) -> (c) {\n" +
                       "  c[i, j] = x[i, j] * x[i, j] + x[i, j]\n}\n",
                   "lathe-trace 1\nj.o, j.i = split(c.j, 16)\nvectorize(j.i)\n", target);
      EXPECT_THAT(code, Not(HasSubstr("sf2")));
      EXPECT_THAT(code, Not(HasSubstr("hf2")));
      EXPECT_THAT(code, AnyOf(HasSubstr("mulps"), HasSubstr("vmulps")));
      EXPECT_THAT(code, Not(HasSubstr("mulss")));
      EXPECT_THAT(code, Not(HasSubstr("pinsrw")));
      EXPECT_THAT(code, Not(HasSubstr("pextrw")));
    }
  }
}

}  // namespace
}  // namespace lathe::testing
