#include "cli/output.h"

#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "compiler/base/source_error.h"

namespace lathe::cli {

void PrintError(std::string_view message) {
  std::fprintf(stderr, "lathe: error: %.*s\n", static_cast<int>(message.size()), message.data());
}

void PrintError(const absl::Status& status) { PrintError(FromAbsl(status.message())); }

void PrintNote(std::string_view message) {
  std::fprintf(stderr, "lathe: %.*s\n", static_cast<int>(message.size()), message.data());
}

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void PrintJson(const Json& json) {
  Print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string FormatSeconds(double seconds) {
  struct Unit {
    double scale;
    const char* name;
  };
  constexpr Unit kUnits[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
  for (const Unit& unit : kUnits) {
    double value = seconds / unit.scale;
    if (value < 1 && unit.scale > 1e-9) continue;
    int decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return absl::StrFormat("%.*f %s", decimals, value, unit.name);
  }
  return "0 s";
}

std::string FormatInterval(double median, double low, double high) {
  return absl::StrCat(FormatSeconds(median), " [", FormatSeconds(low), ", ", FormatSeconds(high),
                      "]");
}

std::string FormatRatio(double ratio) {
  return absl::StrFormat("%.*fx", ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2, ratio);
}

std::string FormatTime(int64_t unix_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

std::string Indent(std::string_view text) {
  std::string result;
  bool line_start = true;
  for (char c : text) {
    if (line_start && c != '\n') result += "  ";
    result += c;
    line_start = c == '\n';
  }
  return result;
}

}  // namespace lathe::cli
