#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/charts.h"
#include "report/plot.h"
#include "report/text.h"

namespace lathe::report {
namespace {

constexpr int kWidth = 420, kHeight = 112, kBins = 56;
constexpr double kRadius = 2.6;

// A tick in the unit of the whole axis, with the decimals that tell ticks apart.
std::string TickText(double tick, double step, double high) {
  const double scale = high < 1e-6 ? 1e-9 : high < 1e-3 ? 1e-6 : high < 1 ? 1e-3 : 1;
  const char* unit = high < 1e-6 ? "ns" : high < 1e-3 ? "µs" : high < 1 ? "ms" : "s";
  const int decimals =
      std::clamp(static_cast<int>(std::ceil(-std::log10(step / scale) - 1e-9)), 0, 6);
  return absl::StrFormat("%.*f %s", decimals, tick / scale, unit);
}

}  // namespace

std::string SamplesChart(const Record& record) {
  std::vector<double> samples = record.samples;
  if (samples.empty()) return "";
  std::sort(samples.begin(), samples.end());
  PlotAxis x;
  x.low = std::min(samples.front(), record.ci_low);
  x.high = std::max(samples.back(), record.ci_high);
  const double room = std::max(0.04 * (x.high - x.low), 0.002 * x.high);
  x.low -= room;
  x.high += room;
  if (x.high <= x.low) return "";

  const double width = kWidth - 20, bottom = kHeight - 26;
  auto at = [&](double value) { return 10 + (value - x.low) / (x.high - x.low) * width; };
  std::string svg = absl::StrCat("<svg class=\"plot samples\" viewBox=\"0 0 ", kWidth, " ", kHeight,
                                 "\" role=\"img\" aria-label=\"Samples of the best record\">");
  // The interval of the median, then the samples, heaped by bins, then the median.
  absl::StrAppend(&svg, "<rect class=\"interval\" x=\"", Pixel(at(record.ci_low)),
                  "\" y=\"6\" width=\"",
                  Pixel(std::max(1.0, at(record.ci_high) - at(record.ci_low))), "\" height=\"",
                  Pixel(bottom - 6),
                  "\"><title>95 % interval of the median: ", TimeText(record.ci_low), " to ");
  absl::StrAppend(&svg, TimeText(record.ci_high), "</title></rect>");
  std::map<int, int> heap, counts;
  auto bin = [&](double value) {
    return static_cast<int>((value - x.low) / (x.high - x.low) * kBins);
  };
  for (double sample : samples) ++counts[bin(sample)];
  int tallest = 1;
  for (const auto& [_, count] : counts) tallest = std::max(tallest, count);
  const double step = std::min(2 * kRadius + 0.4, (bottom - 12) / tallest);
  for (double sample : samples) {
    const int place = bin(sample), level = heap[place]++;
    absl::StrAppend(&svg, "<circle class=\"sample\" cx=\"",
                    Pixel(at(x.low + (place + 0.5) * (x.high - x.low) / kBins)), "\" cy=\"",
                    Pixel(bottom - 4 - level * step), "\" r=\"", Pixel(kRadius), "\"><title>");
    absl::StrAppend(&svg, TimeText(sample), "</title></circle>");
  }
  absl::StrAppend(&svg, "<path class=\"median\" d=\"M", Pixel(at(record.median)), " 4V",
                  Pixel(bottom), "\"/><path class=\"axis\" d=\"M10 ", Pixel(bottom), "H",
                  kWidth - 10, "\"/>");
  const std::vector<double> ticks = Ticks(x, 4);
  const double tick_step = ticks.size() > 1 ? ticks[1] - ticks[0] : x.high - x.low;
  for (double tick : ticks) {
    absl::StrAppend(&svg, "<path class=\"axis\" d=\"M", Pixel(at(tick)), " ", Pixel(bottom),
                    "v4\"/><text class=\"tick\" text-anchor=\"middle\" x=\"", Pixel(at(tick)),
                    "\" y=\"", Pixel(bottom + 17), "\">");
    absl::StrAppend(&svg, TickText(tick, tick_step, x.high), "</text>");
  }
  svg += "</svg>\n";
  return svg;
}

}  // namespace lathe::report
