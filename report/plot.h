// A plot in SVG: two axes with ticks and grid, and marks in data coordinates.
// Colours come from classes of the page's style.
#ifndef LATHE_REPORT_PLOT_H_
#define LATHE_REPORT_PLOT_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe::report {

struct PlotAxis {
  double low = 0, high = 1;  // low < high; both positive if `log`
  bool log = false;
  std::string label;
  std::function<std::string(double)> text;  // of a tick
};

// Round values within the axis, at most about `wanted`: 1, 2 and 5 times powers of
// ten; on a logarithmic axis over decades powers of ten alone.
std::vector<double> Ticks(const PlotAxis& axis, int wanted);

struct PlotSize {
  int width = 560, height = 300;
  int left = 74, right = 14, top = 14, bottom = 42;
};

using DataPoint = std::pair<double, double>;

class Plot {
 public:
  // `title` is what a screen reader says of the picture.
  Plot(std::string_view title, PlotAxis x, PlotAxis y, const PlotSize& size = {});

  // Pixels; values beyond an axis are moved to its end.
  double X(double value) const;
  double Y(double value) const;
  bool Holds(double x, double y) const;
  const PlotSize& size() const { return size_; }

  // Classes are names of the style; `title` (may be empty) shows on hover.
  void Line(const std::vector<DataPoint>& points, std::string_view classes);
  // Keeps each value until the next point.
  void Steps(const std::vector<DataPoint>& points, std::string_view classes);
  void Dot(double x, double y, double radius, std::string_view classes, std::string_view title);
  void Diamond(double x, double y, double radius, std::string_view classes, std::string_view title);
  // A short vertical mark just above the x axis.
  void BottomTick(double x, double height, std::string_view classes, std::string_view title);
  // Text at a pixel; `anchor` is start, middle or end.
  void Label(double pixel_x, double pixel_y, std::string_view anchor, std::string_view classes,
             std::string_view text);
  void Raw(std::string_view svg) { body_ += svg; }

  std::string Svg() const;

 private:
  void DrawAxes();

  PlotAxis x_, y_;
  PlotSize size_;
  std::string head_, body_;
};

// An SVG number: two decimals at most.
std::string Pixel(double value);

}  // namespace lathe::report

#endif  // LATHE_REPORT_PLOT_H_
