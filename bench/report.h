// Results of `lathe bench` as text and as JSON (bench/README.md documents it).
#ifndef LATHE_BENCH_REPORT_H_
#define LATHE_BENCH_REPORT_H_

#include <string>
#include <vector>

#include "bench/workload.h"
#include "nlohmann/json.hpp"

namespace lathe {

inline constexpr int kBenchJsonVersion = 1;

struct BenchReport {
  std::string lathe_version;
  std::string device_kind;  // canonical text
  std::vector<int> cpus;    // pinned to
  int threads = 1;
  uint64_t seed = 1;
  std::vector<std::pair<std::string, std::string>> peer_versions;  // name, version
  std::vector<WorkloadResult> workloads;
};

nlohmann::ordered_json ToJson(const BenchReport& report);

// "openblas 0.3.21, SKYLAKEX; ...": one line.
std::string PeerVersionsText(const BenchReport& report);
// Several lines on one workload.
std::string ToText(const WorkloadResult& result);

}  // namespace lathe

#endif  // LATHE_BENCH_REPORT_H_
