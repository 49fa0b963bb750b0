// The sections of the page, each as HTML that is well-formed XML.
#ifndef LATHE_REPORT_SECTIONS_H_
#define LATHE_REPORT_SECTIONS_H_

#include <string>
#include <string_view>

#include "report/report.h"

namespace lathe::report {

// The whole of a task's name: its alias where it has one.
std::string NameOf(const TaskSummary& task);

// Figures over all tasks, then a row for each.
std::string OverviewSection(const Report& report);
// A roofline plot for each device kind and number of threads.
std::string RooflineSection(const Report& report);
// A table for each bench; "" without any.
std::string PeersSection(const Report& report);
// `number` is its row in the overview.
std::string TaskSection(const TaskSummary& task, int number);

extern const char kStyle[];   // CSS
extern const char kScript[];  // sorts tables by a click; the page reads without it

}  // namespace lathe::report

#endif  // LATHE_REPORT_SECTIONS_H_
