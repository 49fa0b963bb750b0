// The store in a SQLite file.
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "database/record_check.h"
#include "database/record_lines.h"
#include "database/sqlite_connection.h"
#include "database/sqlite_near.h"
#include "database/sqlite_open.h"
#include "database/sqlite_prune.h"
#include "database/sqlite_rows.h"
#include "database/sqlite_verify.h"
#include "database/store.h"
#include "database/uuid.h"

namespace lathe {
namespace {

// One connection behind one lock; other processes have their own.
class SqliteStore : public RecordStore {
 public:
  SqliteStore(std::unique_ptr<SqliteConnection> connection, bool read_only)
      : connection_(std::move(connection)), read_only_(read_only) {}

  absl::Status PutDevice(const DeviceRow& device) override {
    RETURN_IF_ERROR(CheckDevice(device));
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(CheckWritable());
    SqliteTransaction transaction(connection_.get());
    RETURN_IF_ERROR(transaction.BeginWrite());
    RETURN_IF_ERROR(InsertDevice(connection_.get(), device, /*update=*/true));
    return transaction.Commit();
  }

  absl::Status AddRecords(const std::vector<Record>& records) override {
    for (const Record& record : records) RETURN_IF_ERROR(CheckRecord(record));
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(CheckWritable());
    if (records.empty()) return absl::OkStatus();
    SqliteTransaction transaction(connection_.get());
    RETURN_IF_ERROR(transaction.BeginWrite());
    for (const Record& record : records) {
      RETURN_IF_ERROR(InsertRecord(connection_.get(), record).status());
    }
    return transaction.Commit();
  }

  absl::StatusOr<ImportSummary> Import(const std::vector<DeviceRow>& devices,
                                       const Filler& fill) override {
    for (const DeviceRow& device : devices) RETURN_IF_ERROR(CheckDevice(device));
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(CheckWritable());
    SqliteTransaction transaction(connection_.get());
    RETURN_IF_ERROR(transaction.BeginWrite());
    for (const DeviceRow& device : devices) {
      RETURN_IF_ERROR(InsertDevice(connection_.get(), device, /*update=*/false));
    }
    ImportSummary summary;
    RETURN_IF_ERROR(fill([&](const Record& record) -> absl::Status {
      RETURN_IF_ERROR(CheckRecord(record));
      ASSIGN_OR_RETURN(bool is_new, InsertRecord(connection_.get(), record));
      ++summary.records;
      if (is_new) {
        ++summary.added;
        return absl::OkStatus();
      }
      ASSIGN_OR_RETURN(Record stored, FindRecord(connection_.get(), record.id));
      CountExisting(stored, record, summary);
      return absl::OkStatus();
    }));
    RETURN_IF_ERROR(transaction.Commit());
    return summary;
  }

  absl::StatusOr<PruneReport> Prune(const PruneOptions& options) override {
    std::lock_guard lock(mutex_);
    if (!options.dry_run) RETURN_IF_ERROR(CheckWritable());
    return PruneDatabase(connection_.get(), options);
  }

  absl::StatusOr<std::optional<Record>> Best(const Task& task) override {
    std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(std::optional<int64_t> row, FindTaskRow(connection_.get(), task));
    if (!row) return std::nullopt;
    ASSIGN_OR_RETURN(SqliteStatement s,
                     connection_->Prepare(absl::StrCat(
                         kSelectRecords,
                         "WHERE r.id = COALESCE("
                         "(SELECT id FROM records WHERE task_id = ?1 AND promoted = 1 "
                         "ORDER BY created_unix_ms DESC, id DESC LIMIT 1), "
                         "(SELECT id FROM records WHERE task_id = ?1 AND status = 'ok' "
                         "ORDER BY median, created_unix_ms, uuid LIMIT 1))")));
    ASSIGN_OR_RETURN(bool found, s.BindInt(*row).Step());
    if (!found) return std::nullopt;
    return ReadRecord(*connection_, s);
  }

  absl::StatusOr<std::vector<Task>> TasksOfFunction(const std::string& function_hash,
                                                    const std::string& function_text) override {
    std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(SqliteStatement s,
                     connection_->Prepare(absl::StrCat(
                         kSelectTasks, "WHERE f.hash = ? AND f.text = ? ORDER BY k.id")));
    s.BindText(function_hash).BindText(function_text);
    return ReadTasks(&s);
  }

  absl::StatusOr<std::vector<Task>> Tasks() override {
    std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(SqliteStatement s,
                     connection_->Prepare(absl::StrCat(kSelectTasks, "ORDER BY k.id")));
    return ReadTasks(&s);
  }

  absl::StatusOr<std::vector<Record>> Records(const Task& task) override {
    std::lock_guard lock(mutex_);
    std::vector<Record> records;
    ASSIGN_OR_RETURN(std::optional<int64_t> row, FindTaskRow(connection_.get(), task));
    if (!row) return records;
    ASSIGN_OR_RETURN(SqliteStatement s,
                     connection_->Prepare(absl::StrCat(
                         kSelectRecords, "WHERE r.task_id = ? ORDER BY r.created_unix_ms, r.id")));
    s.BindInt(*row);
    while (true) {
      ASSIGN_OR_RETURN(bool more, s.Step());
      if (!more) return records;
      ASSIGN_OR_RETURN(Record record, ReadRecord(*connection_, s));
      records.push_back(std::move(record));
    }
  }

