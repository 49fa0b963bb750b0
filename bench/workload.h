// One workload: our kernels, the peers and the machine's probes in one
// interleaved run, every output checked before its time counts.
#ifndef LATHE_BENCH_WORKLOAD_H_
#define LATHE_BENCH_WORKLOAD_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/contest.h"
#include "bench/peer_library.h"
#include "compiler/runtime/lathe_thread_pool.h"
#include "compiler/schedule/trace.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "tuner/builder.h"

namespace lathe {

// An implementation of ours and where it comes from: "best (exact)", a file.
struct OriginTrace {
  std::string origin;
  Trace trace;
};

struct Workload {
  std::string name;
  std::string spec;  // the function as it was asked for
  Function function;
  std::optional<OperatorCall> op;   // what peers are asked for; none: no peers
  OriginTrace subject;              // the kernel that is compared
  std::vector<OriginTrace> beside;  // others of ours that run along
  Trace default_trace;
};

struct BenchOptions {
  Target target;
  int threads = 1;
  bool relaxed = false;      // peers with relaxed results count
  double naive_seconds = 1;  // naive runs no longer than about this; 0: never
  uint64_t seed = 1;
  ContestOptions contest;  // without its functions, which are the system's
};

struct PeerResult {
  std::string name;
  double seconds = 0;   // median of a call; 0 when it has none
  RatioEstimate ratio;  // its time over ours, above 1: ours is faster
  bool relaxed = false;
  std::string error;  // why its time does not count; empty: it does
};

// Another implementation of ours in the same run.
struct BesideResult {
  std::string origin;
  double seconds = 0;   // median of a call; 0 when it has none
  RatioEstimate ratio;  // its time over that of the subject
  std::string error;
};

// Times are medians in seconds a call; 0 when there is none.
struct WorkloadResult {
  std::string name, spec, origin;
  int threads = 1;
  Work work;
  double seconds = 0, default_seconds = 0, naive_seconds = 0;
  std::vector<BesideResult> beside;
  std::vector<PeerResult> peers;
  std::string best_peer;  // fastest of those that count; empty: none
  RatioEstimate best_ratio;
  double peak_flops = 0;         // of the FMA probe, per second
  double bandwidth = 0;          // of the bandwidth probe, bytes per second
  double roofline_fraction = 0;  // of max(flops / peak, bytes / bandwidth) in our time
  int rounds = 0;
  std::string error;               // why there is no time of ours
  std::vector<std::string> notes;  // on default and naive
};

// `pool` (null for one thread) runs our kernels and the probes. Never fails: what
// goes wrong is in the result.
WorkloadResult RunWorkload(const Workload& workload, const std::vector<PeerLibrary>& peers,
                           const BenchOptions& options, Builder& builder, lathe_thread_pool* pool);

// Over the best peers of workloads that have one; 0 for none.
double GeomeanRatio(const std::vector<WorkloadResult>& results);

}  // namespace lathe

#endif  // LATHE_BENCH_WORKLOAD_H_
