#include "tuner/forecast.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/base/check.h"

namespace lathe {

double GainOfRecord(absl::Span<const double> times, int horizon) {
  const auto window = static_cast<size_t>(2 * horizon);
  if (times.size() <= window) return 1;
  auto middle = times.end() - static_cast<std::ptrdiff_t>(window);
  double before = *std::min_element(times.begin(), middle);
  double after = std::min(before, *std::min_element(middle, times.end()));
  if (std::isinf(before)) return 1;
  return (1 - after / before) / 2;
}

double ExpectedGain(absl::Span<const double> log_means, double sigma, double log_best) {
  CHECK_GT(sigma, 0.0);
  if (log_means.empty()) return 0;
  // E[(1 - exp(m - b))+] of the minimum m, as the integral of P(m < x) over
  // exp(x - b) for x from far below up to b.
  constexpr int kSteps = 64;
  double lowest = *std::min_element(log_means.begin(), log_means.end());
  double from = std::min(lowest, log_best) - 4 * sigma;
  double step = (log_best - from) / kSteps;
  double gain = 0;
  for (int i = 0; i < kSteps; ++i) {
    double x = from + (i + 0.5) * step;
    double all_above = 1;
    for (double mean : log_means) {
      all_above *= 0.5 * std::erfc((x - mean) / (sigma * std::sqrt(2.0)));
    }
    gain += (1 - all_above) * std::exp(x - log_best) * step;
  }
  return gain;
}

}  // namespace lathe
