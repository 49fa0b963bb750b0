// Text of the page: what is escaped, and numbers as people read them.
#ifndef LATHE_REPORT_TEXT_H_
#define LATHE_REPORT_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe::report {

// Safe in elements and quoted attributes of XML and HTML. Bytes that are no UTF-8
// or that XML forbids become '?'.
std::string Escaped(std::string_view text);

// Three significant digits: "107", "12.3", "1.52", "0.0123"; "1.2e+10" far from one.
std::string NumberText(double value);
std::string TickText(double value);        // as that without zeros at the end: "20", "0.5"
std::string TimeText(double seconds);      // "1.52 ms": from ns to s
std::string RatioText(double ratio);       // "3.41x" with a multiplication sign
std::string PercentText(double fraction);  // "93 %"
std::string CountText(int64_t count);      // "1,234,567"
std::string DateText(int64_t unix_ms);     // "2026-11-22 10:00:05", UTC
std::string DurationText(double seconds);  // "8.4 s", "2 min 5 s", "3 h 12 min"

}  // namespace lathe::report

#endif  // LATHE_REPORT_TEXT_H_
