// The state of the machine around a batch of samples.
#ifndef LATHE_MEASURER_CONDITIONS_H_
#define LATHE_MEASURER_CONDITIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measurer/runner_protocol.h"

namespace lathe {

// Jiffies of one set of CPUs since boot.
struct CpuTimes {
  uint64_t total = 0;
  uint64_t steal = 0;
};

// Sums the lines of `cpus` (empty: of all) in the text of /proc/stat.
CpuTimes ParseProcStat(const std::string& text, const std::vector<int32_t>& cpus);

// Mean of the "cpu MHz" lines of /proc/cpuinfo's text; negative without any.
double ParseCpuinfoMegahertz(const std::string& text);

// Whether samples taken under these conditions over `seconds` are to be repeated:
// stolen time above 2 %, or preemption more than 50 times a second.
bool IsContaminated(const BatchConditions& conditions, double seconds);

// Opens its sources when made, so that it works inside the sandbox afterwards.
class ConditionMonitor {
 public:
  ConditionMonitor();
  ~ConditionMonitor();
  ConditionMonitor(const ConditionMonitor&) = delete;
  ConditionMonitor& operator=(const ConditionMonitor&) = delete;

  void Start(const std::vector<int32_t>& cpus);
  // Conditions since Start, `contaminated` judged, `repeats` 0.
  BatchConditions Stop() const;

 private:
  std::vector<int32_t> cpus_;
  int stat_ = -1, load_ = -1, cpuinfo_ = -1, frequency_ = -1, temperature_ = -1, sched_ = -1;
  CpuTimes times_;
  int64_t migrations_ = -1;
  int64_t switches_ = 0;
  double start_ = 0;
};

// Seconds of the monotonic clock that no time service adjusts.
double MonotonicSeconds();

}  // namespace lathe

#endif  // LATHE_MEASURER_CONDITIONS_H_
