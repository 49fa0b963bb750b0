#include "cli/explain.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/peaks.h"
#include "bench/probes.h"
#include "compiler/base/status_macros.h"

namespace lathe::cli {

absl::StatusOr<Explanation> Explain(const Function& function, double seconds,
                                    const std::vector<int>& cpus) {
  Explanation explanation;
  explanation.work = CountWork(function);
  ASSIGN_OR_RETURN(explanation.peaks, MeasurePeaks(function, cpus));
  explanation.roofline = RooflineOf(explanation.work, explanation.peaks);
  explanation.cpus = cpus;
  explanation.f64 = ComputesInF64(function);
  explanation.seconds = seconds;
  explanation.fraction = explanation.roofline.seconds / seconds;
  return explanation;
}

std::string ToText(const Explanation& e) {
  const double balance = e.peaks.flops_per_second / e.peaks.bytes_per_second;
  std::string text =
      absl::StrFormat("work:     %.4g Mflop, %.4g MB once through memory: %.3g flop/byte\n",
                      e.work.flops * 1e-6, e.work.bytes * 1e-6, e.roofline.intensity);
  absl::StrAppendFormat(
      &text,
      "machine:  %.1f GFLOP/s (%s multiply-adds of %s), %.1f GB/s (as many bytes read and "
      "written): balanced at %.3g flop/byte; probed on CPU %s\n",
      e.peaks.flops_per_second * 1e-9, ProbeIsa(), e.f64 ? "f64" : "f32",
      e.peaks.bytes_per_second * 1e-9, balance, absl::StrJoin(e.cpus, ","));
  absl::StrAppendFormat(&text, "bound:    %s by %s, %.1f GFLOP/s\n",
                        FormatSeconds(e.roofline.seconds), std::string(Name(e.roofline.limit)),
                        e.roofline.flops_per_second * 1e-9);
  absl::StrAppendFormat(&text, "achieved: %.1f %% of the bound, %.1f GFLOP/s, %.1f GB/s\n",
                        e.fraction * 100, e.work.flops / e.seconds * 1e-9,
                        e.work.bytes / e.seconds * 1e-9);
  return text;
}

Json ToJson(const Explanation& e) {
  return {{"flops", e.work.flops},
          {"bytes", e.work.bytes},
          {"arithmetic_intensity", e.roofline.intensity},
          {"peak_flops_per_second", e.peaks.flops_per_second},
          {"bandwidth_bytes_per_second", e.peaks.bytes_per_second},
          {"bound_seconds", e.roofline.seconds},
          {"bound_by", std::string(Name(e.roofline.limit))},
          {"achieved_fraction", e.fraction}};
}

}  // namespace lathe::cli
