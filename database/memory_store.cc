// The store in memory: for tests, and for tuning without a database.
#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "compiler/base/status_macros.h"
#include "database/record_check.h"
#include "database/record_lines.h"
#include "database/shape.h"
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
    for (const Record& record : records) RETURN_IF_ERROR(Check(record, {}));
    Add(records);
    return absl::OkStatus();
  }

  absl::StatusOr<ImportSummary> Import(const std::vector<DeviceRow>& devices,
                                       const Filler& fill) override {
    for (const DeviceRow& device : devices) RETURN_IF_ERROR(CheckDevice(device));
    std::lock_guard lock(mutex_);
    std::map<std::string, DeviceRow> given;
    for (const DeviceRow& device : devices) given.emplace(device.uuid, device);
    std::map<std::string, const Record*> known;  // by id
    for (const auto& [key, stored] : tasks_) {
      for (const Record& record : stored) known[record.id] = &record;
    }
    ImportSummary summary;
    std::list<Record> records;
    RETURN_IF_ERROR(fill([&](const Record& record) -> absl::Status {
      RETURN_IF_ERROR(Check(record, given));
      ++summary.records;
      auto [it, is_new] = known.try_emplace(record.id);
      if (!is_new) {
        CountExisting(*it->second, record, summary);
        return absl::OkStatus();
      }
      ++summary.added;
      it->second = &records.emplace_back(record);
      return absl::OkStatus();
    }));
    devices_.merge(given);
    Add({records.begin(), records.end()});
    return summary;
  }

  absl::StatusOr<std::optional<Record>> Best(const Task& task) override {
    std::lock_guard lock(mutex_);
    const Record* fastest = nullptr;
    auto rank = [](const Record& r) { return std::tie(r.median, r.created_unix_ms, r.id); };
    for (const Record& record : Of(task)) {
      if (record.status != RecordStatus::kOk) continue;
      if (fastest == nullptr || rank(record) < rank(*fastest)) fastest = &record;
    }
    const Record* promoted = NewestPromoted(Of(task));
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

  absl::StatusOr<std::vector<DeviceRow>> Devices() override {
    std::lock_guard lock(mutex_);
    std::vector<DeviceRow> devices;
    for (const auto& [uuid, device] : devices_) devices.push_back(device);
    return devices;
  }

  absl::StatusOr<std::vector<NearTask>> NearTasks(const NearQuery& query) override {
    std::lock_guard lock(mutex_);
    std::vector<NearTask> near;
    if (query.shape.empty()) return near;
    for (const TaskKey& key : order_) {
      const Task& task = tasks_[key].front().task;
      if (task.family_hash != query.family_hash || task.function_hash == query.function_hash ||
          task.threads != query.threads || task.regime != query.regime) {
        continue;
      }
      if (task.accuracy == Accuracy::kRelaxed && query.accuracy == Accuracy::kStrict) continue;
      if (query.accepts && !query.accepts(task.target)) continue;
      double distance = ShapeDistance(ShapeOfText(task.function_text), query.shape);
      if (std::isfinite(distance)) near.push_back({task, distance});
    }
    std::stable_sort(near.begin(), near.end(),
                     [](const NearTask& a, const NearTask& b) { return a.distance < b.distance; });
    if (near.size() > query.limit)
      near.erase(near.begin() + std::ptrdiff_t(query.limit), near.end());
    return near;
  }

  absl::Status ForEachRecord(const RecordFilter& filter, const RecordVisitor& visit) override {
    std::lock_guard lock(mutex_);
    std::map<int64_t, const Record*> in_order;
    for (const auto& [key, records] : tasks_) {
      for (const Record& record : records) in_order[numbers_.at(record.id)] = &record;
    }
    auto fits = [](const std::string& wanted, const std::string& value) {
      return wanted.empty() || wanted == value;
    };
    for (const auto& [number, record] : in_order) {
      const Task& task = record->task;
      if (!fits(filter.function_hash, task.function_hash) ||
          !fits(filter.family_hash, task.family_hash) ||
          (!fits(filter.device, record->device_uuid) && filter.device != task.device_kind)) {
        continue;
      }
      RETURN_IF_ERROR(visit(*record));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<PruneReport> Prune(const PruneOptions& options) override {
    std::lock_guard lock(mutex_);
    PruneReport report;
    std::map<std::string, int64_t> by_status;
    for (auto it = tasks_.begin(); it != tasks_.end();) {
      std::vector<Record> kept = Kept(it->second, options);
      for (const Record& record : it->second) ++by_status[std::string(Name(record.status))];
      for (const Record& record : kept) --by_status[std::string(Name(record.status))];
      report.kept += static_cast<int64_t>(kept.size());
      report.removed += static_cast<int64_t>(it->second.size() - kept.size());
      if (options.dry_run) {
        ++it;
        continue;
      }
      std::map<std::string, int64_t> numbers;
      for (const Record& record : kept) numbers[record.id] = numbers_.at(record.id);
      for (const Record& record : it->second) numbers_.erase(record.id);
      numbers_.merge(numbers);
      it->second = std::move(kept);
      const TaskKey key = it->first;
      it = it->second.empty() ? tasks_.erase(it) : std::next(it);
      if (!tasks_.contains(key)) std::erase(order_, key);
    }
    for (const auto& [status, count] : by_status) {
      if (count > 0) report.removed_by_status.emplace_back(status, count);
    }
    return report;
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

  absl::Status Check(const Record& record, const std::map<std::string, DeviceRow>& given) const {
    RETURN_IF_ERROR(CheckRecord(record));
    const std::string& device = record.device_uuid;
    if (device.empty() || devices_.contains(device) || given.contains(device)) {
      return absl::OkStatus();
    }
    return UnknownDevice(record);
  }

  // Adds those of the checked records that are new.
  void Add(const std::vector<Record>& records) {
    for (const Record& record : records) {
      if (!numbers_.try_emplace(record.id, next_number_).second) continue;
      ++next_number_;
      auto& name = function_names_[{record.task.function_text, record.task.key_version}];
      if (name.empty()) name = record.task.function_name;
      TaskKey key = KeyOf(record.task);
      if (!tasks_.contains(key)) order_.push_back(key);
      tasks_[key].push_back(record);
      tasks_[key].back().task.function_name = name;
    }
  }

  // Of equally new ones the last that was added; null without any.
  static const Record* NewestPromoted(const std::vector<Record>& records) {
    const Record* newest = nullptr;
    for (const Record& record : records) {
      bool newer = newest == nullptr || newest->created_unix_ms <= record.created_unix_ms;
      if (record.promoted && newer) newest = &record;
    }
    return newest;
  }

  // Those of one task that pruning leaves.
  static std::vector<Record> Kept(const std::vector<Record>& records, const PruneOptions& options) {
    std::vector<const Record*> ok;
    for (const Record& record : records) {
      if (record.status == RecordStatus::kOk) ok.push_back(&record);
    }
    std::sort(ok.begin(), ok.end(), [](const Record* a, const Record* b) {
      return std::tie(a->median, a->created_unix_ms, a->id) <
             std::tie(b->median, b->created_unix_ms, b->id);
    });
    ok.resize(std::min(ok.size(), static_cast<size_t>(std::max<int64_t>(1, options.keep))));
    const Record* promoted = NewestPromoted(records);
    std::vector<Record> kept;
    for (const Record& record : records) {
      if (&record == promoted || record.created_unix_ms >= options.created_from_unix_ms ||
          std::find(ok.begin(), ok.end(), &record) != ok.end()) {
        kept.push_back(record);
      }
    }
    return kept;
  }

  std::mutex mutex_;
  std::map<std::string, DeviceRow> devices_;
  std::map<TaskKey, std::vector<Record>> tasks_;
  std::vector<TaskKey> order_;                                         // in which tasks came
  std::map<std::pair<std::string, int>, std::string> function_names_;  // by text and key version
  std::map<std::string, int64_t> numbers_;  // in which records came, by id
  int64_t next_number_ = 1;
  const std::vector<Record> none_;
};

}  // namespace

std::unique_ptr<RecordStore> NewMemoryStore() { return std::make_unique<MemoryStore>(); }

}  // namespace lathe
