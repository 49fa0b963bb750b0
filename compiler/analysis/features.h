// What a cost model sees of a schedule: a fixed number of values, computed from
// its model alone.
#ifndef LATHE_COMPILER_ANALYSIS_FEATURES_H_
#define LATHE_COMPILER_ANALYSIS_FEATURES_H_

#include <string>
#include <vector>

#include "compiler/analysis/schedule_model.h"

namespace lathe {

// Changes whenever a feature changes its meaning or place: cost models of
// another version are refused.
inline constexpr int kFeatureVersion = 1;

// One name per feature, in their order.
const std::vector<std::string>& FeatureNames();

// FeatureNames().size() finite values.
std::vector<float> FeaturesOf(const ScheduleModel& model, const Target& target, int threads);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_FEATURES_H_
