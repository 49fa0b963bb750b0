#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "report/charts.h"
#include "report/plot.h"
#include "report/text.h"

namespace lathe::report {
namespace {

struct Place {
  double intensity = 0, gflops = 0, bound = 0;  // bound 0: unknown
};

Place PlaceOf(const TaskSummary& task) {
  Place place;
  place.intensity = task.work->flops / task.work->bytes;
  place.gflops = task.work->flops / task.best->median * 1e-9;
  if (task.peaks) place.bound = RooflineOf(*task.work, *task.peaks).flops_per_second * 1e-9;
  return place;
}

// The lowest and the highest peaks that were probed beside the tasks.
struct Roofs {
  double flops = 0, slow = 0, fast = 0;  // giga per second; 0: none
};

Roofs RoofsOf(const std::vector<RooflinePoint>& points) {
  Roofs roofs;
  for (const RooflinePoint& point : points) {
    if (!point.task->peaks) continue;
    const double bytes = point.task->peaks->bytes_per_second * 1e-9;
    roofs.flops = std::max(roofs.flops, point.task->peaks->flops_per_second * 1e-9);
    roofs.fast = std::max(roofs.fast, bytes);
    roofs.slow = roofs.slow == 0 ? bytes : std::min(roofs.slow, bytes);
  }
  return roofs;
}

// `above`: its label stands above the line, else below it.
void DrawMemoryRoof(Plot& plot, const Roofs& roofs, double bandwidth, bool above, const PlotAxis& x,
                    const PlotAxis& y) {
  const double left = std::max(x.low, y.low / bandwidth);
  const double ridge = std::min(x.high, roofs.flops / bandwidth);
  if (ridge <= left) return;
  plot.Line({{left, left * bandwidth}, {ridge, ridge * bandwidth}}, "roof");
  // Along the line, whose slope in pixels follows from both axes.
  const double at = std::sqrt(left * ridge);
  const double angle = std::atan2(plot.Y(ridge * bandwidth) - plot.Y(left * bandwidth),
                                  plot.X(ridge) - plot.X(left)) *
                       180 / M_PI;
  const std::string px = Pixel(plot.X(at)), py = Pixel(plot.Y(at * bandwidth) + (above ? -6 : 14));
  plot.Raw(absl::StrCat("<text class=\"roof-label\" text-anchor=\"middle\" x=\"", px, "\" y=\"", py,
                        "\" transform=\"rotate(", Pixel(angle), " ", px, " ", py, ")\">",
                        NumberText(bandwidth), " GB/s</text>"));
}

void DrawRoofs(Plot& plot, const Roofs& roofs, const PlotAxis& x, const PlotAxis& y) {
  if (roofs.flops == 0) return;
  plot.Line({{std::max(x.low, roofs.flops / roofs.fast), roofs.flops}, {x.high, roofs.flops}},
            "roof");
  plot.Label(plot.size().width - plot.size().right - 4, plot.Y(roofs.flops) - 6, "end",
             "roof-label", absl::StrCat(NumberText(roofs.flops), " GFLOP/s"));
  DrawMemoryRoof(plot, roofs, roofs.fast, true, x, y);
  if (roofs.slow < 0.97 * roofs.fast) DrawMemoryRoof(plot, roofs, roofs.slow, false, x, y);
}

// Where the number of each point stands: the first of four places around it that
// lies clear of the points and numbers before.
class NumberPlacer {
 public:
  void Block(double x, double y) { taken_.emplace_back(x, y); }
  std::pair<double, double> Place(double x, double y) {
    constexpr std::pair<double, double> kOffsets[] = {{10, 4},  {-10, 4},  {0, -8},  {0, 15},
                                                      {11, -7}, {-11, -7}, {11, 14}, {-11, 14}};
    for (const auto& [dx, dy] : kOffsets) {
      const double cx = x + dx, cy = y + dy;
      const bool clear = std::none_of(taken_.begin(), taken_.end(), [&](const auto& other) {
        return std::abs(other.first - cx) < 12 && std::abs(other.second + 3 - cy) < 9;
      });
      if (!clear) continue;
      taken_.emplace_back(cx, cy - 3);
      return {cx, cy};
    }
    return {x + 10, y + 4};
  }

 private:
  std::vector<std::pair<double, double>> taken_;  // centres
};

}  // namespace

bool HasRooflinePoint(const TaskSummary& task) {
  return task.best && task.best->median > 0 && task.work && task.work->flops > 0 &&
         task.work->bytes > 0;
}

std::string RooflineChart(const std::vector<RooflinePoint>& points) {
  const Roofs roofs = RoofsOf(points);
  PlotAxis x{INFINITY, 0, true, "operations per byte (arguments and outputs moved once)", TickText};
  PlotAxis y{INFINITY, 0, true, "GFLOP/s", TickText};
  for (const RooflinePoint& point : points) {
    if (!HasRooflinePoint(*point.task)) continue;
    const Place place = PlaceOf(*point.task);
    x.low = std::min(x.low, place.intensity);
    x.high = std::max(x.high, place.intensity);
    y.low = std::min(y.low, place.gflops);
    y.high = std::max({y.high, place.gflops, place.bound});
  }
  if (x.high == 0) return "";
  y.high = std::max(y.high, roofs.flops);
  if (roofs.flops > 0) x.high = std::max(x.high, roofs.flops / roofs.slow);
  x.low /= 1.8, x.high *= 1.8, y.low /= 1.8, y.high *= 1.6;

  PlotSize size;
  size.width = 900;
  size.height = 430;
  Plot plot("Roofline: the speed of every task against its operations per byte", x, y, size);
  DrawRoofs(plot, roofs, x, y);
  NumberPlacer numbers;
  for (const RooflinePoint& point : points) {
    if (!HasRooflinePoint(*point.task)) continue;
    const Place place = PlaceOf(*point.task);
    numbers.Block(plot.X(place.intensity), plot.Y(place.gflops));
  }
  for (const RooflinePoint& point : points) {
    if (!HasRooflinePoint(*point.task)) continue;
    const TaskSummary& task = *point.task;
    const Place place = PlaceOf(task);
    std::string title = absl::StrCat(task.alias.empty() ? task.task.function_name : task.alias,
                                     ": ", NumberText(place.gflops), " GFLOP/s at ",
                                     NumberText(place.intensity), " operations per byte");
    if (place.bound > 0) {
      // From the point up to its own bound, which is its bandwidth's.
      plot.Line({{place.intensity, place.gflops}, {place.intensity, place.bound}}, "stem");
      const double px = plot.X(place.intensity);
      plot.Raw(absl::StrCat("<path class=\"bound\" d=\"M", Pixel(px - 5), " ",
                            Pixel(plot.Y(place.bound)), "h10\"/>"));
      absl::StrAppend(&title, ", ", PercentText(place.gflops / place.bound), " of its bound");
    }
    plot.Raw(absl::StrCat("<a href=\"#task-", point.number, "\">"));
    plot.Dot(place.intensity, place.gflops, 4.5, place.bound > 0 ? "point" : "point hollow", title);
    const auto [nx, ny] = numbers.Place(plot.X(place.intensity), plot.Y(place.gflops));
    plot.Label(nx, ny, "middle", "number", absl::StrCat(point.number));
    plot.Raw("</a>");
  }
  return plot.Svg();
}

}  // namespace lathe::report
