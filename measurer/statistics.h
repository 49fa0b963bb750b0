// The robust statistics of timing: medians and their confidence intervals.
#ifndef LATHE_MEASURER_STATISTICS_H_
#define LATHE_MEASURER_STATISTICS_H_

#include <cstddef>
#include <span>
#include <vector>

namespace lathe {

// Median of `values` (mean of the middle two for an even count); 0 when empty.
double Median(std::vector<double> values);

// The value below which the fraction `p` of `values` lies, between order statistics
// linearly (Hyndman and Fan's type 7); 0 when empty.
double Quantile(std::vector<double> values, double p);

struct RankInterval {
  size_t low = 0;  // ranks among the sorted samples, from 0, both inclusive
  size_t high = 0;
};

// The narrowest symmetric pair of order statistics of `n` samples that covers
// the median of their distribution with at least `confidence`, whatever the
// distribution (Conover, Practical Nonparametric Statistics, 3.2): coverage is
// a sum of Binomial(n, 1/2). With too few samples for that, the whole range.
RankInterval MedianRanks(size_t n, double confidence);

struct MedianEstimate {
  double median = 0;
  double low = 0;  // 95 % confidence interval of the median
  double high = 0;
  double min = 0;

  // Half the interval's width over the median; infinite for a median of 0.
  double RelativeInterval() const;
};

MedianEstimate EstimateMedian(std::span<const double> samples);

}  // namespace lathe

#endif  // LATHE_MEASURER_STATISTICS_H_
