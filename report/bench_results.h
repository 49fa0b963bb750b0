// What `lathe bench --json` printed (bench/README.md), read back.
#ifndef LATHE_REPORT_BENCH_RESULTS_H_
#define LATHE_REPORT_BENCH_RESULTS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/analysis/roofline.h"

namespace lathe::report {

struct PeerTime {
  std::string name;
  double seconds = 0;
  double ratio = 0, ratio_low = 0, ratio_high = 0;  // its time over ours
  bool relaxed = false;
};

struct BenchRow {
  std::string name, function, trace;  // as the bench was told
  int threads = 1;
  double seconds = 0, default_seconds = 0;  // 0: not timed
  std::vector<PeerTime> peers;
  std::string best_peer;              // "": none
  double roofline_fraction = 0;       // 0: unknown
  std::optional<MachinePeaks> peaks;  // probed beside this workload
  std::string error;
};

struct BenchResults {
  std::string lathe_version, device_kind;
  std::vector<std::pair<std::string, std::string>> peer_versions;  // name, version
  std::vector<BenchRow> rows;
  double geomean_ratio = 0;  // over the best peers; 0: none
};

// `name` is what messages call the text. InvalidArgument for another format or
// version, saying what is expected.
absl::StatusOr<BenchResults> ParseBenchResults(std::string_view json, const std::string& name);

}  // namespace lathe::report

#endif  // LATHE_REPORT_BENCH_RESULTS_H_
