#include "measurer/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lathe {
namespace {

const BufferSpec kOutput = {"y", "f32", {2, 2}, true};
const BufferSpec kReference = {"y", "f64", {2, 2}, true};

// Judges with an allowed error of 0.5 everywhere.
std::optional<std::string> Judge(std::vector<float> got, std::vector<double> expected) {
  const double bounds[] = {1, 1, 1, 1};
  OutputRule rule;
  rule.unit_roundoff = 0.25;
  return CompareOutput(kOutput, got.data(), kReference, expected.data(), bounds, rule, 2);
}

TEST(Compare, WithinTheBoundIsGood) {
  EXPECT_EQ(Judge({1, 2, 3, 4}, {1.5, 1.5, 3, 4.25}), std::nullopt);
}

TEST(Compare, TheFirstMismatchIsNamed) {
  std::optional<std::string> message = Judge({1, 2, 3, 4}, {1, 2, 4, 5});
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(*message, "y[1, 0] is 3, expected 4 within 0.5 (2 of 4 elements differ)");
}

TEST(Compare, NansAndInfinitiesMatchTheirKindOnly) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Judge({nan, inf, -inf, 0}, {std::nan(""), inf, -inf, 0}), std::nullopt);
  EXPECT_TRUE(Judge({nan, 0, 0, 0}, {0, 0, 0, 0}).has_value());
  EXPECT_TRUE(Judge({0, 0, 0, 0}, {std::nan(""), 0, 0, 0}).has_value());
  EXPECT_TRUE(Judge({inf, 0, 0, 0}, {-inf, 0, 0, 0}).has_value());
  EXPECT_TRUE(Judge({inf, 0, 0, 0}, {1, 0, 0, 0}).has_value());
}

TEST(Compare, IntegersAreExact) {
  const BufferSpec spec = {"n", "i64", {2}, true};
  OutputRule rule;
  rule.exact = true;
  const int64_t expected[] = {int64_t{1} << 62, -7};
  const int64_t off_by_one[] = {(int64_t{1} << 62) + 1, -7};
  EXPECT_EQ(CompareOutput(spec, expected, spec, expected, nullptr, rule, 1), std::nullopt);
  EXPECT_TRUE(CompareOutput(spec, off_by_one, spec, expected, nullptr, rule, 1).has_value());
}

TEST(Compare, HalfPrecisionIsReadRight) {
  const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00};
  EXPECT_EQ(ElementAsDouble("f16", halves, 0), 1);
  EXPECT_EQ(ElementAsDouble("f16", halves, 1), -2);
  EXPECT_EQ(ElementAsDouble("f16", halves, 2), 0x1p-24);
  EXPECT_TRUE(std::isinf(ElementAsDouble("f16", halves, 3)));
  const uint16_t bfloats[] = {0x3f80, 0xc000};
  EXPECT_EQ(ElementAsDouble("bf16", bfloats, 0), 1);
  EXPECT_EQ(ElementAsDouble("bf16", bfloats, 1), -2);
}

}  // namespace
}  // namespace lathe
