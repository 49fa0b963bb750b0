#include "absl/strings/str_cat.h"
#include "compiler/base/version.h"
#include "report/sections.h"
#include "report/text.h"

namespace lathe::report {

std::string ToHtml(const Report& report) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n";
  absl::StrAppend(&html, "<title>Lathe: ", Escaped(report.source), "</title>\n<style>", kStyle,
                  "</style></head>\n<body><header><h1>Lathe</h1><p>Tuned tensor functions of <b>",
                  Escaped(report.source), "</b></p><nav><a href=\"#overview\">Tasks</a>");
  const std::string roofline = RooflineSection(report), peers = PeersSection(report);
  if (!roofline.empty()) html += "<a href=\"#roofline\">Roofline</a>";
  if (!peers.empty()) html += "<a href=\"#peers\">Peers</a>";
  if (!report.tasks.empty()) html += "<a href=\"#each\">Each task</a>";
  absl::StrAppend(&html, "</nav></header>\n<main>\n", OverviewSection(report), roofline, peers);
  if (!report.tasks.empty()) html += "<h2 id=\"each\">Each task</h2>\n";
  int number = 0;
  for (const TaskSummary& task : report.tasks) html += TaskSection(task, ++number);
  absl::StrAppend(&html, "</main>\n<footer>Made by <code>lathe report</code> ", LatheVersion(),
                  ". Times are medians per call; intervals hold the median with 95 % "
                  "confidence.</footer>\n<script>",
                  kScript, "</script></body></html>\n");
  return html;
}

}  // namespace lathe::report
