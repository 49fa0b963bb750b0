#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/charts.h"
#include "report/sections.h"
#include "report/text.h"

namespace lathe::report {
namespace {

constexpr char kNone[] = "<td class=\"num none\" data-v=\"-1\">–</td>";

// A cell of a number; `value` is what the column is sorted by.
std::string Cell(double value, const std::string& text) {
  return absl::StrFormat("<td class=\"num\" data-v=\"%.9g\">%s</td>", value, Escaped(text));
}

std::string SpeedUp(const std::optional<double>& time, const TaskSummary& task) {
  if (!time || !task.best || task.best->median <= 0) return kNone;
  return Cell(*time / task.best->median, RatioText(*time / task.best->median));
}

// A bar as long as the share.
std::string ShareCell(const TaskSummary& task) {
  const std::optional<double> share = task.roofline_fraction();
  if (!share) return kNone;
  return absl::StrFormat(
      "<td class=\"num share\" data-v=\"%.6g\"><span class=\"bar\"><span "
      "style=\"width:%.1f%%\"></span></span>%s</td>",
      *share, 100 * std::min(1.0, *share), PercentText(*share));
}

std::string Row(const TaskSummary& task, int number) {
  std::string row =
      absl::StrCat("<tr><td class=\"num\" data-v=\"", number, "\">", number,
                   "</td><td class=\"name\"><a href=\"#task-", number, "\">", Escaped(NameOf(task)),
                   "</a><small>", Escaped(task.signature), "</small></td>");
  absl::StrAppend(&row, Cell(task.task.threads, absl::StrCat(task.task.threads)), "<td>",
                  std::string(Name(task.task.regime)),
                  task.task.accuracy == Accuracy::kRelaxed ? ", relaxed" : "", "</td>");
  if (task.best) {
    const Record& best = *task.best;
    absl::StrAppendFormat(
        &row, "<td class=\"num time\" data-v=\"%.9g\"><b>%s</b><small>%s – %s</small></td>",
        best.median, TimeText(best.median), TimeText(best.ci_low), TimeText(best.ci_high));
  } else {
    row += kNone;
  }
  const bool rated = task.best && task.work && task.best->median > 0;
  const double gflops = rated ? task.work->flops / task.best->median * 1e-9 : 0;
  const double gbytes = rated ? task.work->bytes / task.best->median * 1e-9 : 0;
  row += rated ? Cell(gflops, NumberText(gflops)) : kNone;
  row += rated ? Cell(gbytes, NumberText(gbytes)) : kNone;
  row += SpeedUp(task.naive, task);
  row += SpeedUp(task.default_candidate, task);
  row += ShareCell(task);
  row += Cell(static_cast<double>(task.trials), CountText(task.trials));
  absl::StrAppend(&row, "<td class=\"when\">", DateText(task.last_unix_ms).substr(0, 16));
  if (task.best) {
    absl::StrAppend(&row, "<small>", Escaped(task.device_name), " · lathe ",
                    Escaped(task.best->lathe_version), "</small>");
  }
  row += "</td></tr>\n";
  return row;
}

void AppendFigure(std::string& html, const std::string& value, const std::string& label) {
  absl::StrAppend(&html, "<div><b>", Escaped(value), "</b><span>", Escaped(label), "</span></div>");
}

// The geometric mean of a time over the best one; 0 without any.
double Geomean(const Report& report, std::optional<double> TaskSummary::*time) {
  double sum = 0;
  int count = 0;
  for (const TaskSummary& task : report.tasks) {
    const std::optional<double>& other = task.*time;
    if (!other || !task.best || task.best->median <= 0 || *other <= 0) continue;
    sum += std::log(*other / task.best->median);
    ++count;
  }
  return count == 0 ? 0 : std::exp(sum / count);
}

std::string Figures(const Report& report) {
  int64_t trials = 0;
  double measured = 0;
  int served = 0;
  double shares = 0;
  int rated = 0;
  for (const TaskSummary& task : report.tasks) {
    trials += task.trials;
    measured += task.measure_seconds;
    served += task.best ? 1 : 0;
    if (std::optional<double> share = task.roofline_fraction()) {
      shares += std::log(*share);
      ++rated;
    }
  }
  std::string html = "<div class=\"figures\">";
  AppendFigure(html, CountText(served), absl::StrCat("of ", report.tasks.size(), " tasks served"));
  AppendFigure(html, CountText(trials), "trials");
  AppendFigure(html, DurationText(measured), "of device time");
  if (double over = Geomean(report, &TaskSummary::default_candidate); over > 0) {
    AppendFigure(html, RatioText(over), "over default, geometric mean");
  }
  if (double over = Geomean(report, &TaskSummary::naive); over > 0) {
    AppendFigure(html, RatioText(over), "over naive, geometric mean");
  }
  if (rated > 0) {
    AppendFigure(html, PercentText(std::exp(shares / rated)), "of the roofline, geometric mean");
  }
  html += "</div>\n";
  return html;
}

std::string Header(const char* name, const char* meaning, bool number) {
  return absl::StrCat("<th", number ? " class=\"num\"" : "", " title=\"", Escaped(meaning), "\">",
                      Escaped(name), "</th>");
}

}  // namespace

std::string NameOf(const TaskSummary& task) {
  return task.alias.empty() ? task.task.function_name : task.alias;
}

std::string OverviewSection(const Report& report) {
  std::string html = Figures(report);
  if (report.tasks.empty()) {
    return html + "<p>There is no task to show. <code>lathe tune</code> makes some.</p>\n";
  }
  html +=
      "<section id=\"overview\"><h2>Tasks</h2><div class=\"wide\"><table "
      "class=\"sortable\"><thead><tr>";
  absl::StrAppend(
      &html, Header("#", "number on this page", true),
      Header("function", "name, arguments and results", false),
      Header("threads", "threads of one call", true),
      Header("regime", "state of the caches when a call begins", false),
      Header("best", "median of what the database serves, and its 95 % interval", true));
  absl::StrAppend(&html, Header("GFLOP/s", "arithmetic of the best", true),
                  Header("GB/s", "arguments and results over the time of the best", true),
                  Header("naive", "time of the loops as written over the best", true),
                  Header("default", "time of the analytic candidate over the best", true));
  absl::StrAppend(&html,
                  Header("of roofline", "least time of the probed machine over the best", true),
                  Header("trials", "candidates of all searches", true),
                  Header("last record", "UTC; device and version of the best", false));
  html += "</tr></thead><tbody>\n";
  int number = 0;
  for (const TaskSummary& task : report.tasks) html += Row(task, ++number);
  html += "</tbody></table></div>\n";
  std::set<std::string> kinds;
  for (const TaskSummary& task : report.tasks) kinds.insert(task.task.device_kind);
  for (const std::string& kind : kinds) {
    absl::StrAppend(&html, "<p class=\"kind\">", Escaped(kind), "</p>\n");
  }
  return html + "</section>\n";
}

std::string RooflineSection(const Report& report) {
  std::map<std::pair<std::string, int>, std::vector<RooflinePoint>> groups;
  std::string absent;
  bool any_peaks = false;
  int number = 0;
  for (const TaskSummary& task : report.tasks) {
    ++number;
    if (!HasRooflinePoint(task)) {
      absl::StrAppend(&absent, absent.empty() ? "" : ", ", number);
      continue;
    }
    any_peaks = any_peaks || task.peaks.has_value();
    groups[{task.task.device_kind, task.task.threads}].push_back({number, &task});
  }
  if (groups.empty()) return "";
  std::string html = "<section id=\"roofline\"><h2>Roofline</h2>\n";
  html += any_peaks
              ? "<p class=\"note\">Each point hangs below its own bound: the lesser of the "
                "multiply-add peak and of the bandwidth that was probed with as many bytes as the "
                "task moves, which is why the slopes differ.</p>\n"
              : "<p class=\"note\">The peaks of the machine are not known: give "
                "<code>--peers</code> the output of <code>lathe bench --json</code>, or "
                "<code>--probe</code> on the machine itself.</p>\n";
  for (const auto& [key, points] : groups) {
    absl::StrAppend(&html, "<figure>", RooflineChart(points), "<figcaption>", Escaped(key.first),
                    ", ", key.second, key.second == 1 ? " thread" : " threads", "</figcaption>");
    html += "</figure>\n";
  }
  if (!absent.empty()) {
    absl::StrAppend(&html,
                    "<p class=\"note\">Without a place here, for want of a time or of "
                    "arithmetic: ",
                    absent, ".</p>\n");
  }
  return html + "</section>\n";
}

}  // namespace lathe::report
