// How near a measured time is to what the machine allows: `lathe run --explain`.
#ifndef LATHE_CLI_EXPLAIN_H_
#define LATHE_CLI_EXPLAIN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/output.h"
#include "compiler/analysis/roofline.h"
#include "compiler/tensor/function.h"

namespace lathe::cli {

struct Explanation {
  Work work;
  MachinePeaks peaks;  // measured on `cpus`, beside the run
  Roofline roofline;
  std::vector<int> cpus;
  bool f64 = false;     // whose multiply-adds the peak is of
  double seconds = 0;   // measured, of the function
  double fraction = 0;  // of the bound: roofline.seconds / seconds
};

// Measures the peaks now on `cpus`, where `function` took `seconds` a call.
absl::StatusOr<Explanation> Explain(const Function& function, double seconds,
                                    const std::vector<int>& cpus);

// Four lines.
std::string ToText(const Explanation& explanation);
Json ToJson(const Explanation& explanation);

}  // namespace lathe::cli

#endif  // LATHE_CLI_EXPLAIN_H_
