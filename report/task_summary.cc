#include "report/task_summary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lathe::report {
namespace {

// Records further apart than this, and than their own work, belong to two runs.
constexpr double kPauseSeconds = 10;

enum class Role : uint8_t { kNaive, kDefault, kSearch, kPromotion };

Role RoleOf(const Record& record) {
  if (record.search == "naive") return Role::kNaive;
  if (record.search == "default") return Role::kDefault;
  return record.search.starts_with("promotion") ? Role::kPromotion : Role::kSearch;
}

double OwnSeconds(const Record& record) { return record.build_seconds + record.measure_seconds; }

// Seconds of tuning from one record of a search to the next.
double Step(const Record* previous, const Record& record) {
  if (previous == nullptr) return OwnSeconds(record);
  const double gap = 1e-3 * static_cast<double>(record.created_unix_ms - previous->created_unix_ms);
  return gap < 0 || gap > std::max(kPauseSeconds, OwnSeconds(record)) ? OwnSeconds(record) : gap;
}

double Median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string TypeText(ScalarType type, const std::vector<int64_t>& shape) {
  std::string text(Name(type));
  if (!shape.empty()) absl::StrAppend(&text, "[", absl::StrJoin(shape, ", "), "]");
  return text;
}

std::string SignatureOf(const Function& function) {
  std::vector<std::string> inputs, outputs;
  for (const Argument& argument : function.arguments) {
    inputs.push_back(
        absl::StrCat(argument.is_const ? "const " : "", TypeText(argument.type, argument.shape)));
  }
  for (const std::string& output : function.outputs) {
    const Stage& stage = *function.FindStage(output);
    std::vector<int64_t> shape;
    for (const Axis& axis : stage.axes) shape.push_back(axis.extent);
    outputs.push_back(TypeText(stage.type, shape));
  }
  return absl::StrCat(absl::StrJoin(inputs, ", "), " → ", absl::StrJoin(outputs, ", "));
}

HistoryEvent EventOf(HistoryEvent::Kind kind, const Record& record) {
  HistoryEvent event;
  event.kind = kind;
  event.created_unix_ms = record.created_unix_ms;
  event.trial = record.trial;
  event.median = record.median;
  event.ci_low = record.ci_low;
  event.ci_high = record.ci_high;
  event.search = record.search;
  event.lathe_version = record.lathe_version;
  event.llvm_version = record.llvm_version;
  event.contaminated = record.conditions.contaminated;
  return event;
}

// Goes through the records once.
class Summarizer {
 public:
  Summarizer(const Task& task, std::optional<Record> best) {
    summary_.task = task;
    summary_.best = std::move(best);
  }

  void Add(const Record& record) {
    Count(record);
    const Role role = RoleOf(record);
    const bool ok = record.status == RecordStatus::kOk;
    if (role != Role::kPromotion) rounds_.clear();
    switch (role) {
      case Role::kNaive:
        if (ok) {
          summary_.naive = record.median;
          summary_.history.push_back(EventOf(HistoryEvent::Kind::kNaive, record));
        }
        return;
      case Role::kDefault:
        default_ = record;
        if (ok) {
          summary_.default_candidate = record.median;
          summary_.history.push_back(EventOf(HistoryEvent::Kind::kDefault, record));
          known_ = known_ == 0 ? record.median : std::min(known_, record.median);
        }
        return;
      case Role::kSearch:
        AddTrial(record);
        if (ok && (known_ == 0 || record.median < known_)) {
          known_ = record.median;
          summary_.history.push_back(EventOf(HistoryEvent::Kind::kImproved, record));
        }
        return;
      case Role::kPromotion:
        AddRound(record);
    }
  }

  TaskSummary Take() {
    if (summary_.best && default_ && summary_.best->trace == default_->trace) {
      summary_.default_candidate = summary_.best->median;
    }
    return std::move(summary_);
  }

