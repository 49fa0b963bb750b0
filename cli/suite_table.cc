#include "cli/suite_table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "cli/output.h"

namespace lathe::cli {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(200);
constexpr size_t kNameWidth = 34;

std::string ShortName(const std::string& name) {
  return name.size() <= kNameWidth ? name : name.substr(0, kNameWidth - 3) + "...";
}

// Best time, that of the default over it.
std::pair<std::string, std::string> Times(const SuiteTaskStatus& task) {
  std::optional<double> best = task.progress.best, other = task.progress.default_candidate;
  if (task.result && task.result->best) best = task.result->best->median;
  if (task.result && task.result->default_candidate) {
    other = task.result->default_candidate->median;
  }
  if (!best) return {"-", "-"};
  return {FormatSeconds(*best), other ? FormatRatio(*other / *best) : "-"};
}

std::string Row(const SuiteTaskStatus& task) {
  const auto [best, over] = Times(task);
  return absl::StrFormat("%-34s %7d %10s %8s %6.1f %%  %s", ShortName(task.name),
                         task.progress.done, best, over, 100 * task.share,
                         std::string(Name(task.state)));
}

std::string HeaderRow() {
  return absl::StrFormat("%-34s %7s %10s %8s %8s  %s", "function", "trials", "best", "default",
                         "time", "state");
}

std::string Left(absl::Duration left) {
  return left == absl::InfiniteDuration()
             ? ""
             : absl::StrFormat("%.0f s left", absl::ToDoubleSeconds(left));
}

size_t ScreenRows() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
  return known ? size.ws_row : 24;
}

}  // namespace

SuiteTable::SuiteTable() : terminal_(isatty(STDERR_FILENO) == 1) {}

void SuiteTable::Update(const std::vector<SuiteTaskStatus>& tasks, absl::Duration left) {
  if (!terminal_) return PrintNews(tasks);
  if (absl::Now() - last_ < kInterval) return;
  last_ = absl::Now();
  Draw(tasks, left);
}

void SuiteTable::End(const std::vector<SuiteTaskStatus>& tasks, absl::Duration left) {
  if (terminal_) Draw(tasks, left);
}

void SuiteTable::Draw(const std::vector<SuiteTaskStatus>& tasks, absl::Duration left) {
  // What does not fit scrolls away and could not be drawn over: the tasks at work stay.
  const size_t room = std::max<size_t>(ScreenRows(), 6) - 4;
  size_t first = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const bool at_work =
        tasks[i].state == SuiteTaskState::kTuning || tasks[i].state == SuiteTaskState::kPromoting;
    if (at_work && i >= room) first = std::min(i - room / 2, tasks.size() - room);
  }
  std::string text = lines_ > 0 ? absl::StrFormat("\x1b[%dA\x1b[J", lines_) : "";
  absl::StrAppend(&text, HeaderRow(), "\n");
  lines_ = 1;
  for (size_t i = first; i < tasks.size() && i < first + room; ++i, ++lines_) {
    absl::StrAppend(&text, Row(tasks[i]), "\n");
  }
  const size_t hidden = tasks.size() - std::min(tasks.size(), room);
  if (hidden > 0) absl::StrAppend(&text, "and ", hidden, " more; ");
  absl::StrAppend(&text, Left(left), "\n");
  ++lines_;
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

void SuiteTable::PrintNews(const std::vector<SuiteTaskStatus>& tasks) {
  shown_.resize(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    const auto [best, over] = Times(tasks[i]);
    const bool waits =
        tasks[i].state == SuiteTaskState::kWaiting || tasks[i].state == SuiteTaskState::kTuning;
    std::string line =
        absl::StrCat(tasks[i].name, ": best ", best, " (", over, " default)",
                     waits ? "" : absl::StrCat(", ", std::string(Name(tasks[i].state))));
    if (line == shown_[i] || (best == "-" && waits)) continue;
    std::fprintf(stderr, "%s, trial %lld\n", line.c_str(),
                 static_cast<long long>(tasks[i].progress.done));
    shown_[i] = std::move(line);
  }
}

std::string SuiteText(const std::vector<SuiteTaskStatus>& tasks) {
  std::string text = HeaderRow() + "\n";
  for (const SuiteTaskStatus& task : tasks) {
    absl::StrAppend(&text, Row(task), "\n");
    if (!task.error.ok()) absl::StrAppend(&text, "  ", std::string(task.error.message()), "\n");
  }
  return text;
}

}  // namespace lathe::cli
