// Errors of the elementary functions of f32, f16 and bf16, over the whole range.
//
// A plain run visits every 997th bit pattern of f32, all special values, and
// every value near the points where the functions or their code bend.
// `vector_math_test --exhaustive` visits all 2^32 values of each function, with
// and without fused multiply-add (about two minutes each; choose some with
// --gtest_filter=*exp*), and prints the largest errors: those in the table of
// compiler/codegen/vector_math.h.
#include "compiler/codegen/vector_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "compiler/codegen/compile.h"
#include "compiler/tensor/scalar_math.h"
#include "tests/compiler/codegen/compiled_kernel.h"
#include "tests/compiler/codegen/elementary_functions.h"
#include "tests/compiler/codegen/program_builder.h"

namespace lathe::testing {
namespace {

bool exhaustive = false;  // set by main

struct Precision {
  int digits;
  int min_exponent;  // of the smallest normal number
  double largest;
};
constexpr Precision kSingle{24, -126, std::numeric_limits<float>::max()};

// |got - want| in units in the last place of the binade of `want`; infinite
// when one is NaN and the other is not, or a zero has the wrong sign. One step
// away from overflow counts 1.
double UlpError(double got, double want, const Precision& precision) {
  if (std::isnan(got) || std::isnan(want)) {
    return std::isnan(got) && std::isnan(want) ? 0 : INFINITY;
  }
  const double magnitude = std::abs(want);
  const double last_step = precision.largest * std::ldexp(1.0, -precision.digits);
  if (magnitude >= precision.largest || std::isinf(got)) {
    if (std::signbit(got) != std::signbit(want)) return INFINITY;
    const bool overflows = magnitude >= precision.largest + last_step;
    if (std::isinf(got) == overflows) return 0;
    const bool near = std::abs(magnitude - precision.largest) <= 4 * last_step;
    return near && std::abs(got) >= precision.largest ? 1 : INFINITY;
  }
  if (want == 0 && std::signbit(got) != std::signbit(want)) return INFINITY;
  const int exponent = static_cast<int>(std::bit_cast<uint64_t>(magnitude) >> 52) - 1023;
  const int unit = std::max(exponent, precision.min_exponent) - precision.digits + 1;
  const double units_per_one = std::bit_cast<double>(static_cast<uint64_t>(1023 - unit) << 52);
  return std::abs(got - want) * units_per_one;
}

// Machine code of one function of f32 over blocks of kBlock values.
class FunctionKernel {
 public:
  static constexpr int64_t kBlock = 1 << 16;
  FunctionKernel(UnaryOp op, const Target& target) {
    const Program program = Elementwise(ScalarType::kF32, ScalarType::kF32, kBlock, 16,
                                        [&](Expr a, Expr b) { return MakeUnary(op, a); });
    auto artifact = CompileArtifact(program, target, "{}");
    if (!artifact.ok()) {
      ADD_FAILURE() << artifact.status();
      return;
    }
    library_ = *OpenedLibrary::Open(*artifact);
    kernel_ = reinterpret_cast<lathe_kernel_fn>(library_->Symbol("lathe_kernel"));
  }
  bool ok() const { return kernel_ != nullptr; }
  void Run(std::vector<float>& x, std::vector<float>& y) const {
    void* arguments[] = {x.data(), x.data(), y.data()};
    kernel_(arguments, nullptr);  // neither workspace nor threads
  }

 private:
  std::unique_ptr<OpenedLibrary> library_;
  lathe_kernel_fn kernel_ = nullptr;
};

struct Worst {
  double error = 0;
  float at = 0, got = 0;
};

class FloatSweep {
 public:
  FloatSweep(const Elementary& function, const FunctionKernel& kernel)
      : function_(function), kernel_(kernel) {}

  // `count` patterns from `first` on, `stride` apart.
  void Visit(uint32_t first, uint64_t count, uint32_t stride) {
    uint32_t bits = first;
    for (uint64_t done = 0; done < count; done += x_.size()) {
      for (float& x : x_) {  // past the count: more of the same
        x = std::bit_cast<float>(bits);
        bits += stride;
      }
      kernel_.Run(x_, y_);
      for (size_t i = 0; i < x_.size(); ++i) {
        const double error = UlpError(y_[i], function_.of_double(x_[i]), kSingle);
        if (error > worst_.error) worst_ = {error, x_[i], y_[i]};
      }
    }
  }
  const Worst& worst() const { return worst_; }

