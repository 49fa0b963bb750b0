// The pictures of the page, as SVG.
#ifndef LATHE_REPORT_CHARTS_H_
#define LATHE_REPORT_CHARTS_H_

#include <string>
#include <vector>

#include "report/task_summary.h"

namespace lathe::report {

// The colours of searches repeat after these.
inline constexpr int kSearchColours = 6;

// Best so far of every search of a task, with each trial: against trials, or against
// the seconds of tuning. "" for a task without searches that found anything.
enum class SearchAxis : uint8_t { kTrials, kSeconds };
std::string SearchChart(const TaskSummary& task, SearchAxis axis);
// What the colours, dots and ticks mean, for both charts of a task.
std::string SearchLegend(const TaskSummary& task);

// The roofline plot of tasks of one device and number of threads; `numbers` stand
// beside the points. "" when none of them can be shown.
struct RooflinePoint {
  int number = 0;
  const TaskSummary* task = nullptr;
};
std::string RooflineChart(const std::vector<RooflinePoint>& points);
// Whether a task has a place in that plot: a best, arithmetic and bytes.
bool HasRooflinePoint(const TaskSummary& task);

// The samples of a record as a small distribution: its median and the interval of it.
std::string SamplesChart(const Record& record);

}  // namespace lathe::report

#endif  // LATHE_REPORT_CHARTS_H_
