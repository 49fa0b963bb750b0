#include "database/uuid.h"

#include <cstdint>
#include <random>

#include "compiler/base/check.h"
#include "database/store.h"

namespace lathe {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr size_t kDashes[] = {8, 13, 18, 23};

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> HexToBytes(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    int high = DigitValue(hex[i]), low = DigitValue(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::string BytesToHex(std::string_view bytes) {
  std::string hex;
  for (char c : bytes) {
    auto byte = static_cast<uint8_t>(c);
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

std::optional<std::string> UuidToBytes(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex(text);
  for (size_t d = std::size(kDashes); d-- > 0;) {
    if (hex[kDashes[d]] != '-') return std::nullopt;
    hex.erase(kDashes[d], 1);
  }
  return HexToBytes(hex);
}

std::string UuidToText(std::string_view bytes) {
  CHECK_EQ(bytes.size(), 16u);
  std::string text = BytesToHex(bytes);
  for (size_t dash : kDashes) text.insert(dash, 1, '-');
  return text;
}

std::string NewUuid() {
  std::random_device device;  // getrandom(2) on Linux
  std::string bytes;
  while (bytes.size() < 16) {
    uint32_t word = device();
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(word >> shift));
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // RFC 4122's variant
  return UuidToText(bytes);
}

}  // namespace lathe
