// What the page says of one task, from its records alone.
#ifndef LATHE_REPORT_TASK_SUMMARY_H_
#define LATHE_REPORT_TASK_SUMMARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analysis/roofline.h"
#include "compiler/tensor/function.h"
#include "database/store.h"

namespace lathe::report {

// One trial of a search, at its place in that search.
struct SearchPoint {
  int64_t trial = 0;   // 1 for the first of the search; the default counts as one
  double seconds = 0;  // of tuning until it was known, pauses between runs left out
  double time = 0;     // seconds per call; 0 unless ok or abandoned
  RecordStatus status = RecordStatus::kOk;
};

// The trials of one search (equal `Record::search`), over all its runs.
struct SearchRun {
  std::string name;
  std::vector<SearchPoint> points;
  double best = 0;  // seconds per call; 0: none was ok
  // The promotions that followed it: time per call of the winner.
  std::vector<double> promoted;
};

// A moment at which something better was known, or served.
struct HistoryEvent {
  enum class Kind : uint8_t { kNaive, kDefault, kImproved, kPromoted };
  Kind kind = Kind::kImproved;
  int64_t created_unix_ms = 0, trial = 0;
  double median = 0, ci_low = 0, ci_high = 0;
  std::string search, lathe_version, llvm_version;
  bool contaminated = false;
};
std::string_view Name(HistoryEvent::Kind kind);

struct TaskSummary {
  Task task;
  std::string alias;      // what a suite or an author calls it; "" for nothing else
  std::string signature;  // types and shapes: "f32[64, 64], f32[64, 64] → f32[64, 64]"
  std::optional<Work> work;
  std::optional<MachinePeaks> peaks;

  std::optional<Record> best;  // what is served
  std::string best_trace;      // in the author's names where they are known
  bool author_names = false;
  std::string device_name;  // of `best`
  // Seconds per call; of the paired rounds of the last promotion where there were any.
  std::optional<double> naive, default_candidate;

  std::vector<SearchRun> searches;  // in order of their first trial
  std::vector<HistoryEvent> history;
  std::map<RecordStatus, int64_t> statuses;  // of trials, promotion rounds and naive left out
  int64_t records = 0, trials = 0, rounds = 0, contaminated = 0;
  int64_t first_unix_ms = 0, last_unix_ms = 0;
  double build_seconds = 0, measure_seconds = 0;

  // Of the best; nothing without a best, work or peaks.
  std::optional<double> roofline_fraction() const;
};

// Of the records of one task, oldest first; `best` as the store serves it.
// Alias, peaks, names of the author and of the device are the caller's to add.
TaskSummary Summarize(const Task& task, const std::vector<Record>& records,
                      std::optional<Record> best);

}  // namespace lathe::report

#endif  // LATHE_REPORT_TASK_SUMMARY_H_
