// How commands print: results on stdout, messages on stderr.
#ifndef LATHE_CLI_OUTPUT_H_
#define LATHE_CLI_OUTPUT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"

namespace lathe::cli {

using Json = nlohmann::ordered_json;

// "lathe: error: ..." on stderr.
void PrintError(std::string_view message);
void PrintError(const absl::Status& status);
// "lathe: ..." on stderr.
void PrintNote(std::string_view message);

void Print(std::string_view text);  // to stdout, as it is
void PrintJson(const Json& json);   // to stdout, indented, with a newline

// "1.52 ms": three significant digits with a unit from ns to s.
std::string FormatSeconds(double seconds);
// "12.3 us [12.1, 12.5]": a median with its 95 % confidence interval.
std::string FormatInterval(double median, double low, double high);
// "3.4x".
std::string FormatRatio(double ratio);
// "2026-11-22 10:00:00Z".
std::string FormatTime(int64_t unix_ms);

// Text indented by two spaces a line.
std::string Indent(std::string_view text);

}  // namespace lathe::cli

#endif  // LATHE_CLI_OUTPUT_H_