 private:
  const Elementary& function_;
  const FunctionKernel& kernel_;
  std::vector<float> x_ = std::vector<float>(FunctionKernel::kBlock);
  std::vector<float> y_ = std::vector<float>(FunctionKernel::kBlock);
  Worst worst_;
};

// Zeros, ends of ranges, where code changes from one form to another, and where
// results overflow, underflow or round to a constant.
constexpr float kBends[] = {0,           0x1p-126f,
                            0x1p-24f,    0.34657359f,
                            0.70710678f, 1,
                            1.03972077f, 1.4142135f,
                            2,           3.8325069f,
                            4,           8.6643398f,
                            9.0109133f,  10,
                            16.635532f,  87.336545f,
                            88.722839f,  103.27893f,
                            103.97208f,  0x1p23f,
                            0x1p24f,     std::numeric_limits<float>::infinity()};

class FloatMathTest : public ::testing::TestWithParam<Elementary> {};

TEST_P(FloatMathTest, ErrorsAreWithinTheDocumentedBounds) {
  const Elementary& function = GetParam();
  for (const Target& target : {HostTarget(), Target{}}) {
    const FunctionKernel kernel(function.op, target);
    ASSERT_TRUE(kernel.ok());
    FloatSweep sweep(function, kernel);
    if (exhaustive) {
      sweep.Visit(0, uint64_t{1} << 32, 1);
    } else {
      constexpr uint32_t kPrime = 997;
      sweep.Visit(0, (uint64_t{1} << 32) / kPrime, kPrime);
      for (float bend : kBends) {
        constexpr uint32_t kHalf = FunctionKernel::kBlock / 2;
        sweep.Visit(std::bit_cast<uint32_t>(bend) - kHalf, 2 * kHalf, 1);
        sweep.Visit(std::bit_cast<uint32_t>(-bend) - kHalf, 2 * kHalf, 1);
      }
    }
    const Worst& worst = sweep.worst();
    const char* form = target.Has("fma") ? "with fma" : "without fma";
    std::cout << Name(function.op) << " " << form << ": " << worst.error << " units at "
              << std::hexfloat << worst.at << std::defaultfloat << "\n";
    RecordProperty(std::string(Name(function.op)) + " " + form, std::to_string(worst.error));
    EXPECT_LE(worst.error, BoundOn(target, function.f32_bound))
        << form << ": " << Name(function.op) << "(" << worst.at << ") = " << worst.got;
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, FloatMathTest, ::testing::ValuesIn(kElementary),
                         [](const auto& info) { return std::string(Name(info.param.op)); });

// All 65,536 values: the functions of f32, rounded once more.
TEST(HalfMathTest, EveryValueIsNearlyCorrectlyRounded) {
  const std::pair<ScalarType, Precision> types[] = {{ScalarType::kF16, {11, -14, 65504}},
                                                    {ScalarType::kBF16, {8, -126, 0x1.fep127}}};
  std::vector<uint16_t> patterns(1 << 16);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  for (const auto& [type, precision] : types) {
    TensorValue all = TensorValue::Zeros(type, {static_cast<int64_t>(patterns.size())});
    std::memcpy(all.bytes.data(), patterns.data(), all.bytes.size());
    for (const Elementary& function : kElementary) {
      SCOPED_TRACE(::testing::Message() << Name(type) << " " << Name(function.op));
      const Program program = Elementwise(type, type, all.NumElements(), 16, [&](Expr a, Expr b) {
        return MakeUnary(function.op, a);
      });
      for (const Target& target : {HostTarget(), Target{}}) {
        auto got = CompileAndRun(program, {all, all}, target);
        ASSERT_TRUE(got.ok()) << got.status();
        // A few units of f32 can turn what lies that near a midpoint.
        const double bound = 0.5 + BoundOn(target, function.f32_bound) *
                                       std::ldexp(1.0, precision.digits - kSingle.digits);
        for (int64_t i = 0; i < all.NumElements(); ++i) {
          const double x = all.Get(i), y = (*got)[0].Get(i);
          ASSERT_LE(UlpError(y, function.of_double(x), precision), bound)
              << Name(function.op) << "(" << x << ") = " << y;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lathe::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    lathe::testing::exhaustive |= std::string_view(argv[i]) == "--exhaustive";
  }
  return RUN_ALL_TESTS();
}
