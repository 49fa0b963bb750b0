// What more trials are expected to gain.
#ifndef LATHE_TUNER_FORECAST_H_
#define LATHE_TUNER_FORECAST_H_

#include "absl/types/span.h"

namespace lathe {

// The gain of `horizon` trials as the latest ones had it: half of what the last
// 2 * horizon of `times` (seconds in order of measurement, infinite for failures)
// took off the best, as a share of it. 1 when there are too few to say.
double GainOfRecord(absl::Span<const double> times, int horizon);

// The expected share that the best of several candidates takes off a best time of
// exp(log_best): candidate i takes exp(x) seconds, x normally distributed with
// mean log_means[i] and deviation `sigma` > 0, independent of the others.
double ExpectedGain(absl::Span<const double> log_means, double sigma, double log_best);

}  // namespace lathe

#endif  // LATHE_TUNER_FORECAST_H_
