#include "measurer/canary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "measurer/conditions.h"
#include "measurer/statistics.h"

namespace lathe {
namespace {

constexpr size_t kElements = 2048;  // 8 KiB: the first-level cache of any CPU
constexpr int kSweeps = 32;
constexpr int kRuns = 7;  // of one reading
constexpr size_t kFirstReadings = 5;
constexpr int kChangedForGood = 16;

}  // namespace

void RunCanary() {
  static std::array<float, kElements> values = {};
  volatile float factor = 0.5f;  // so that nothing is computed ahead
  const float f = factor;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    float carried = static_cast<float>(sweep);
    for (size_t i = 0; i < kElements; i += 8) {
      // Short chains over eight elements: arithmetic, loads and stores.
      for (size_t j = 0; j < 8; ++j) values[i + j] = values[i + j] * f + carried;
      carried = values[i] * f;
    }
  }
}

double TimeCanary() {
  double least = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double start = MonotonicSeconds();
    RunCanary();
    const double seconds = MonotonicSeconds() - start;
    if (run == 0 || seconds < least) least = seconds;
  }
  return least;
}

double CanaryBaseline::Of(const std::vector<int32_t>& cpus) const {
  auto found = readings_.find(cpus);
  return found == readings_.end() ? 0 : found->second.baseline;
}

void CanaryBaseline::Add(const std::vector<int32_t>& cpus, double seconds, double limit) {
  if (seconds <= 0) return;
  Readings& readings = readings_[cpus];
  if (readings.baseline == 0) {
    readings.first.push_back(seconds);
    if (readings.first.size() >= kFirstReadings) readings.baseline = Median(readings.first);
    return;
  }
  const bool beyond = std::abs(seconds / readings.baseline - 1) > limit;
  readings.beyond = beyond ? readings.beyond + 1 : 0;
  if (readings.beyond >= kChangedForGood) readings = {};
}

}  // namespace lathe
