#include "tuner/training_data.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/analysis/features.h"
#include "compiler/base/status_macros.h"
#include "compiler/space/space.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"

namespace lathe {
namespace {

// What was measured of one candidate.
struct Times {
  double log_ok = 0, log_abandoned = 0;  // sums
  int64_t ok = 0, abandoned = 0;

  void Add(const Record& record) {
    bool is_ok = record.status == RecordStatus::kOk;
    (is_ok ? log_ok : log_abandoned) += std::log(record.median);
    (is_ok ? ok : abandoned) += 1;
  }
  double seconds() const {
    return ok > 0 ? std::exp(log_ok / static_cast<double>(ok))
                  : std::exp(log_abandoned / static_cast<double>(abandoned));
  }
};

bool HasTime(const Record& record) {
  return (record.status == RecordStatus::kOk || record.status == RecordStatus::kAbandoned) &&
         record.median > 0;
}

// Tasks of one function on one target with equal threads have one space.
class SpaceCache {
 public:
  absl::StatusOr<const Space*> Find(const Task& task, const Target& target) {
    std::string key = absl::StrCat(task.function_text, "\n", task.target, "\n", task.threads);
    if (key != key_) {
      ASSIGN_OR_RETURN(Function function, ParseFunction(task.function_text, "record"));
      ASSIGN_OR_RETURN(space_, SketchesOf(function, {target, task.threads}));
      key_ = std::move(key);
    }
    return &space_;
  }

 private:
  std::string key_;
  Space space_;
};

class Collector {
 public:
  Collector(RecordStore& store, const TrainingDataOptions& options)
      : store_(store), options_(options) {}

  absl::StatusOr<TrainingData> Collect() && {
    ASSIGN_OR_RETURN(std::vector<Task> tasks, store_.Tasks());
    // Together, so that each space is built once.
    std::stable_sort(tasks.begin(), tasks.end(), [](const Task& a, const Task& b) {
      return std::tie(a.function_text, a.target, a.threads) <
             std::tie(b.function_text, b.target, b.threads);
    });
    for (const Task& task : tasks) {
      if (!options_.wants || options_.wants(task)) RETURN_IF_ERROR(AddTask(task));
    }
    return std::move(data_);
  }

 private:
  absl::Status AddTask(const Task& task) {
    ASSIGN_OR_RETURN(std::vector<Record> records, store_.Records(task));
    std::map<std::string, Times> times;
    int64_t left = options_.max_records_per_task;
    for (size_t r = records.size(); r-- > 0 && left > 0;) {
      const Record& record = records[r];
      if (!HasTime(record)) continue;
      --left;
      ++data_.records;
      if (record.decisions.empty()) {
        ++data_.without_decisions;
      } else {
        times[record.decisions].Add(record);
      }
    }
    if (times.empty()) return absl::OkStatus();
    if (absl::Status status = AddRows(task, times); !status.ok()) {
      data_.unusable_tasks.push_back(absl::StrCat(task.function_name, ": ", status.message()));
    }
    return absl::OkStatus();
  }

  absl::Status AddRows(const Task& task, const std::map<std::string, Times>& times) {
    ASSIGN_OR_RETURN(Target target, ParseTarget(task.target));
    ASSIGN_OR_RETURN(const Space* space, spaces_.Find(task, target));
    const std::string group = GroupOf(task);
    for (const auto& [decisions, measured] : times) {
      std::optional<std::pair<int, Setting>> found = FindSetting(*space, decisions);
      if (!found) {
        data_.not_in_space += measured.ok + measured.abandoned;
        continue;
      }
      ScheduleModel model = (*space)[found->first]->Model(found->second);
      data_.rows.push_back({group, FeaturesOf(model, target, task.threads), measured.seconds()});
      data_.tasks.emplace(group, task);
    }
    return absl::OkStatus();
  }

  RecordStore& store_;
  const TrainingDataOptions& options_;
  SpaceCache spaces_;
  TrainingData data_;
};

}  // namespace

absl::StatusOr<TrainingData> TrainingDataOf(RecordStore& store,
                                            const TrainingDataOptions& options) {
  return Collector(store, options).Collect();
}

std::string GroupOf(const Task& task) {
  return absl::StrCat(task.function_hash, " ", task.target, " ", task.device_kind, " ",
                      task.threads, " ", static_cast<int>(task.regime), " ",
                      static_cast<int>(task.accuracy));
}

}  // namespace lathe
