// What this machine can do at most for one function: the probes, run now.
#ifndef LATHE_BENCH_PEAKS_H_
#define LATHE_BENCH_PEAKS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "compiler/analysis/roofline.h"
#include "compiler/tensor/function.h"

namespace lathe {

// Whether the arithmetic of `function` is that of doubles: its peak is half.
bool ComputesInF64(const Function& function);

// Runs the probes for about a tenth of a second on `cpus`, a thread on each: fused
// multiply-adds of f32 (of f64 where the function computes so), and memory with
// as many bytes to read and to write as the function's arguments and outputs
// have. ResourceExhausted when threads cannot be had.
absl::StatusOr<MachinePeaks> MeasurePeaks(const Function& function, const std::vector<int>& cpus);

}  // namespace lathe

#endif  // LATHE_BENCH_PEAKS_H_
