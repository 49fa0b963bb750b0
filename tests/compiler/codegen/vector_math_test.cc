// Errors of the elementary functions, over a sample of all bit patterns.
#include "compiler/codegen/vector_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "compiler/codegen/compile.h"
#include "tests/compiler/codegen/compiled_kernel.h"
#include "tests/compiler/codegen/program_builder.h"

namespace lathe::testing {
namespace {

struct Case {
  UnaryOp op;
  long double (*reference)(long double);
  double float_bound, double_bound;  // units in the last place, with fma
};

long double Rsqrt(long double x) { return 1 / std::sqrt(x); }
long double Sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }

const Case kCases[] = {
    {UnaryOp::kExp, [](long double x) { return std::exp(x); }, 1.1, 1.1},
    {UnaryOp::kLog, [](long double x) { return std::log(x); }, 1.0, 1.0},
    {UnaryOp::kTanh, [](long double x) { return std::tanh(x); }, 2.5, 2.5},
    {UnaryOp::kErf, [](long double x) { return std::erf(x); }, 2.5, 2.0},
    {UnaryOp::kSigmoid, Sigmoid, 3.0, 3.0},
    {UnaryOp::kRsqrt, Rsqrt, 1.5, 1.5},
    {UnaryOp::kSqrt, [](long double x) { return std::sqrt(x); }, 0.5001, 0.5001},
    {UnaryOp::kFloor, [](long double x) { return std::floor(x); }, 0, 0},
};

// |got - want| in units in the last place of T at `want`; 0 when both are the
// same infinity or NaN, infinite when one is.
template <typename T>
double UlpError(T got, long double want) {
  const T rounded = static_cast<T>(want);
  if (std::isnan(rounded) || std::isnan(got)) {
    return std::isnan(rounded) && std::isnan(got) ? 0 : INFINITY;
  }
  if (std::isinf(rounded) || std::isinf(got)) {
    if (got == rounded) return 0;
    // One step away from overflow is no infinite error.
    const T largest = std::numeric_limits<T>::max();
    return std::abs(got) >= largest && std::abs(rounded) >= largest ? 1 : INFINITY;
  }
  int exponent;
  std::frexp(rounded, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const long double unit = std::ldexp(1.0L, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs(got - want) / unit);
}

// Bit patterns spread evenly over the type, each sign, subnormals, infinities
// and NaN included, and a dense linear part where the functions bend.
template <typename T, typename Bits>
std::vector<T> Samples(int64_t count) {
  std::vector<T> samples;
  const Bits step = static_cast<Bits>(std::numeric_limits<Bits>::max() / (count / 2)) | 1;
  Bits bits = 0;
  for (int64_t i = 0; i < count / 2; ++i, bits += step) samples.push_back(std::bit_cast<T>(bits));
  for (int64_t i = 0; i < count / 2; ++i) {
    samples.push_back(static_cast<T>(-100 + 200.0 * i / (count / 2)));
  }
  for (double edge : {0.0, -0.0, 1.0, -1.0, 88.72, -103.9, -87.4, 709.7, -745.1, 0.70710678}) {
    samples.push_back(static_cast<T>(edge));
  }
  while (samples.size() % 16 != 0) samples.push_back(static_cast<T>(INFINITY));
  return samples;
}

template <typename T, typename Bits>
double WorstError(const Case& test, ScalarType type, const Target& target, int64_t count) {
  const std::vector<T> samples = Samples<T, Bits>(count);
  const auto n = static_cast<int64_t>(samples.size());
  Program program =
      Elementwise(type, type, n, 16, [&](Expr a, Expr b) { return MakeUnary(test.op, a); });
  TensorValue input = TensorValue::Zeros(type, {n});
  std::memcpy(input.bytes.data(), samples.data(), input.bytes.size());
  auto outputs = CompileAndRun(program, {input, input}, target);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  if (!outputs.ok()) return INFINITY;
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    T got;
    std::memcpy(&got, (*outputs)[0].bytes.data() + i * sizeof(T), sizeof(T));
    const double error = UlpError(got, test.reference(samples[i]));
    if (error > worst) worst = error;
    if (std::isinf(error)) {
      ADD_FAILURE() << Name(test.op) << "(" << samples[i] << ") = " << got;
      break;
    }
  }
  return worst;
}

Target WithoutFma() { return Target{}; }

TEST(VectorMathTest, FloatErrorsAreWithinTheDocumentedBounds) {
  for (const Case& test : kCases) {
    SCOPED_TRACE(std::string(Name(test.op)));
    const double fused = WorstError<float, uint32_t>(test, ScalarType::kF32, HostTarget(), 1 << 21);
    const double plain = WorstError<float, uint32_t>(test, ScalarType::kF32, WithoutFma(), 1 << 19);
    RecordProperty(std::string(Name(test.op)), std::to_string(fused));
    EXPECT_LE(fused, test.float_bound + (HostTarget().Has("fma") ? 0 : 1));
    EXPECT_LE(plain, test.float_bound + (test.float_bound > 0 ? 1 : 0));
  }
}

TEST(VectorMathTest, DoubleErrorsAreWithinTheDocumentedBounds) {
  for (const Case& test : kCases) {
    SCOPED_TRACE(std::string(Name(test.op)));
    const double fused =
        WorstError<double, uint64_t>(test, ScalarType::kF64, HostTarget(), 1 << 19);
    const double plain =
        WorstError<double, uint64_t>(test, ScalarType::kF64, WithoutFma(), 1 << 17);
    EXPECT_LE(fused, test.double_bound + (HostTarget().Has("fma") ? 0 : 1));
    EXPECT_LE(plain, test.double_bound + (test.double_bound > 0 ? 1 : 0));
  }
}

// All pairs of edge values, then random ones, against the C library.
template <typename T>
void CheckPow(ScalarType type, double bound) {
  std::vector<T> edges = {0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 0.75, 1e10, -1e10, 1e-10};
  edges.push_back(static_cast<T>(INFINITY));
  edges.push_back(static_cast<T>(-INFINITY));
  edges.push_back(static_cast<T>(NAN));
  std::vector<T> x, y;
  for (T a : edges) {
    for (T b : edges) x.push_back(a), y.push_back(b);
  }
  constexpr uint64_t kSeed = 5;
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<double> exponent(-40, 40), power(-30, 30);
  for (int i = 0; i < 100000; ++i) {
    x.push_back(static_cast<T>(std::exp2(exponent(random))));
    y.push_back(static_cast<T>(power(random) * (i % 2 ? 1 : 0.05)));
  }
  while (x.size() % 16 != 0) x.push_back(2), y.push_back(2);
  const auto n = static_cast<int64_t>(x.size());
  TensorValue a = TensorValue::Zeros(type, {n}), b = a;
  std::memcpy(a.bytes.data(), x.data(), a.bytes.size());
  std::memcpy(b.bytes.data(), y.data(), b.bytes.size());
  Program program = Elementwise(type, type, n, 16,
                                [](Expr p, Expr q) { return MakeBinary(BinaryOp::kPow, p, q); });
  for (const Target& target : {HostTarget(), WithoutFma()}) {
    auto outputs = CompileAndRun(program, {a, b}, target);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    for (int64_t i = 0; i < n; ++i) {
      T got;
      std::memcpy(&got, (*outputs)[0].bytes.data() + i * sizeof(T), sizeof(T));
      const long double want = std::pow(static_cast<long double>(x[i]), y[i]);
      ASSERT_LE(UlpError(got, want), bound)
          << "seed " << kSeed << ": pow(" << x[i] << ", " << y[i] << ") = " << got;
      if (want == 0) {
        ASSERT_EQ(std::signbit(got), std::signbit(want)) << x[i] << " " << y[i];
      }
    }
  }
}

TEST(VectorMathTest, PowOfFloats) { CheckPow<float>(ScalarType::kF32, 0.6); }
TEST(VectorMathTest, PowOfDoubles) { CheckPow<double>(ScalarType::kF64, 5); }

}  // namespace
}  // namespace lathe::testing
