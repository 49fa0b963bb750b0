#include "compiler/analysis/features.h"

#include <cmath>

namespace lathe {

const std::vector<std::string>& FeatureNames() {
  static const std::vector<std::string> names = {"log_estimate"};
  return names;
}

std::vector<float> FeaturesOf(const ScheduleModel& model, const Target& target, int threads) {
  double estimate = EstimateSeconds(model, target, threads);
  return {static_cast<float>(std::log2(std::max(estimate, 1e-12)))};
}

}  // namespace lathe
