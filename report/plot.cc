#include "report/plot.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/base/check.h"
#include "compiler/base/source_error.h"
#include "report/text.h"

namespace lathe::report {
namespace {

// Where a value lies between the ends of an axis, 0 to 1.
double Fraction(const PlotAxis& axis, double value) {
  value = std::clamp(value, axis.low, axis.high);
  if (!axis.log) return (value - axis.low) / (axis.high - axis.low);
  return std::log(value / axis.low) / std::log(axis.high / axis.low);
}

bool IsWithin(const PlotAxis& axis, double value) {
  const double slack = 1e-9 * (axis.high - axis.low);
  return value >= axis.low - slack && value <= axis.high + slack;
}

std::string Title(std::string_view title) {
  return title.empty() ? "" : absl::StrCat("<title>", Escaped(title), "</title>");
}

}  // namespace

std::string Pixel(double value) {
  std::string text = absl::StrFormat("%.2f", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::vector<double> Ticks(const PlotAxis& axis, int wanted) {
  std::vector<double> ticks;
  // A narrow range has no use for powers of ten.
  if (!axis.log || axis.high < 4 * axis.low) {
    const double raw = (axis.high - axis.low) / wanted;
    const double power = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * power;
    for (double factor : {5.0, 2.0, 1.0}) {
      if (factor * power >= raw) step = factor * power;
    }
    for (double i = std::ceil(axis.low / step - 1e-9); IsWithin(axis, i * step); ++i) {
      ticks.push_back(i * step);
    }
    return ticks;
  }
  // The densest of these sets that has few enough.
  static constexpr std::initializer_list<double> kSets[] = {
      {1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 4, 5, 6, 8}, {1, 1.5, 2, 3, 5, 7}, {1, 2, 5}, {1, 3}, {1}};
  const int first = static_cast<int>(std::floor(std::log10(axis.low)));
  const int last = static_cast<int>(std::ceil(std::log10(axis.high)));
  for (const auto& set : kSets) {
    ticks.clear();
    for (int exponent = first; exponent <= last; ++exponent) {
      for (double factor : set) {
        const double tick = factor * std::pow(10, exponent);
        if (tick >= axis.low * (1 - 1e-9) && tick <= axis.high * (1 + 1e-9)) ticks.push_back(tick);
      }
    }
    if (static_cast<int>(ticks.size()) <= wanted) break;
  }
  return ticks;
}

Plot::Plot(std::string_view title, PlotAxis x, PlotAxis y, const PlotSize& size)
    : x_(std::move(x)), y_(std::move(y)), size_(size) {
  for (const PlotAxis* axis : {&x_, &y_}) {
    CHECK(axis->low < axis->high && (!axis->log || axis->low > 0)) << "not an axis";
  }
  head_ = absl::StrCat("<svg class=\"plot\" viewBox=\"0 0 ", size_.width, " ", size_.height,
                       "\" role=\"img\" aria-label=\"", Escaped(title), "\">");
  DrawAxes();
}

double Plot::X(double value) const {
  return size_.left + Fraction(x_, value) * (size_.width - size_.left - size_.right);
}

double Plot::Y(double value) const {
  return size_.height - size_.bottom -
         Fraction(y_, value) * (size_.height - size_.top - size_.bottom);
}

bool Plot::Holds(double x, double y) const { return IsWithin(x_, x) && IsWithin(y_, y); }

void Plot::DrawAxes() {
  const int bottom = size_.height - size_.bottom, right = size_.width - size_.right;
  for (double tick : Ticks(y_, 6)) {
    const std::string y = Pixel(Y(tick));
    absl::StrAppend(&body_, "<path class=\"grid\" d=\"M", size_.left, " ", y, "H", right, "\"/>");
    Label(size_.left - 7, Y(tick) + 3.5, "end", "tick", y_.text(tick));
  }
  for (double tick : Ticks(x_, 8)) {
    const std::string x = Pixel(X(tick));
    absl::StrAppend(&body_, "<path class=\"grid\" d=\"M", x, " ", size_.top, "V", bottom, "\"/>");
    Label(X(tick), bottom + 15, "middle", "tick", x_.text(tick));
  }
  absl::StrAppend(&body_, "<path class=\"axis\" d=\"M", size_.left, " ", size_.top, "V", bottom,
                  "H", right, "\"/>");
  Label((size_.left + right) / 2.0, size_.height - 8, "middle", "axis-label", x_.label);
  const std::string middle = Pixel((size_.top + bottom) / 2.0);
  absl::StrAppend(&body_,
                  "<text class=\"axis-label\" text-anchor=\"middle\" transform=\"rotate(-90 ",
                  "12 ", middle, ")\" x=\"12\" y=\"", middle, "\">", Escaped(y_.label), "</text>");
}

void Plot::Line(const std::vector<DataPoint>& points, std::string_view classes) {
  std::string path;
  for (const auto& [x, y] : points) {
    absl::StrAppend(&path, path.empty() ? "M" : "L", Pixel(X(x)), " ", Pixel(Y(y)));
  }
  absl::StrAppend(&body_, "<path class=\"", ToAbsl(classes), "\" d=\"", path, "\"/>");
}

void Plot::Steps(const std::vector<DataPoint>& points, std::string_view classes) {
  std::string path;
  for (const auto& [x, y] : points) {
    if (path.empty()) {
      path = absl::StrCat("M", Pixel(X(x)), " ", Pixel(Y(y)));
    } else {
      absl::StrAppend(&path, "H", Pixel(X(x)), "V", Pixel(Y(y)));
    }
  }
  absl::StrAppend(&body_, "<path class=\"", ToAbsl(classes), "\" d=\"", path, "\"/>");
}

void Plot::Dot(double x, double y, double radius, std::string_view classes,
               std::string_view title) {
  absl::StrAppend(&body_, "<circle class=\"", ToAbsl(classes), "\" cx=\"", Pixel(X(x)), "\" cy=\"",
                  Pixel(Y(y)), "\" r=\"", Pixel(radius), "\">", Title(title), "</circle>");
}

void Plot::Diamond(double x, double y, double radius, std::string_view classes,
                   std::string_view title) {
  const std::string r = Pixel(radius), back = Pixel(-radius);
  absl::StrAppend(&body_, "<path class=\"", ToAbsl(classes), "\" d=\"M", Pixel(X(x)), " ",
                  Pixel(Y(y) - radius), "l", r, " ", r, "l", back, " ", r, "l", back);
  absl::StrAppend(&body_, " ", back, "z\">", Title(title), "</path>");
}

void Plot::BottomTick(double x, double height, std::string_view classes, std::string_view title) {
  absl::StrAppend(&body_, "<path class=\"", ToAbsl(classes), "\" d=\"M", Pixel(X(x)), " ",
                  size_.height - size_.bottom - 1, "v", Pixel(-height), "\">", Title(title),
                  "</path>");
}

void Plot::Label(double pixel_x, double pixel_y, std::string_view anchor, std::string_view classes,
                 std::string_view text) {
  absl::StrAppend(&body_, "<text class=\"", ToAbsl(classes), "\" x=\"", Pixel(pixel_x), "\" y=\"",
                  Pixel(pixel_y), "\" text-anchor=\"", ToAbsl(anchor), "\">", Escaped(text),
                  "</text>");
}

std::string Plot::Svg() const { return absl::StrCat(head_, body_, "</svg>\n"); }

}  // namespace lathe::report
