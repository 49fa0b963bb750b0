#include <cmath>
#include <cstring>

#include "compiler/loop/interpreter.h"
#include "gtest/gtest.h"

namespace lathe {
namespace {

TEST(TensorValue, EverySixteenBitFloatSurvives) {
  for (ScalarType type : {ScalarType::kF16, ScalarType::kBF16}) {
    TensorValue value = TensorValue::Zeros(type, {1});
    for (int bits = 0; bits < 0x10000; ++bits) {
      auto pattern = static_cast<uint16_t>(bits);
      std::memcpy(value.bytes.data(), &pattern, sizeof pattern);
      double number = value.Get(0);
      if (std::isnan(number)) continue;
      value.Set(0, number);
      uint16_t back;
      std::memcpy(&back, value.bytes.data(), sizeof back);
      ASSERT_EQ(back, pattern) << std::string(Name(type)) << " " << number;
    }
  }
}

TEST(TensorValue, KnownPatterns) {
  TensorValue half = TensorValue::Zeros(ScalarType::kF16, {1});
  uint16_t bits = 0x3555;  // nearest to 1/3
  std::memcpy(half.bytes.data(), &bits, sizeof bits);
  EXPECT_EQ(half.Get(0), 0x1.554p-2);
  TensorValue brain = TensorValue::Zeros(ScalarType::kBF16, {1});
  brain.Set(0, -1.5);
  std::memcpy(&bits, brain.bytes.data(), sizeof bits);
  EXPECT_EQ(bits, 0xbfc0);
}

TEST(TensorValue, IntegersSaturate) {
  TensorValue value = TensorValue::Zeros(ScalarType::kU8, {2, 2});
  value.Set(3, 300);
  EXPECT_EQ(value.Get(3), 255);
  EXPECT_EQ(value.Get(0), 0);
  EXPECT_EQ(value.NumElements(), 4);
}

}  // namespace
}  // namespace lathe
