// Errors of the elementary functions of f64 over a sample of all bit patterns,
// and of pow.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>

#include "compiler/codegen/compile.h"
#include "tests/compiler/codegen/compiled_kernel.h"
#include "tests/compiler/codegen/elementary_functions.h"
#include "tests/compiler/codegen/program_builder.h"

namespace lathe::testing {
namespace {

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
std::vector<double> Samples(int64_t count) {
  std::vector<double> samples;
  const uint64_t step = std::numeric_limits<uint64_t>::max() / (count / 2) | 1;
  uint64_t bits = 0;
  for (int64_t i = 0; i < count / 2; ++i, bits += step) {
    samples.push_back(std::bit_cast<double>(bits));
  }
  for (int64_t i = 0; i < count / 2; ++i) samples.push_back(-100 + 200.0 * i / (count / 2));
  for (double edge : {0.0, -0.0, 1.0, -1.0, 709.7, -745.1, 0.70710678}) samples.push_back(edge);
  while (samples.size() % 16 != 0) samples.push_back(INFINITY);
  return samples;
}

TEST(DoubleMathTest, ErrorsAreWithinTheDocumentedBounds) {
  for (const Elementary& function : kElementary) {
    for (const Target& target : {HostTarget(), Target{}}) {
      SCOPED_TRACE(std::string(Name(function.op)) + " on " + ToText(target));
      const std::vector<double> samples = Samples(1 << 18);
      const auto n = static_cast<int64_t>(samples.size());
      const Program program =
          Elementwise(ScalarType::kF64, ScalarType::kF64, n, 16,
                      [&](Expr a, Expr b) { return MakeUnary(function.op, a); });
      TensorValue input = TensorValue::Zeros(ScalarType::kF64, {n});
      std::memcpy(input.bytes.data(), samples.data(), input.bytes.size());
      auto outputs = CompileAndRun(program, {input, input}, target);
      ASSERT_TRUE(outputs.ok()) << outputs.status();
      const double bound = BoundOn(target, function.f64_bound);
      for (int64_t i = 0; i < n; ++i) {
        const double got = (*outputs)[0].Get(i);
        ASSERT_LE(UlpError(got, function.of_long_double(samples[i])), bound)
            << Name(function.op) << "(" << samples[i] << ") = " << got;
      }
    }
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
  // Bases of every magnitude (a third of them near 1), whose powers reach a
  // little beyond the range of T at both ends.
  constexpr double kRange = 1.1 * std::numeric_limits<T>::max_exponent;
  std::uniform_real_distribution<double> exponent(-kRange, kRange), unit(-1, 1);
  for (int i = 0; i < 150000; ++i) {
    const double log2 =
        exponent(random) * (i % 3 == 0 ? std::exp2(-20 * std::abs(unit(random))) : 1);
    T base = static_cast<T>(std::exp2(log2));
    T power = static_cast<T>(unit(random) * kRange / log2);
    if (i % 8 == 0) base = -base, power = std::nearbyint(power);
    x.push_back(base), y.push_back(power);
  }
  while (x.size() % 16 != 0) x.push_back(2), y.push_back(2);
  const auto n = static_cast<int64_t>(x.size());
  TensorValue a = TensorValue::Zeros(type, {n}), b = a;
  std::memcpy(a.bytes.data(), x.data(), a.bytes.size());
  std::memcpy(b.bytes.data(), y.data(), b.bytes.size());
  Program program = Elementwise(type, type, n, 16,
                                [](Expr p, Expr q) { return MakeBinary(BinaryOp::kPow, p, q); });
  for (const Target& target : {HostTarget(), Target{}}) {
    auto outputs = CompileAndRun(program, {a, b}, target);
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      T got;
      std::memcpy(&got, (*outputs)[0].bytes.data() + i * sizeof(T), sizeof(T));
      const long double want = std::pow(static_cast<long double>(x[i]), y[i]);
      const double error = UlpError(got, want);
      worst = std::max(worst, error);
      ASSERT_LE(error, bound) << "seed " << kSeed << ": pow(" << x[i] << ", " << y[i]
                              << ") = " << got;
      if (want == 0) {
        ASSERT_EQ(std::signbit(got), std::signbit(want)) << x[i] << " " << y[i];
      }
    }
    std::cout << "pow " << Name(type) << ": " << worst << " units\n";
  }
}

TEST(PowTest, OfFloats) { CheckPow<float>(ScalarType::kF32, 0.6); }
TEST(PowTest, OfDoubles) { CheckPow<double>(ScalarType::kF64, 1.6); }

}  // namespace
}  // namespace lathe::testing
