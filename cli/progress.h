// Progress of tuning on stderr: one live line on a terminal, a line now and
// then otherwise.
#ifndef LATHE_CLI_PROGRESS_H_
#define LATHE_CLI_PROGRESS_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tuner/tune_session.h"

namespace lathe::cli {

class ProgressPrinter {
 public:
  ProgressPrinter();
  ~ProgressPrinter();  // ends the live line
  void Update(const TuneProgress& progress);

 private:
  const bool terminal_;
  bool line_open_ = false;
  absl::Time last_ = absl::InfinitePast();
  std::optional<double> best_;
};

// "trial 12 of 64, best 25.1 us (3.2x default), 14.3/s, 4 s left".
std::string ToLine(const TuneProgress& progress);

}  // namespace lathe::cli

#endif  // LATHE_CLI_PROGRESS_H_
