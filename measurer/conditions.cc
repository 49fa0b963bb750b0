#include "measurer/conditions.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace lathe {
namespace {

int OpenQuietly(const char* path) { return open(path, O_RDONLY | O_CLOEXEC); }

// Everything that can be read from the start of `descriptor`; "" for none.
std::string ReadFromStart(int descriptor) {
  std::string text;
  char block[4096];
  while (descriptor >= 0) {
    ssize_t n = pread(descriptor, block, sizeof(block), static_cast<off_t>(text.size()));
    if (n <= 0) break;
    text.append(block, static_cast<size_t>(n));
  }
  return text;
}

// The number at the start of the text; negative without one.
double LeadingNumber(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  return end == text.c_str() ? -1 : value;
}

// The number after "NAME ... :" in /proc/self/sched; negative without it.
int64_t SchedulerCount(const std::string& text, const std::string& name) {
  size_t at = text.find(name);
  if (at == std::string::npos) return -1;
  at = text.find(':', at);
  if (at == std::string::npos) return -1;
  return static_cast<int64_t>(LeadingNumber(text.substr(at + 1, 32)));
}

// Of all threads of the runner, so that the pool's are counted.
int64_t InvoluntarySwitches() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_nivcsw : 0;
}

}  // namespace

CpuTimes ParseProcStat(const std::string& text, const std::vector<int32_t>& cpus) {
  CpuTimes times;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (name.size() < 4 || name.compare(0, 3, "cpu") != 0) continue;  // "cpu" is the sum
    int32_t cpu = std::atoi(name.c_str() + 3);
    if (!cpus.empty() && std::find(cpus.begin(), cpus.end(), cpu) == cpus.end()) continue;
    // user nice system idle iowait irq softirq steal; guests are in user.
    uint64_t value;
    for (int i = 0; i < 8 && fields >> value; ++i) {
      times.total += value;
      if (i == 7) times.steal += value;
    }
  }
  return times;
}

double ParseCpuinfoMegahertz(const std::string& text) {
  double sum = 0;
  int count = 0;
  for (size_t at = text.find("cpu MHz"); at != std::string::npos;
       at = text.find("cpu MHz", at + 1)) {
    size_t colon = text.find(':', at);
    if (colon == std::string::npos) break;
    sum += LeadingNumber(text.substr(colon + 1, 32));
    ++count;
  }
  return count == 0 ? -1 : sum / count;
}

bool IsContaminated(const BatchConditions& conditions, double seconds) {
  constexpr double kMaxSteal = 0.02;
  constexpr double kMaxSwitchesPerSecond = 50;
  constexpr int64_t kFreeSwitches = 2;  // so that short batches are not judged by one
  return conditions.steal_fraction > kMaxSteal ||
         static_cast<double>(conditions.involuntary_switches - kFreeSwitches) >
             kMaxSwitchesPerSecond * seconds;
}

double MonotonicSeconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

ConditionMonitor::ConditionMonitor()
    : stat_(OpenQuietly("/proc/stat")),
      load_(OpenQuietly("/proc/loadavg")),
      cpuinfo_(OpenQuietly("/proc/cpuinfo")),
      frequency_(OpenQuietly("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")),
      temperature_(OpenQuietly("/sys/class/thermal/thermal_zone0/temp")),
      sched_(OpenQuietly("/proc/self/sched")) {}

ConditionMonitor::~ConditionMonitor() {
  for (int descriptor : {stat_, load_, cpuinfo_, frequency_, temperature_, sched_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

void ConditionMonitor::Start(const std::vector<int32_t>& cpus) {
  cpus_ = cpus;
  times_ = ParseProcStat(ReadFromStart(stat_), cpus_);
  migrations_ = SchedulerCount(ReadFromStart(sched_), "nr_migrations");
  switches_ = InvoluntarySwitches();
  start_ = MonotonicSeconds();
}

BatchConditions ConditionMonitor::Stop() const {
  BatchConditions c;
  const double seconds = MonotonicSeconds() - start_;
  c.involuntary_switches = InvoluntarySwitches() - switches_;
  CpuTimes now = ParseProcStat(ReadFromStart(stat_), cpus_);
  if (now.total > times_.total) {
    c.steal_fraction = static_cast<double>(now.steal - times_.steal) /
                       static_cast<double>(now.total - times_.total);
  }
  int64_t migrations = SchedulerCount(ReadFromStart(sched_), "nr_migrations");
  if (migrations >= 0 && migrations_ >= 0) c.migrations = migrations - migrations_;
  double kilohertz = LeadingNumber(ReadFromStart(frequency_));
  c.frequency_mhz =
      kilohertz > 0 ? kilohertz / 1000 : ParseCpuinfoMegahertz(ReadFromStart(cpuinfo_));
  double millidegrees = LeadingNumber(ReadFromStart(temperature_));
  if (millidegrees > 0) c.temperature_celsius = millidegrees / 1000;
  c.load_average = LeadingNumber(ReadFromStart(load_));
  c.contaminated = IsContaminated(c, seconds);
  return c;
}

}  // namespace lathe
