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

// Beyond these a batch of samples is contaminated. What cannot be read is no reason.
struct ConditionLimits {
  double steal = 0.02;               // of the batch's time
  double switches_per_second = 50;   // involuntary, of all threads; two are free
  double migrations_per_second = 2;  // of the calling thread; one is free
  double frequency_change = 0.05;    // relative, within the batch
  double drift = 0.1;                // of the canary, up or down
  double load_average = 2;           // see ForThisMachine
  double celsius = 95;

  // With a load average of two for each CPU that is online. Not for the sandbox.
  static ConditionLimits ForThisMachine();
};

enum class Contamination {
  kNone,
  kPassing,  // a repetition may find it gone
  kLasting   // load average, temperature: too slow for that
};
Contamination JudgeConditions(const BatchConditions& conditions, double seconds,
                              const ConditionLimits& limits = {});

// Where conditions come from; injected, so that tests make their own.
class ConditionSource {
 public:
  virtual ~ConditionSource() = default;
  virtual void Start(const std::vector<int32_t>& cpus) = 0;
  // What was since Start; not judged.
  virtual BatchConditions Stop() = 0;
};

// Opens its sources when made, so that it works inside the sandbox afterwards.
class ConditionMonitor : public ConditionSource {
 public:
  ConditionMonitor();
  ~ConditionMonitor() override;
  ConditionMonitor(const ConditionMonitor&) = delete;
  ConditionMonitor& operator=(const ConditionMonitor&) = delete;

  void Start(const std::vector<int32_t>& cpus) override;
  BatchConditions Stop() override;

 private:
  double Megahertz() const;

  std::vector<int32_t> cpus_;
  int stat_ = -1, load_ = -1, cpuinfo_ = -1, frequency_ = -1, temperature_ = -1, sched_ = -1;
  CpuTimes times_;
  int64_t migrations_ = -1;
  int64_t switches_ = 0;
  double megahertz_ = -1;
};

// Seconds of the monotonic clock that no time service adjusts.
double MonotonicSeconds();

}  // namespace lathe

#endif  // LATHE_MEASURER_CONDITIONS_H_