  absl::StatusOr<std::optional<DeviceRow>> FindDevice(const std::string& uuid) override {
    std::lock_guard lock(mutex_);
    std::optional<std::string> bytes = UuidToBytes(uuid);
    if (!bytes) return std::nullopt;
    ASSIGN_OR_RETURN(
        SqliteStatement s,
        connection_->Prepare("SELECT name, kind, description FROM devices WHERE uuid = ?"));
    ASSIGN_OR_RETURN(bool found, s.BindBlob(*bytes).Step());
    if (!found) return std::nullopt;
    return DeviceRow{uuid, s.Text(0), s.Text(1), s.Text(2)};
  }

  absl::StatusOr<std::vector<DeviceRow>> Devices() override {
    std::lock_guard lock(mutex_);
    std::vector<DeviceRow> devices;
    ASSIGN_OR_RETURN(
        SqliteStatement s,
        connection_->Prepare("SELECT uuid, name, kind, description FROM devices ORDER BY uuid"));
    while (true) {
      ASSIGN_OR_RETURN(bool more, s.Step());
      if (!more) return devices;
      devices.push_back({UuidToText(s.Text(0)), s.Text(1), s.Text(2), s.Text(3)});
    }
  }

  absl::StatusOr<std::vector<NearTask>> NearTasks(const NearQuery& query) override {
    std::lock_guard lock(mutex_);
    return FindNearTasks(connection_.get(), query);
  }

  absl::Status ForEachRecord(const RecordFilter& filter, const RecordVisitor& visit) override {
    std::lock_guard lock(mutex_);
    std::string sql = kSelectRecords;
    std::vector<std::string> values;
    auto require = [&](const std::string& condition, const std::string& value) {
      absl::StrAppend(&sql, values.empty() ? "WHERE " : "AND ", condition, " ");
      values.push_back(value);
    };
    if (!filter.function_hash.empty()) require("f.hash = ?", filter.function_hash);
    if (!filter.family_hash.empty()) require("f.family_hash = ?", filter.family_hash);
    std::optional<std::string> uuid = UuidToBytes(filter.device);
    if (!filter.device.empty()) {
      require(uuid ? "d.uuid = CAST(? AS BLOB)" : "k.device_kind = ?",
              uuid.value_or(filter.device));
    }
    ASSIGN_OR_RETURN(SqliteStatement s, connection_->Prepare(absl::StrCat(sql, "ORDER BY r.id")));
    for (const std::string& value : values) s.BindText(value);
    while (true) {
      ASSIGN_OR_RETURN(bool more, s.Step());
      if (!more) return absl::OkStatus();
      ASSIGN_OR_RETURN(Record record, ReadRecord(*connection_, s));
      RETURN_IF_ERROR(visit(record));
    }
  }

  absl::StatusOr<StoreStats> Stats() override {
    std::lock_guard lock(mutex_);
    // One snapshot, so that the numbers fit each other.
    SqliteTransaction transaction(connection_.get());
    RETURN_IF_ERROR(transaction.BeginRead());
    StoreStats stats;
    for (auto [table, count] :
         {std::pair("functions", &stats.functions), std::pair("targets", &stats.targets),
          std::pair("devices", &stats.devices), std::pair("tasks", &stats.tasks),
          std::pair("traces", &stats.traces), std::pair("records", &stats.records)}) {
      ASSIGN_OR_RETURN(*count, connection_->QueryInt(absl::StrCat("SELECT count(*) FROM ", table)));
    }
    {
      ASSIGN_OR_RETURN(SqliteStatement s,
                       connection_->Prepare("SELECT status, count(*) FROM records GROUP BY status "
                                            "ORDER BY status"));
      while (true) {
        ASSIGN_OR_RETURN(bool more, s.Step());
        if (!more) break;
        stats.records_by_status.emplace_back(s.Text(0), s.Int(1));
      }
    }
    ASSIGN_OR_RETURN(int64_t version, MetaValue(connection_.get(), "version"));
    stats.schema_version = static_cast<int>(version);
    ASSIGN_OR_RETURN(int64_t pages, connection_->QueryInt("PRAGMA page_count"));
    ASSIGN_OR_RETURN(int64_t page_size, connection_->QueryInt("PRAGMA page_size"));
    stats.file_bytes = pages * page_size;
    RETURN_IF_ERROR(transaction.Commit());
    return stats;
  }

  absl::StatusOr<std::vector<std::string>> Verify() override {
    std::lock_guard lock(mutex_);
    return VerifyDatabase(connection_.get());
  }

 private:
  absl::Status CheckWritable() const {
    if (!read_only_) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat(connection_->path(), ": was opened for reading only; open it for writing"));
  }

  absl::StatusOr<std::vector<Task>> ReadTasks(SqliteStatement* s) {
    std::vector<Task> tasks;
    while (true) {
      ASSIGN_OR_RETURN(bool more, s->Step());
      if (!more) return tasks;
      ASSIGN_OR_RETURN(Task task, ReadTask(*connection_, *s));
      tasks.push_back(std::move(task));
    }
  }

  std::mutex mutex_;
  const std::unique_ptr<SqliteConnection> connection_;
  const bool read_only_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RecordStore>> OpenSqliteStore(const std::string& path,
                                                             const SqliteOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection, OpenDatabase(path, options));
  return std::make_unique<SqliteStore>(std::move(connection), options.read_only);
}

}  // namespace lathe
