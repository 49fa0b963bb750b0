#include "compiler/tensor/scalar_math.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace lathe {
namespace {

using enum ScalarType;

TEST(ScalarMath, IntegersWrap) {
  EXPECT_EQ(WrapInteger(kI8, 128), -128);
  EXPECT_EQ(WrapInteger(kU8, -1), 255);
  EXPECT_EQ(WrapInteger(kI32, int64_t{1} << 31), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(WrapInteger(kI64, std::numeric_limits<int64_t>::min()),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(WrapInteger(kBool, 256), 1);
}

TEST(ScalarMath, FloatsRoundToNearestEven) {
  EXPECT_EQ(RoundFloat(kF32, 1 + 0x1p-24), 1);
  EXPECT_EQ(RoundFloat(kF32, 1 + 0x3p-24), 1 + 0x1p-22);
  EXPECT_EQ(RoundFloat(kF16, 1 + 0x1p-11), 1);
  EXPECT_EQ(RoundFloat(kF16, 1 + 0x3p-11), 1 + 0x1p-9);
  EXPECT_EQ(RoundFloat(kBF16, 1 + 0x1p-8), 1);
  EXPECT_EQ(RoundFloat(kBF16, 1 + 0x1.01p-8), 1 + 0x1p-7);
  EXPECT_EQ(RoundFloat(kF64, 0.1), 0.1);
}

TEST(ScalarMath, FloatsOverflowToInfinity) {
  EXPECT_EQ(RoundFloat(kF16, 65519), 65504);
  EXPECT_EQ(RoundFloat(kF16, 65520), INFINITY);
  EXPECT_EQ(RoundFloat(kBF16, -3.4e38), -INFINITY);
  double largest = std::numeric_limits<float>::max();
  EXPECT_EQ(RoundFloat(kF32, std::nextafter(0x1.ffffffp127, 0)), largest);
  EXPECT_EQ(RoundFloat(kF32, 0x1.ffffffp127), INFINITY);
  EXPECT_EQ(RoundFloat(kF32, -1e300), -INFINITY);
  EXPECT_TRUE(std::isnan(RoundFloat(kF32, NAN)));
  EXPECT_TRUE(std::isnan(RoundFloat(kF16, NAN)));
}

TEST(ScalarMath, FloatsKeepSubnormalsAndTheSignOfZero) {
  EXPECT_EQ(RoundFloat(kF16, 0x1p-24), 0x1p-24);
  EXPECT_EQ(RoundFloat(kF16, 0x1p-25), 0);
  EXPECT_EQ(RoundFloat(kBF16, 0x1p-133), 0x1p-133);
  EXPECT_TRUE(std::signbit(RoundFloat(kF16, -0.0)));
}

TEST(ScalarMath, FloatsSaturateToIntegers) {
  EXPECT_EQ(SaturateToInteger(kI8, 200), 127);
  EXPECT_EQ(SaturateToInteger(kI8, -1.9), -1);
  EXPECT_EQ(SaturateToInteger(kU8, -3), 0);
  EXPECT_EQ(SaturateToInteger(kI64, 1e30), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(SaturateToInteger(kI64, -INFINITY), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(SaturateToInteger(kI32, NAN), 0);
  EXPECT_EQ(SaturateToInteger(kBool, 0.25), 1);
  EXPECT_EQ(RoundToType(kI32, 2.75), 2);
}

TEST(ScalarMath, DivisionRoundsTowardsMinusInfinity) {
  for (int64_t a = -7; a <= 7; ++a) {
    for (int64_t b = 1; b <= 4; ++b) {
      EXPECT_EQ(FloorDiv(a, b), static_cast<int64_t>(std::floor(static_cast<double>(a) / b)));
      EXPECT_EQ(FloorDiv(a, b) * b + FloorMod(a, b), a);
      EXPECT_GE(FloorMod(a, b), 0);
    }
  }
}

}  // namespace
}  // namespace lathe
