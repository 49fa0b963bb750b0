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
inline constexpr int kFeatureVersion = 2;

// One name per feature, in their order.
const std::vector<std::string>& FeatureNames();

// FeatureNames().size() finite values: the logarithm (base 2) of the estimate, sums
// over all nests, and values of the nests that take most of it, dearest first.
// Rounded, so that they are the same on every platform.
std::vector<float> FeaturesOf(const ScheduleModel& model, const Target& target, int threads);

}  // namespace lathe

#endif  // LATHE_COMPILER_ANALYSIS_FEATURES_H_
