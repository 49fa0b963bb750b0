#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/charts.h"
#include "report/sections.h"
#include "report/text.h"

namespace lathe::report {
namespace {

// Events of a long history that are shown: the first ones and the last ones.
constexpr size_t kShownEvents = 40;

// `value` is HTML.
std::string Fact(const char* name, const std::string& value) {
  return absl::StrCat("<dt>", name, "</dt><dd>", value, "</dd>");
}

std::string Statuses(const TaskSummary& task) {
  std::string html;
  for (const auto& [status, count] : task.statuses) {
    const bool bad = status != RecordStatus::kOk && status != RecordStatus::kAbandoned;
    absl::StrAppend(&html, "<span class=\"status", bad ? " bad" : "", "\">",
                    std::string(Name(status)), " <b>", CountText(count), "</b></span> ");
  }
  return html.empty() ? "none" : html;
}

std::string ConditionsText(const Conditions& conditions) {
  std::string text =
      conditions.contaminated ? "<span class=\"status bad\">contaminated</span>" : "undisturbed";
  if (conditions.repeats > 0) absl::StrAppend(&text, ", repeated ", conditions.repeats, "×");
  if (conditions.frequency_mhz > 0) {
    absl::StrAppend(&text, ", ", NumberText(conditions.frequency_mhz), " MHz");
  }
  if (conditions.temperature_celsius > 0) {
    absl::StrAppend(&text, ", ", NumberText(conditions.temperature_celsius), " °C");
  }
  if (conditions.load_average >= 0) {
    absl::StrAppend(&text, ", load ", NumberText(conditions.load_average));
  }
  if (conditions.steal_fraction >= 0) {
    absl::StrAppend(&text, ", steal ", PercentText(conditions.steal_fraction));
  }
  if (conditions.drift > 0) {
    absl::StrAppend(&text, ", canary ", RatioText(conditions.drift));
  }
  if (conditions.migrations >= 0) {
    absl::StrAppend(&text, ", ", conditions.migrations, " migrations");
  }
  if (conditions.involuntary_switches >= 0) {
    absl::StrAppend(&text, ", ", conditions.involuntary_switches, " preemptions");
  }
  return text;
}

std::string Facts(const TaskSummary& task) {
  std::string html = "<dl>";
  if (task.best) {
    const Record& best = *task.best;
    std::string time = absl::StrCat("<b>", TimeText(best.median), "</b> per call, 95 % interval ",
                                    TimeText(best.ci_low), " – ", TimeText(best.ci_high));
    absl::StrAppend(&time, best.promoted ? ", won its paired runs" : ", not promoted yet");
    html += Fact("best", time);
    if (task.work && best.median > 0) {
      std::string speed =
          absl::StrCat(NumberText(task.work->flops / best.median * 1e-9), " GFLOP/s, ",
                       NumberText(task.work->bytes / best.median * 1e-9), " GB/s");
      if (std::optional<double> share = task.roofline_fraction()) {
        absl::StrAppend(&speed, ", ", PercentText(*share), " of the roofline (",
                        std::string(Name(RooflineOf(*task.work, *task.peaks).limit)), ")");
      }
      html += Fact("speed", speed);
    }
    html += Fact("conditions", ConditionsText(best.conditions));
    html += Fact("made by",
                 absl::StrCat(Escaped(best.search), ", trial ", best.trial, ", lathe ",
                              Escaped(best.lathe_version), ", LLVM ", Escaped(best.llvm_version),
                              ", ", DateText(best.created_unix_ms)));
    html += Fact("device", absl::StrCat(Escaped(task.device_name), " <code>",
                                        Escaped(best.device_uuid), "</code>"));
    html += Fact("record", absl::StrCat("<code>", Escaped(best.id), "</code>"));
  }
  html += Fact(
      "trials",
      absl::StrCat(Statuses(task),
                   task.rounds > 0 ? absl::StrCat(" and ", task.rounds, " paired rounds") : ""));
  html += Fact("effort", absl::StrCat(DurationText(task.build_seconds), " compiling, ",
                                      DurationText(task.measure_seconds), " on the device, ",
                                      CountText(task.contaminated), " contaminated records"));
  html += Fact("key", absl::StrCat("<code>", Escaped(task.task.function_hash.substr(0, 16)),
                                   "</code> ", std::string(Name(task.task.accuracy))));
  return html + "</dl>\n";
}

std::string Event(const HistoryEvent& event, const TaskSummary& task) {
  std::string html =
      absl::StrCat("<tr class=\"", std::string(Name(event.kind)), "\"><td>",
                   DateText(event.created_unix_ms), "</td><td>", std::string(Name(event.kind)),
                   "</td><td class=\"num\"><b>", TimeText(event.median), "</b></td>");
  absl::StrAppend(&html, "<td class=\"num\">", TimeText(event.ci_low), " – ",
                  TimeText(event.ci_high), event.contaminated ? " contaminated" : "", "</td>");
  absl::StrAppend(&html, "<td class=\"num\">",
                  task.default_candidate && event.median > 0
                      ? RatioText(*task.default_candidate / event.median)
                      : "–",
                  "</td><td class=\"num\">", event.trial, "</td><td>", Escaped(event.search));
  absl::StrAppend(&html, "</td><td>", Escaped(event.lathe_version), ", ",
                  Escaped(event.llvm_version), "</td></tr>\n");
  return html;
}

std::string History(const TaskSummary& task) {
  if (task.history.empty()) return "";
  std::string html =
      "<h4>History</h4><div class=\"wide\"><table class=\"history\"><thead><tr><th>when (UTC)</th>"
      "<th>what</th><th class=\"num\">median</th><th class=\"num\">interval</th>"
      "<th class=\"num\">over default</th><th class=\"num\">trial</th><th>by</th>"
      "<th>lathe, LLVM</th></tr></thead><tbody>\n";
  const size_t count = task.history.size();
  for (size_t i = 0; i < count; ++i) {
    const bool hidden =
        count > kShownEvents && i >= kShownEvents / 2 && i < count - kShownEvents / 2;
    if (!hidden) {
      html += Event(task.history[i], task);
    } else if (i == kShownEvents / 2) {
      absl::StrAppend(&html, "<tr><td colspan=\"8\">… ", count - kShownEvents,
                      " more …</td></tr>\n");
    }
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace

std::string TaskSection(const TaskSummary& task, int number) {
  std::string html = absl::StrCat("<section class=\"task\" id=\"task-", number, "\"><h3><span>",
                                  number, "</span>", Escaped(NameOf(task)), "</h3>");
  absl::StrAppend(&html, "<p class=\"note\">", Escaped(task.signature), " · ", task.task.threads,
                  task.task.threads == 1 ? " thread" : " threads", " · ",
                  std::string(Name(task.task.regime)), "</p>\n");
  const std::string trials = SearchChart(task, SearchAxis::kTrials);
  if (!trials.empty()) {
    absl::StrAppend(&html, "<div class=\"pair\"><figure>", trials, "</figure><figure>",
                    SearchChart(task, SearchAxis::kSeconds), "</figure></div>\n",
                    SearchLegend(task));
  }
  absl::StrAppend(&html, "<div class=\"pair\"><div>", Facts(task));
  if (task.best && !task.best->samples.empty()) {
    absl::StrAppend(&html, "<figure>", SamplesChart(*task.best), "<figcaption>",
                    task.best->samples.size(), " samples of ",
                    CountText(static_cast<int64_t>(task.best->calls_per_sample)),
                    " calls; band: 95 % interval of the median</figcaption></figure>");
  }
  html += "</div>";
  if (task.best) {
    absl::StrAppend(&html, "<div><h4>Best trace", task.author_names ? "" : ", canonical names",
                    "</h4><pre>", Escaped(task.best_trace), "</pre></div>");
  }
  html += "</div>\n";
  html += History(task);
  absl::StrAppend(&html, "<details><summary>Function and target</summary><pre>",
                  Escaped(task.task.function_text), "\n", Escaped(task.task.target), "\n",
                  Escaped(task.task.device_kind), "</pre></details>\n");
  return html + "</section>\n";
}

}  // namespace lathe::report
