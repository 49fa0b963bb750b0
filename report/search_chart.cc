#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "report/charts.h"
#include "report/plot.h"
#include "report/text.h"

namespace lathe::report {
namespace {

constexpr double kMargin = 1.06;   // of the range of times, above and below
constexpr double kTallest = 12.0;  // no more than this times the best is in the range

struct Range {
  double low = 0, high = 0;
};

// The times worth seeing: from the best to the default and the ordinary trials;
// rare slow ones are drawn at the upper end.
Range TimesOf(const TaskSummary& task) {
  std::vector<double> times;
  for (const SearchRun& run : task.searches) {
    for (const SearchPoint& point : run.points) {
      if (point.status == RecordStatus::kOk) times.push_back(point.time);
    }
    for (double time : run.promoted) times.push_back(time);
  }
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  Range range{times.front(), times[times.size() * 9 / 10]};
  if (task.default_candidate) {
    range.low = std::min(range.low, *task.default_candidate);
    range.high = std::max(range.high, *task.default_candidate);
  }
  range.high = std::min(range.high, kTallest * range.low);
  // A lone time still gets some room.
  range.high = std::max(range.high, 1.1 * range.low);
  return {range.low / kMargin, range.high * kMargin};
}

double At(const SearchPoint& point, SearchAxis axis) {
  return axis == SearchAxis::kTrials ? static_cast<double>(point.trial) : point.seconds;
}

PlotAxis XAxis(const TaskSummary& task, SearchAxis axis) {
  double last = 0;
  for (const SearchRun& run : task.searches) last = std::max(last, At(run.points.back(), axis));
  PlotAxis x;
  x.low = 0;
  x.high = std::max(last * 1.03, axis == SearchAxis::kTrials ? 4.0 : 0.1);
  x.label = axis == SearchAxis::kTrials ? "trials" : "seconds of tuning";
  x.text = TickText;
  if (axis == SearchAxis::kTrials) {
    x.text = [](double value) { return CountText(std::llround(value)); };
  }
  return x;
}

std::string Colour(size_t index) { return absl::StrCat("s", index % kSearchColours); }

std::string TitleOf(const SearchPoint& point) {
  std::string title = absl::StrCat("trial ", point.trial, ", ", DurationText(point.seconds), ": ",
                                   std::string(Name(point.status)));
  if (point.time > 0) absl::StrAppend(&title, ", ", TimeText(point.time));
  return title;
}

void DrawBaselines(Plot& plot, const TaskSummary& task, const PlotAxis& x, const Range& times) {
  const PlotSize& size = plot.size();
  const double end = size.width - size.right - 3;
  if (task.default_candidate) {
    const double time = *task.default_candidate;
    plot.Line({{x.low, time}, {x.high, time}}, "baseline");
    plot.Label(end, plot.Y(time) - 4, "end", "baseline-label",
               absl::StrCat("default ", TimeText(time)));
  }
  if (!task.naive) return;
  if (*task.naive <= times.high && *task.naive >= times.low) {
    plot.Line({{x.low, *task.naive}, {x.high, *task.naive}}, "baseline naive");
    plot.Label(size.left + 5, plot.Y(*task.naive) - 4, "start", "baseline-label",
               absl::StrCat("naive ", TimeText(*task.naive)));
  } else {
    plot.Label(size.left + 5, size.top + 9, "start", "baseline-label",
               absl::StrCat("naive ", TimeText(*task.naive), " ↑"));
  }
}

void DrawRun(Plot& plot, const SearchRun& run, size_t index, const PlotAxis& x, SearchAxis axis) {
  std::vector<DataPoint> best;
  for (const SearchPoint& point : run.points) {
    const double at = At(point, axis);
    if (point.status == RecordStatus::kOk) {
      plot.Dot(at, point.time, 2.1, absl::StrCat("trial ", Colour(index)), TitleOf(point));
      if (best.empty() || point.time < best.back().second) best.emplace_back(at, point.time);
    } else {
      const bool abandoned = point.status == RecordStatus::kAbandoned;
      plot.BottomTick(at, abandoned ? 6 : 11, abandoned ? "abandoned" : "failed", TitleOf(point));
    }
  }
  if (best.empty()) return;
  const double end = At(run.points.back(), axis);
  best.emplace_back(end, best.back().second);
  plot.Steps(best, absl::StrCat("curve ", Colour(index)));
  for (double time : run.promoted) {
    plot.Diamond(std::min(end, x.high), time, 5.5, absl::StrCat("promoted ", Colour(index)),
                 absl::StrCat("promoted: ", TimeText(time)));
  }
}

}  // namespace

std::string SearchChart(const TaskSummary& task, SearchAxis axis) {
  const Range times = TimesOf(task);
  if (times.low <= 0) return "";
  const PlotAxis x = XAxis(task, axis);
  PlotAxis y{times.low, times.high, true, "best so far", TimeText};
  const std::string name = task.alias.empty() ? task.task.function_name : task.alias;
  Plot plot(absl::StrCat("Best time of ", name, " against ", x.label), x, y);
  DrawBaselines(plot, task, x, times);
  for (size_t i = 0; i < task.searches.size(); ++i) DrawRun(plot, task.searches[i], i, x, axis);
  return plot.Svg();
}

std::string SearchLegend(const TaskSummary& task) {
  std::string legend = "<p class=\"legend\">";
  for (size_t i = 0; i < task.searches.size(); ++i) {
    const SearchRun& run = task.searches[i];
    absl::StrAppend(&legend, "<span><svg class=\"key\" viewBox=\"0 0 26 10\"><path class=\"curve ",
                    Colour(i), "\" d=\"M1 5H25\"/><circle class=\"trial ", Colour(i),
                    "\" cx=\"13\" cy=\"5\" r=\"2.6\"/></svg>", Escaped(run.name));
    absl::StrAppend(&legend, " <small>",
                    run.best > 0 ? TimeText(run.best) : std::string("nothing ok"), " in ",
                    run.points.size(), " trials</small></span> ");
  }
  const bool any_promoted = std::any_of(task.searches.begin(), task.searches.end(),
                                        [](const SearchRun& run) { return !run.promoted.empty(); });
  if (any_promoted) {
    legend +=
        "<span><svg class=\"key\" viewBox=\"0 0 12 12\"><path class=\"promoted s0\" "
        "d=\"M6 1l5 5l-5 5l-5 -5z\"/></svg>promoted</span> ";
  }
  legend +=
      "<span><svg class=\"key\" viewBox=\"0 0 6 12\"><path class=\"abandoned\" d=\"M3 11v-6\"/>"
      "</svg>abandoned</span> "
      "<span><svg class=\"key\" viewBox=\"0 0 6 12\"><path class=\"failed\" d=\"M3 11v-11\"/>"
      "</svg>failed</span></p>\n";
  return legend;
}

}  // namespace lathe::report
