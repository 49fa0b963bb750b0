#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/output.h"

namespace lathe::cli {
namespace {

constexpr absl::Duration kTerminalInterval = absl::Milliseconds(100);
constexpr absl::Duration kPlainInterval = absl::Seconds(5);

}  // namespace

ProgressPrinter::ProgressPrinter() : terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressPrinter::~ProgressPrinter() {
  if (line_open_) std::fputc('\n', stderr);
}

void ProgressPrinter::Update(const TuneProgress& progress) {
  // Without a terminal a new best is news, and so is silence of some seconds.
  bool news = !terminal_ && progress.best != best_;
  absl::Time now = absl::Now();
  if (!news && now - last_ < (terminal_ ? kTerminalInterval : kPlainInterval)) return;
  last_ = now;
  best_ = progress.best;
  std::string line = ToLine(progress);
  if (terminal_) {
    std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
    std::fflush(stderr);
    line_open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

std::string ToLine(const TuneProgress& progress) {
  std::string line = absl::StrCat("trial ", progress.done);
  // A database may hold more trials than are asked for now.
  if (progress.total != std::numeric_limits<int64_t>::max() && progress.done <= progress.total) {
    absl::StrAppend(&line, " of ", progress.total);
  }
  if (progress.best) {
    absl::StrAppend(&line, ", best ", FormatSeconds(*progress.best));
    if (progress.default_candidate) {
      absl::StrAppend(&line, " (", FormatRatio(*progress.default_candidate / *progress.best),
                      " default)");
    }
  }
  absl::StrAppendFormat(&line, ", %.1f/s", progress.trials_per_second);
  int64_t failed = 0;
  for (const auto& [status, count] : progress.statuses) {
    if (status != RecordStatus::kOk && status != RecordStatus::kAbandoned) failed += count;
  }
  if (failed > 0) absl::StrAppend(&line, ", ", failed, " failed");
  if (progress.forecast && *progress.forecast < 1 && progress.done > progress.resumed) {
    absl::StrAppendFormat(&line, ", %.1f %% more expected", 100 * *progress.forecast);
  }
  if (progress.eta != absl::InfiniteDuration()) {
    absl::StrAppendFormat(&line, ", %.0f s left", absl::ToDoubleSeconds(progress.eta));
  }
  return line;
}

}  // namespace lathe::cli
