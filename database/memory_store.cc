// The store in memory: for tests, and for tuning without a database.
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "compiler/base/status_macros.h"
#include "database/record_check.h"
#include "database/store.h"

namespace lathe {
namespace {

using TaskKey = std::tuple<std::string, int, std::string, std::string, int, Regime, Accuracy>;

TaskKey KeyOf(const Task& task) {
  return {task.function_text, task.key_version, task.target,  task.device_kind,
          task.threads,       task.regime,      task.accuracy};
}

class MemoryStore : public RecordStore {
 public:
  absl::Status PutDevice(const DeviceRow& device) override {
    RETURN_IF_ERROR(CheckDevice(device));
    std::lock_guard lock(mutex_);
    devices_[device.uuid] = device;
    return absl::OkStatus();
  }

  absl::Status AddRecords(const std::vector<Record>& records) override {
    std::lock_guard lock(mutex_);
    for (const Record& record : records) {
      RETURN_IF_ERROR(CheckRecord(record));
      if (!record.device_uuid.empty() && !devices_.contains(record.device_uuid)) {
        return UnknownDevice(record);
      }
    }
    for (const Record& record : records) {
      if (!ids_.insert(record.id).second) continue;
      auto& name = function_names_[{record.task.function_text, record.task.key_version}];
      if (name.empty()) name = record.task.function_name;
      TaskKey key = KeyOf(record.task);
      if (!tasks_.contains(key)) order_.push_back(key);
      tasks_[key].push_back(record);
      tasks_[key].back().task.function_name = name;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Record>> Best(const Task& task) override {
    std::lock_guard lock(mutex_);
    const Record *promoted = nullptr, *fastest = nullptr;
    auto rank = [](const Record& r) { return std::tie(r.median, r.created_unix_ms, r.id); };
    for (const Record& record : Of(task)) {
      if (record.status != RecordStatus::kOk) continue;
      if (fastest == nullptr || rank(record) < rank(*fastest)) fastest = &record;
      bool newer = promoted == nullptr || promoted->created_unix_ms <= record.created_unix_ms;
      if (record.promoted && newer) promoted = &record;
    }
    const Record* best = promoted != nullptr ? promoted : fastest;
    return best == nullptr ? std::nullopt : std::optional(*best);
  }

  absl::StatusOr<std::vector<Task>> TasksOfFunction(const std::string& function_hash,
                                                    const std::string& function_text) override {
    std::lock_guard lock(mutex_);
    std::vector<Task> tasks;
    for (const TaskKey& key : order_) {
      const Task& task = tasks_[key].front().task;
      if (task.function_hash == function_hash && task.function_text == function_text) {
        tasks.push_back(task);
      }
    }
    return tasks;
  }

  absl::StatusOr<std::vector<Task>> Tasks() override {
    std::lock_guard lock(mutex_);
    std::vector<Task> tasks;
    for (const TaskKey& key : order_) tasks.push_back(tasks_[key].front().task);
    return tasks;
  }

  absl::StatusOr<std::vector<Record>> Records(const Task& task) override {
    std::lock_guard lock(mutex_);
    std::multimap<int64_t, const Record*> oldest_first;  // equals in order of arrival
    for (const Record& record : Of(task)) oldest_first.emplace(record.created_unix_ms, &record);
    std::vector<Record> records;
    for (const auto& [created, record] : oldest_first) records.push_back(*record);
    return records;
  }

  absl::StatusOr<std::optional<DeviceRow>> FindDevice(const std::string& uuid) override {
    std::lock_guard lock(mutex_);
    auto it = devices_.find(uuid);
    return it == devices_.end() ? std::nullopt : std::optional(it->second);
  }

  absl::StatusOr<StoreStats> Stats() override {
    std::lock_guard lock(mutex_);
    std::set<std::pair<std::string, int>> functions;
    std::set<std::string> targets, traces;
    std::map<std::string, int64_t> by_status;
    StoreStats stats;
    for (const auto& [key, records] : tasks_) {
      functions.insert({records.front().task.function_text, records.front().task.key_version});
      targets.insert(records.front().task.target);
      for (const Record& record : records) {
        traces.insert(record.trace);
        ++by_status[std::string(Name(record.status))];
        ++stats.records;
      }
    }
    stats.functions = static_cast<int64_t>(functions.size());
    stats.targets = static_cast<int64_t>(targets.size());
    stats.devices = static_cast<int64_t>(devices_.size());
    stats.tasks = static_cast<int64_t>(tasks_.size());
    stats.traces = static_cast<int64_t>(traces.size());
    stats.records_by_status.assign(by_status.begin(), by_status.end());
    return stats;
  }

  absl::StatusOr<std::vector<std::string>> Verify() override {
    std::lock_guard lock(mutex_);
    std::vector<std::string> problems;
    for (const auto& [key, records] : tasks_) {
      for (const Record& record : records) {
        if (absl::Status status = CheckRecord(record); !status.ok()) {
          problems.emplace_back(status.message());
        }
      }
    }
    return problems;
  }

 private:
  const std::vector<Record>& Of(const Task& task) const {
    auto it = tasks_.find(KeyOf(task));
    return it == tasks_.end() ? none_ : it->second;
  }

  std::mutex mutex_;
  std::map<std::string, DeviceRow> devices_;
  std::map<TaskKey, std::vector<Record>> tasks_;
  std::vector<TaskKey> order_;                                         // in which tasks came
  std::map<std::pair<std::string, int>, std::string> function_names_;  // by text and key version
  std::set<std::string> ids_;
  const std::vector<Record> none_;
};

}  // namespace

std::unique_ptr<RecordStore> NewMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace lathe
