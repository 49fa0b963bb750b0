#include "report/text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace lathe::report {
namespace {

// Bytes of the UTF-8 sequence that begins at `text[at]`; 0 if there is none.
size_t SequenceLength(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t length = first >= 0xC2 && first < 0xE0   ? 2
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  if (length == 0 || at + length > text.size()) return 0;
  uint32_t code = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return 0;
    code = code << 6 | (next & 0x3Fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // else overlong
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[length] || code > 0x10FFFF || surrogate) return 0;
  return code == 0xFFFE || code == 0xFFFF ? 0 : length;  // no characters of XML
}

}  // namespace

std::string Escaped(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      const size_t length = SequenceLength(text, i);
      result += length > 0 ? text.substr(i, length) : std::string_view("?");
      i += length > 0 ? length : 1;
      continue;
    }
    ++i;
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7F) ? c : '?';
    }
  }
  return result;
}

std::string NumberText(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value)) return std::isnan(value) ? "?" : value < 0 ? "−∞" : "∞";
  if (size == 0) return "0";
  if (size >= 1e6 || size < 1e-3) return absl::StrFormat("%.2g", value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.1 ? 2 : 4;
  return absl::StrFormat("%.*f", decimals, value);
}

std::string TickText(double value) {
  std::string text = NumberText(value);
  if (text.find('.') == std::string::npos || text.find('e') != std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string TimeText(double seconds) {
  struct Unit {
    double scale;
    const char* name;
  };
  constexpr Unit kUnits[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}};
  for (const Unit& unit : kUnits) {
    if (seconds < 0.9995 * unit.scale && unit.scale > 1e-9) continue;
    return absl::StrCat(NumberText(seconds / unit.scale), " ", unit.name);
  }
  return "";
}

std::string RatioText(double ratio) { return absl::StrCat(NumberText(ratio), "×"); }

std::string PercentText(double fraction) {
  return absl::StrFormat("%.*f %%", fraction < 0.1 ? 1 : 0, fraction * 100);
}

std::string CountText(int64_t count) {
  const std::string digits = absl::StrCat(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > (count < 0 ? 1u : 0u) && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string DateText(int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

std::string DurationText(double seconds) {
  if (seconds < 59.95) return absl::StrFormat("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3600, " h ", whole % 3600 / 60, " min");
}

}  // namespace lathe::report
