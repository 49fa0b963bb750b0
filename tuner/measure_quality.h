// How far numbers can be trusted: the way promotions measure, applied to itself.
#ifndef LATHE_TUNER_MEASURE_QUALITY_H_
#define LATHE_TUNER_MEASURE_QUALITY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tuner/builder.h"
#include "tuner/cancellation.h"
#include "tuner/measure_service.h"
#include "tuner/paired.h"
#include "tuner/problem.h"

namespace lathe {

// A winner whose record is to be confirmed.
struct Winner {
  Problem problem;
  Record record;
};

struct QualityOptions {
  Problem problem;
  std::string trace;    // text
  int runs = 20;        // independent ones, for repeatability
  int promotions = 40;  // of a kernel over itself
  int blocks = kPairedBlocks;
  std::vector<Winner> winners;  // one that cannot be measured leaves the others
  absl::Duration device_wait = absl::Seconds(30);
};

// Fractions, as everything in a report; beyond them a report is bad.
struct QualityLimits {
  double spread = 0.02;            // p90 - p10 of the runs
  double false_promotions = 0.05;  // of all promotions
  double drift = 0.1;              // p90 - p10 of the canary
  double remeasured = 0.02;        // of a winner against its record, up or down
};

struct Quantiles {
  double p10 = 0, p50 = 0, p90 = 0;
  double Spread() const { return p50 == 0 ? 0 : (p90 - p10) / p50; }
};
Quantiles QuantilesOf(const std::vector<double>& values);

struct Remeasured {
  Record record;
  std::string error;   // why there is no time now, if so: stale, does not build, wrong, ...
  double seconds = 0;  // now
  double Change() const { return seconds / record.median - 1; }
};

struct QualityReport {
  v1::Device device;
  std::vector<double> runs;  // seconds per call, the median of each run
  int promotions = 0, false_promotions = 0;
  std::vector<double> drifts;  // of the canary, by lease; none where it is not known
  int leases = 0, contaminated = 0;
  std::vector<Remeasured> winners;

  double FalsePromotionRate() const {
    return promotions == 0 ? 0 : static_cast<double>(false_promotions) / promotions;
  }
  // What exceeds its limit, in words; empty when all is well.
  std::vector<std::string> Excesses(const QualityLimits& limits = {}) const;
};

// Measures. `on_progress` (may be null) is told leases done and in all. Errors are those
// of MeasurePaired, InvalidArgument when the kernel does not build or is wrong, Cancelled.
absl::StatusOr<QualityReport> MeasureQuality(
    const QualityOptions& options, Builder& builder, MeasureService& measurer,
    const Cancellation* cancellation = nullptr,
    const std::function<void(int done, int total)>& on_progress = nullptr);

}  // namespace lathe

#endif  // LATHE_TUNER_MEASURE_QUALITY_H_
