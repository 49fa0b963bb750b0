// A short output of `lathe bench --json`.
#ifndef LATHE_TESTS_REPORT_BENCH_JSON_H_
#define LATHE_TESTS_REPORT_BENCH_JSON_H_

namespace lathe::report {

inline constexpr char kBenchJson[] = R"json({
  "version": 1, "lathe": "0.1.0", "device_kind": "kind-a", "cpus": [1], "threads": 1, "seed": 1,
  "peer_versions": {"openblas": "0.3.21", "eigen": "3.4.0"},
  "workloads": [
    {"name": "matmul_64", "function": "op:matmul(m=64,n=64,k=64)", "trace": "best (exact)",
     "threads": 1, "time_us": 10, "default_us": 12, "naive_us": null,
     "peers": {"openblas": 12.5, "eigen": 9.5}, "best_peer": "openblas",
     "ratio_to_best_peer": 1.25, "interval": [1.2, 1.3],
     "peer_ratios": {"openblas": {"ratio": 1.25, "interval": [1.2, 1.3], "relaxed": false},
                     "eigen": {"ratio": 0.95, "interval": [0.9, 1.0], "relaxed": true}},
     "rejected_peers": {}, "roofline_fraction": 0.5, "flops": 524288, "bytes": 49152,
     "gflops": 52.4, "probes": {"fma_gflops": 100, "bandwidth_gb_s": 20}, "rounds": 41,
     "error": null, "notes": []},
    {"name": "broken & co", "function": "op:none()", "trace": "default", "threads": 1,
     "time_us": null, "peers": {}, "best_peer": null, "peer_ratios": {}, "roofline_fraction": null,
     "probes": null, "error": "it <crashed>", "notes": []}
  ],
  "geomean_ratio": 1.25
})json";

}  // namespace lathe::report

#endif  // LATHE_TESTS_REPORT_BENCH_JSON_H_
