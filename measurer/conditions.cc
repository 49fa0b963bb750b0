#include "measurer/conditions.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
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

ConditionLimits ConditionLimits::ForThisMachine() {
  ConditionLimits limits;
  limits.load_average *= static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  return limits;
}

Contamination JudgeConditions(const BatchConditions& c, double seconds,
                              const ConditionLimits& limits) {
  // So that a short batch is not judged by one event.
  constexpr int64_t kFreeSwitches = 2, kFreeMigrations = 1;
  auto above = [&](int64_t events, double per_second) {
    return static_cast<double>(events) > per_second * seconds;
  };
  if (c.steal_fraction > limits.steal ||
      above(c.involuntary_switches - kFreeSwitches, limits.switches_per_second) ||
      above(c.migrations - kFreeMigrations, limits.migrations_per_second) ||
      c.frequency_change > limits.frequency_change ||
      (c.drift > 0 && std::abs(c.drift - 1) > limits.drift)) {
    return Contamination::kPassing;
  }
  if (c.load_average > limits.load_average || c.temperature_celsius > limits.celsius) {
    return Contamination::kLasting;
  }
  return Contamination::kNone;
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
  megahertz_ = Megahertz();
  switches_ = InvoluntarySwitches();
}

double ConditionMonitor::Megahertz() const {
  const double kilohertz = LeadingNumber(ReadFromStart(frequency_));
  return kilohertz > 0 ? kilohertz / 1000 : ParseCpuinfoMegahertz(ReadFromStart(cpuinfo_));
}

BatchConditions ConditionMonitor::Stop() {
  BatchConditions c;
  c.involuntary_switches = InvoluntarySwitches() - switches_;
  CpuTimes now = ParseProcStat(ReadFromStart(stat_), cpus_);
  if (now.total > times_.total) {
    c.steal_fraction = static_cast<double>(now.steal - times_.steal) /
                       static_cast<double>(now.total - times_.total);
  }
  int64_t migrations = SchedulerCount(ReadFromStart(sched_), "nr_migrations");
  if (migrations >= 0 && migrations_ >= 0) c.migrations = migrations - migrations_;
  c.frequency_mhz = Megahertz();
  if (c.frequency_mhz > 0 && megahertz_ > 0) {
    c.frequency_change = std::abs(c.frequency_mhz / megahertz_ - 1);
  }
  double millidegrees = LeadingNumber(ReadFromStart(temperature_));
  if (millidegrees > 0) c.temperature_celsius = millidegrees / 1000;
  c.load_average = LeadingNumber(ReadFromStart(load_));
  return c;
}

}  // namespace lathe
