#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/sections.h"
#include "report/text.h"

namespace lathe::report {
namespace {

// Peers in the order of the bench's versions, then those that bring no version.
std::vector<std::string> PeersOf(const BenchResults& bench) {
  std::vector<std::string> names;
  for (const BenchRow& row : bench.rows) {
    for (const PeerTime& peer : row.peers) {
      if (std::find(names.begin(), names.end(), peer.name) == names.end()) {
        names.push_back(peer.name);
      }
    }
  }
  return names;
}

std::string TimeCell(double seconds, bool fastest, const std::string& detail) {
  if (seconds <= 0) return "<td class=\"num none\" data-v=\"1e99\">–</td>";
  return absl::StrFormat("<td class=\"num%s\" data-v=\"%.9g\" title=\"%s\">%s</td>",
                         fastest ? " fastest" : "", seconds, Escaped(detail), TimeText(seconds));
}

const PeerTime* Find(const BenchRow& row, const std::string& name) {
  for (const PeerTime& peer : row.peers) {
    if (peer.name == name) return &peer;
  }
  return nullptr;
}

// The best peer's time over ours, with its interval; green where we win for sure.
std::string RatioCell(const BenchRow& row) {
  const PeerTime* best = Find(row, row.best_peer);
  if (best == nullptr) return "<td class=\"num none\" data-v=\"-1\">–</td>";
  const char* verdict = best->ratio_low > 1 ? " wins" : best->ratio_high < 1 ? " loses" : "";
  return absl::StrFormat(
      "<td class=\"num%s\" data-v=\"%.6g\"><b>%.2f×</b><small>%.2f – %.2f</small></td>", verdict,
      best->ratio, best->ratio, best->ratio_low, best->ratio_high);
}

std::string Row(const BenchRow& row, const std::vector<std::string>& names) {
  double least = row.seconds;
  for (const PeerTime& peer : row.peers) {
    if (!peer.relaxed && (least <= 0 || peer.seconds < least)) least = peer.seconds;
  }
  std::string html = absl::StrCat("<tr><td class=\"name\">", Escaped(row.name), "<small>",
                                  Escaped(row.trace), "</small></td>");
  if (row.seconds <= 0) {
    absl::StrAppend(&html, "<td colspan=\"", names.size() + 3, "\">",
                    Escaped(row.error.empty() ? "not timed" : row.error), "</td></tr>\n");
    return html;
  }
  html += TimeCell(row.seconds, row.seconds <= least, "lathe");
  html += RatioCell(row);
  html += row.roofline_fraction > 0
              ? absl::StrFormat("<td class=\"num\" data-v=\"%.6g\">%s</td>", row.roofline_fraction,
                                PercentText(row.roofline_fraction))
              : "<td class=\"num none\" data-v=\"-1\">–</td>";
  for (const std::string& name : names) {
    const PeerTime* peer = Find(row, name);
    if (peer == nullptr) {
      html += TimeCell(0, false, "");
      continue;
    }
    html += TimeCell(peer->seconds, !peer->relaxed && peer->seconds <= least,
                     absl::StrFormat("%s: %.3f× our time, 95 %% interval %.3f – %.3f%s", name,
                                     peer->ratio, peer->ratio_low, peer->ratio_high,
                                     peer->relaxed ? ", relaxed accuracy" : ""));
  }
  return html + "</tr>\n";
}

}  // namespace

std::string PeersSection(const Report& report) {
  if (report.benches.empty()) return "";
  std::string html =
      "<section id=\"peers\"><h2>Against peers</h2><p class=\"note\">Times of "
      "<code>lathe bench</code>, taken in turns in one run; the ratio is the time of the best peer "
      "over ours, with its 95 % interval. The fastest of a row is bold.</p>\n";
  for (const BenchResults& bench : report.benches) {
    const std::vector<std::string> names = PeersOf(bench);
    html +=
        "<div class=\"wide\"><table class=\"sortable\"><thead><tr><th>workload</th>"
        "<th class=\"num\">lathe</th><th class=\"num\">best peer ÷ lathe</th>"
        "<th class=\"num\">of roofline</th>";
    for (const std::string& name : names) {
      absl::StrAppend(&html, "<th class=\"num\">", Escaped(name), "</th>");
    }
    html += "</tr></thead><tbody>\n";
    for (const BenchRow& row : bench.rows) html += Row(row, names);
    html += "</tbody></table></div>\n<p class=\"kind\">";
    if (bench.geomean_ratio > 0) {
      absl::StrAppendFormat(&html, "<b>%.3f×</b> over the best peers, geometric mean. ",
                            bench.geomean_ratio);
    }
    absl::StrAppend(&html, "lathe ", Escaped(bench.lathe_version));
    for (const auto& [peer, version] : bench.peer_versions) {
      absl::StrAppend(&html, "; ", Escaped(peer), " ", Escaped(version));
    }
    absl::StrAppend(&html, ". ", Escaped(bench.device_kind), "</p>\n");
  }
  return html + "</section>\n";
}

}  // namespace lathe::report
