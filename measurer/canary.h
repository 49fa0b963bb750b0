// A fixed small kernel that is timed beside every batch: what it takes tells how fast
// the machine is just now. It is compiled into the runner and not shipped as an
// artifact, because every device has it before any compiler talks to it, and because
// its times are compared within one session only.
#ifndef LATHE_MEASURER_CANARY_H_
#define LATHE_MEASURER_CANARY_H_

#include <cstdint>
#include <map>
#include <vector>

namespace lathe {

// Runs it once: some 30 microseconds of multiply-adds in the first-level cache.
void RunCanary();

// Seconds of one run on the calling thread: the least of some, so that a single
// interruption does not count, but a slower clock or a busy sibling does.
double TimeCanary();

// What the canary took at the start of a session, by set of CPUs. Not thread-safe.
class CanaryBaseline {
 public:
  // Seconds; 0 before the first few readings.
  double Of(const std::vector<int32_t>& cpus) const;
  // A reading. A machine whose readings stay beyond `limit` (relative) of the baseline
  // many times in a row has changed for good: the baseline is learnt again.
  void Add(const std::vector<int32_t>& cpus, double seconds, double limit);

 private:
  struct Readings {
    std::vector<double> first;  // those that the baseline is the median of
    double baseline = 0;
    int beyond = 0;  // in a row
  };
  std::map<std::vector<int32_t>, Readings> readings_;
};

}  // namespace lathe

#endif  // LATHE_MEASURER_CANARY_H_