 private:
  void Count(const Record& record) {
    ++summary_.records;
    if (summary_.first_unix_ms == 0) summary_.first_unix_ms = record.created_unix_ms;
    summary_.last_unix_ms = std::max(summary_.last_unix_ms, record.created_unix_ms);
    summary_.build_seconds += record.build_seconds;
    summary_.measure_seconds += record.measure_seconds;
    if (record.conditions.contaminated) ++summary_.contaminated;
    const Role role = RoleOf(record);
    if (role == Role::kPromotion) ++summary_.rounds;
    if (role != Role::kDefault && role != Role::kSearch) return;
    ++summary_.statuses[record.status];
    ++summary_.trials;
  }

  void AddTrial(const Record& record) {
    auto run = std::find_if(summary_.searches.begin(), summary_.searches.end(),
                            [&](const SearchRun& run) { return run.name == record.search; });
    if (run == summary_.searches.end()) {
      run = summary_.searches.insert(run, {record.search, {}, 0, {}});
      last_.push_back(nullptr);
      if (default_) AddPoint(*run, *default_);
    }
    AddPoint(*run, record);
    latest_ = static_cast<size_t>(run - summary_.searches.begin());
  }

  void AddPoint(SearchRun& run, const Record& record) {
    const Record*& previous = last_[static_cast<size_t>(&run - summary_.searches.data())];
    const bool timed =
        record.status == RecordStatus::kOk || record.status == RecordStatus::kAbandoned;
    SearchPoint point;
    point.trial = static_cast<int64_t>(run.points.size()) + 1;
    point.seconds = (run.points.empty() ? 0 : run.points.back().seconds) + Step(previous, record);
    point.time = timed ? record.median : 0;
    point.status = record.status;
    run.points.push_back(point);
    previous = &record;
    if (record.status == RecordStatus::kOk) {
      run.best = run.best == 0 ? record.median : std::min(run.best, record.median);
    }
  }

  void AddRound(const Record& record) {
    if (record.status == RecordStatus::kOk && default_ && record.trace == default_->trace) {
      rounds_.push_back(record.median);
      summary_.default_candidate = Median(rounds_);
    }
    if (!record.promoted) return;
    summary_.history.push_back(EventOf(HistoryEvent::Kind::kPromoted, record));
    if (!summary_.searches.empty()) summary_.searches[latest_].promoted.push_back(record.median);
  }

  TaskSummary summary_;
  std::optional<Record> default_;
  std::vector<const Record*> last_;  // of each search
  std::vector<double> rounds_;       // of the default in the present promotion
  size_t latest_ = 0;                // the search of the last trial
  double known_ = 0;                 // the best median so far
};

}  // namespace

std::string_view Name(HistoryEvent::Kind kind) {
  switch (kind) {
    case HistoryEvent::Kind::kNaive:
      return "naive";
    case HistoryEvent::Kind::kDefault:
      return "default";
    case HistoryEvent::Kind::kImproved:
      return "improved";
    case HistoryEvent::Kind::kPromoted:
      return "promoted";
  }
  return "";
}

std::optional<double> TaskSummary::roofline_fraction() const {
  if (!best || !work || !peaks || best->median <= 0) return std::nullopt;
  return RooflineOf(*work, *peaks).seconds / best->median;
}

TaskSummary Summarize(const Task& task, const std::vector<Record>& records,
                      std::optional<Record> best) {
  Summarizer summarizer(task, std::move(best));
  for (const Record& record : records) summarizer.Add(record);
  TaskSummary summary = summarizer.Take();
  if (summary.best) summary.best_trace = summary.best->trace;
  // A record of a newer Lathe may hold a function that this one cannot read.
  absl::StatusOr<Function> function = ParseFunction(task.function_text, "a record");
  if (function.ok()) {
    summary.work = CountWork(*function);
    summary.signature = SignatureOf(*function);
  }
  return summary;
}

}  // namespace lathe::report
