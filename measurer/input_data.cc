#include "measurer/input_data.h"

#include <cstring>

namespace lathe {
namespace {

uint64_t SplitMix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint64_t Draw(uint64_t seed, int argument, int64_t index) {
  return SplitMix64(SplitMix64(seed * 1000003 + static_cast<uint64_t>(argument)) +
                    static_cast<uint64_t>(index));
}

// 11 random bits on [-1, 1): exact in f32 and f64, and with 8 of them in bf16.
double Grid(uint64_t bits, int width) {
  int64_t steps = static_cast<int64_t>(bits & ((1u << width) - 1)) - (1 << (width - 1));
  return static_cast<double>(steps) / (1 << (width - 1));
}

float F32(uint64_t bits) { return static_cast<float>(Grid(bits, 11)); }

template <typename T, typename F>
bool Fill(uint64_t seed, int argument, int64_t count, void* data, F value) {
  char* out = static_cast<char*>(data);
  for (int64_t i = 0; i < count; ++i) {
    T element = static_cast<T>(value(Draw(seed, argument, i)));
    std::memcpy(out + i * sizeof(T), &element, sizeof(T));
  }
  return true;
}

// Bits of a half-precision float for a value that is exact in it.
uint16_t HalfBits(double value) {
  float f = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &f, sizeof(bits));
  if ((bits & 0x7fffffff) == 0) return static_cast<uint16_t>(bits >> 16);
  int exponent = static_cast<int>((bits >> 23) & 255) - 127 + 15;
  return static_cast<uint16_t>((bits >> 16 & 0x8000) | (exponent << 10) | (bits >> 13 & 0x3ff));
}

uint16_t BFloatBits(double value) {
  float f = static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &f, sizeof(bits));
  return static_cast<uint16_t>(bits >> 16);
}

double Value(uint64_t bits, std::string_view type) {
  if (type == "f32" || type == "f64" || type == "f16") return Grid(bits, 11);
  if (type == "bf16") return Grid(bits, 8);
  if (type == "i8") return static_cast<int8_t>(bits);
  if (type == "u8") return static_cast<uint8_t>(bits);
  if (type == "bool") return static_cast<double>(bits & 1);
  return static_cast<double>(static_cast<int64_t>(bits % 2001) - 1000);
}

}  // namespace

double InputElement(uint64_t seed, int argument, std::string_view type, int64_t index) {
  return Value(Draw(seed, argument, index), type);
}

bool FillInput(uint64_t seed, int argument, std::string_view type, int64_t count, void* data) {
  auto value = [&](uint64_t bits) { return Value(bits, type); };
  if (type == "f32") return Fill<float>(seed, argument, count, data, F32);
  if (type == "f64") return Fill<double>(seed, argument, count, data, value);
  if (type == "i8") return Fill<int8_t>(seed, argument, count, data, value);
  if (type == "u8" || type == "bool") return Fill<uint8_t>(seed, argument, count, data, value);
  if (type == "i32") return Fill<int32_t>(seed, argument, count, data, value);
  if (type == "i64") return Fill<int64_t>(seed, argument, count, data, value);
  if (type == "f16") {
    return Fill<uint16_t>(seed, argument, count, data,
                          [&](uint64_t b) { return HalfBits(value(b)); });
  }
  if (type == "bf16") {
    return Fill<uint16_t>(seed, argument, count, data,
                          [&](uint64_t b) { return BFloatBits(value(b)); });
  }
  return false;
}

}  // namespace lathe
