#include "database/sqlite_rows.h"

#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "database/record_check.h"
#include "database/sqlite_near.h"
#include "database/uuid.h"

namespace lathe {
namespace {

// The id of the row that `find` selects, or of a new one that `insert` makes.
// `bind` binds the same parameters to both.
template <typename BindFind, typename BindInsert>
absl::StatusOr<int64_t> Intern(SqliteConnection* connection, const std::string& find,
                               const std::string& insert, BindFind bind_find,
                               BindInsert bind_insert, bool* is_new = nullptr) {
  {
    ASSIGN_OR_RETURN(SqliteStatement statement, connection->Prepare(find));
    bind_find(statement);
    ASSIGN_OR_RETURN(bool found, statement.Step());
    if (found) return statement.Int(0);
  }
  ASSIGN_OR_RETURN(SqliteStatement statement, connection->Prepare(insert));
  bind_insert(statement);
  RETURN_IF_ERROR(statement.Run());
  if (is_new != nullptr) *is_new = true;
  return connection->LastRowId();
}

template <typename Bind>
absl::StatusOr<int64_t> Intern(SqliteConnection* connection, const std::string& find,
                               const std::string& insert, Bind bind, bool* is_new = nullptr) {
  return Intern(connection, find, insert, bind, bind, is_new);
}

absl::StatusOr<int64_t> InternFunction(SqliteConnection* connection, const Task& task) {
  auto bind_key = [&](SqliteStatement& s) {
    s.BindText(task.function_hash).BindInt(task.key_version).BindText(task.function_text);
  };
  auto bind_all = [&](SqliteStatement& s) {
    bind_key(s);
    s.BindText(task.family_hash).BindText(task.function_name);
  };
  return Intern(connection,
                "SELECT id FROM functions WHERE hash = ? AND key_version = ? AND text = ?",
                "INSERT INTO functions (hash, key_version, text, family_hash, name) "
                "VALUES (?, ?, ?, ?, ?)",
                bind_key, bind_all);
}

absl::StatusOr<int64_t> InternTask(SqliteConnection* connection, const Task& task) {
  ASSIGN_OR_RETURN(int64_t function, InternFunction(connection, task));
  ASSIGN_OR_RETURN(int64_t target, Intern(connection, "SELECT id FROM targets WHERE text = ?",
                                          "INSERT INTO targets (text) VALUES (?)",
                                          [&](SqliteStatement& s) { s.BindText(task.target); }));
  bool is_new = false;
  ASSIGN_OR_RETURN(
      int64_t row,
      Intern(
          connection,
          "SELECT id FROM tasks WHERE function_id = ? AND target_id = ? AND device_kind = ? AND "
          "threads = ? AND regime = ? AND accuracy = ?",
          "INSERT INTO tasks (function_id, target_id, device_kind, threads, regime, accuracy) "
          "VALUES (?, ?, ?, ?, ?, ?)",
          [&](SqliteStatement& s) {
            s.BindInt(function).BindInt(target).BindText(task.device_kind).BindInt(task.threads);
            s.BindText(Name(task.regime)).BindText(Name(task.accuracy));
          },
          &is_new));
  if (is_new) RETURN_IF_ERROR(IndexTask(connection, row, task.function_text));
  return row;
}

absl::StatusOr<int64_t> InternTrace(SqliteConnection* connection, const std::string& trace) {
  return Intern(connection, "SELECT id FROM traces WHERE hash = ? AND text = ?",
                "INSERT INTO traces (hash, text) VALUES (?, ?)",
                [&](SqliteStatement& s) { s.BindText(Sha256Hex(trace)).BindText(trace); });
}

absl::StatusOr<int64_t> InternBuildSettings(SqliteConnection* connection, const Record& record) {
  return Intern(
      connection,
      "SELECT id FROM build_settings WHERE lathe_version = ? AND llvm_version = ? AND "
      "abi_version = ? AND required_features = ?",
      "INSERT INTO build_settings (lathe_version, llvm_version, abi_version, required_features) "
      "VALUES (?, ?, ?, ?)",
      [&](SqliteStatement& s) {
        s.BindText(record.lathe_version).BindText(record.llvm_version).BindInt(record.abi_version);
        s.BindText(absl::StrJoin(record.required_features, ","));
      });
}

// The row of the device, or nullopt for a record without.
absl::StatusOr<std::optional<int64_t>> FindDeviceRow(SqliteConnection* connection,
                                                     const Record& record) {
  if (record.device_uuid.empty()) return std::nullopt;
  std::optional<std::string> uuid = UuidToBytes(record.device_uuid);
  if (!uuid) return UnknownDevice(record);
  ASSIGN_OR_RETURN(SqliteStatement statement,
                   connection->Prepare("SELECT id FROM devices WHERE uuid = ?"));
  statement.BindBlob(*uuid);
  ASSIGN_OR_RETURN(bool found, statement.Step());
  if (!found) return UnknownDevice(record);
  return statement.Int(0);
}

absl::Status DamagedRow(const SqliteConnection& connection, std::string_view what) {
  return absl::DataLossError(absl::StrCat(connection.path(), ": ", std::string(what),
                                          "; restore the database from a copy"));
}

}  // namespace

std::string EncodeSamples(const std::vector<double>& samples) {
  std::string bytes;
  bytes.reserve(samples.size() * 8);
  for (double sample : samples) {
    auto bits = std::bit_cast<uint64_t>(sample);
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  }
  return bytes;
}

std::optional<std::vector<double>> DecodeSamples(std::string_view bytes) {
  if (bytes.size() % 8 != 0) return std::nullopt;
  std::vector<double> samples;
  samples.reserve(bytes.size() / 8);
  for (size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t bits = 0;
    for (int b = 7; b >= 0; --b) bits = bits << 8 | static_cast<uint8_t>(bytes[at + b]);
    samples.push_back(std::bit_cast<double>(bits));
  }
  return samples;
}

absl::StatusOr<bool> InsertRecord(SqliteConnection* connection, const Record& record) {
  std::string uuid = UuidToBytes(record.id).value();
  // Looked up also for a record that exists, so that both stores refuse alike.
  ASSIGN_OR_RETURN(std::optional<int64_t> device, FindDeviceRow(connection, record));
  {
    ASSIGN_OR_RETURN(SqliteStatement exists,
                     connection->Prepare("SELECT 1 FROM records WHERE uuid = ?"));
    ASSIGN_OR_RETURN(bool found, exists.BindBlob(uuid).Step());
    if (found) return false;
  }
  ASSIGN_OR_RETURN(int64_t task, InternTask(connection, record.task));
  ASSIGN_OR_RETURN(int64_t trace, InternTrace(connection, record.trace));
  ASSIGN_OR_RETURN(int64_t settings, InternBuildSettings(connection, record));
  ASSIGN_OR_RETURN(
      SqliteStatement s,
      connection->Prepare(
          "INSERT INTO records (uuid, task_id, trace_id, build_settings_id, device_id, status, "
          "error, median, ci_low, ci_high, min, calls_per_sample, frequency_mhz, "
          "temperature_celsius, load_average, steal_fraction, migrations, involuntary_switches, "
          "contaminated, repeats, created_unix_ms, search, trial, build_seconds, measure_seconds, "
          "program_hash, artifact_digest, samples, promoted, decisions, drift) VALUES (?, ?, ?, ?, "
          "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  s.BindBlob(uuid).BindInt(task).BindInt(trace).BindInt(settings);
  device ? s.BindInt(*device) : s.BindNull();
  s.BindText(Name(record.status)).BindText(record.error);
  s.BindReal(record.median).BindReal(record.ci_low).BindReal(record.ci_high).BindReal(record.min);
  s.BindInt(static_cast<int64_t>(record.calls_per_sample));
  const Conditions& c = record.conditions;
  s.BindReal(c.frequency_mhz).BindReal(c.temperature_celsius).BindReal(c.load_average);
  s.BindReal(c.steal_fraction).BindInt(c.migrations).BindInt(c.involuntary_switches);
  s.BindInt(c.contaminated).BindInt(c.repeats);
  s.BindInt(record.created_unix_ms).BindText(record.search).BindInt(record.trial);
  s.BindReal(record.build_seconds).BindReal(record.measure_seconds);
  s.BindBlob(HexToBytes(record.program_hash).value());
  s.BindBlob(HexToBytes(record.artifact_digest).value());
  s.BindBlob(EncodeSamples(record.samples)).BindInt(record.promoted).BindText(record.decisions);
  s.BindReal(c.drift);
  RETURN_IF_ERROR(s.Run());
  return true;
}

absl::Status InsertDevice(SqliteConnection* connection, const DeviceRow& device, bool update) {
  ASSIGN_OR_RETURN(
      SqliteStatement s,
      connection->Prepare(absl::StrCat(
          "INSERT INTO devices (uuid, name, kind, description) VALUES (?, ?, ?, ?) "
          "ON CONFLICT (uuid) DO ",
          update ? "UPDATE SET name = excluded.name, kind = excluded.kind, description = "
                   "excluded.description"
                 : "NOTHING")));
  s.BindBlob(UuidToBytes(device.uuid).value()).BindText(device.name).BindText(device.kind);
  return s.BindText(device.description).Run();
}

absl::StatusOr<std::optional<int64_t>> FindTaskRow(SqliteConnection* connection, const Task& task) {
  ASSIGN_OR_RETURN(
      SqliteStatement s,
      connection->Prepare(
          "SELECT k.id FROM tasks k JOIN functions f ON f.id = k.function_id "
          "JOIN targets t ON t.id = k.target_id WHERE f.hash = ? AND f.key_version = ? AND "
          "f.text = ? AND t.text = ? AND k.device_kind = ? AND k.threads = ? AND k.regime = ? AND "
          "k.accuracy = ?"));
  s.BindText(task.function_hash).BindInt(task.key_version).BindText(task.function_text);
  s.BindText(task.target).BindText(task.device_kind).BindInt(task.threads);
  s.BindText(Name(task.regime)).BindText(Name(task.accuracy));
  ASSIGN_OR_RETURN(bool found, s.Step());
  if (!found) return std::nullopt;
  return s.Int(0);
}

// The columns of a task come first in both, in the order of ReadTask.
#define LATHE_TASK_COLUMNS                                                                   \
  "f.text, f.hash, f.key_version, f.name, f.family_hash, t.text, k.device_kind, k.threads, " \
  "k.regime, k.accuracy"

const char kSelectTasks[] = "SELECT " LATHE_TASK_COLUMNS
                            " FROM tasks k JOIN functions f ON f.id = k.function_id "
                            "JOIN targets t ON t.id = k.target_id ";

const char kSelectRecords[] =
    "SELECT " LATHE_TASK_COLUMNS
    ", r.uuid, tr.text, r.program_hash, r.status, r.error, r.median, r.ci_low, r.ci_high, r.min, "
    "r.samples, r.calls_per_sample, r.frequency_mhz, r.temperature_celsius, r.load_average, "
    "r.steal_fraction, r.migrations, r.involuntary_switches, r.contaminated, r.repeats, d.uuid, "
    "b.lathe_version, b.llvm_version, b.abi_version, r.artifact_digest, b.required_features, "
    "r.created_unix_ms, r.search, r.trial, r.build_seconds, r.measure_seconds, "
    "r.promoted, r.decisions, r.drift FROM records r JOIN tasks k ON k.id = r.task_id JOIN "
    "functions f ON "
    "f.id = "
    "k.function_id "
    "JOIN targets t ON t.id = k.target_id JOIN traces tr ON tr.id = r.trace_id "
    "JOIN build_settings b ON b.id = r.build_settings_id LEFT JOIN devices d ON d.id = "
    "r.device_id ";

#undef LATHE_TASK_COLUMNS

absl::StatusOr<Task> ReadTask(const SqliteConnection& connection, const SqliteStatement& row) {
  Task task;
  task.function_text = row.Text(0);
  task.function_hash = row.Text(1);
  task.key_version = static_cast<int>(row.Int(2));
  task.function_name = row.Text(3);
  task.family_hash = row.Text(4);
  task.target = row.Text(5);
  task.device_kind = row.Text(6);
  task.threads = static_cast<int>(row.Int(7));
  std::optional<Regime> regime = RegimeFromName(row.Text(8));
  std::optional<Accuracy> accuracy = AccuracyFromName(row.Text(9));
  if (!regime || !accuracy)
    return DamagedRow(connection, "a task has an unknown regime or accuracy");
  task.regime = *regime;
  task.accuracy = *accuracy;
  return task;
}

absl::StatusOr<Record> ReadRecord(const SqliteConnection& connection, const SqliteStatement& row) {
  Record record;
  ASSIGN_OR_RETURN(record.task, ReadTask(connection, row));
  int column = 10;
  std::string uuid = row.Text(column++);
  if (uuid.size() != 16) return DamagedRow(connection, "a record has no UUID");
  record.id = UuidToText(uuid);
  record.trace = row.Text(column++);
  record.program_hash = BytesToHex(row.Text(column++));
  std::optional<RecordStatus> status = RecordStatusFromName(row.Text(column++));
  if (!status) {
    return DamagedRow(connection, absl::StrCat("record ", record.id, " has an unknown status"));
  }
  record.status = *status;
  record.error = row.Text(column++);
  record.median = row.Real(column++);
  record.ci_low = row.Real(column++);
  record.ci_high = row.Real(column++);
  record.min = row.Real(column++);
  std::optional<std::vector<double>> samples = DecodeSamples(row.Text(column++));
  if (!samples) {
    return DamagedRow(connection, absl::StrCat("record ", record.id, " has damaged samples"));
  }
  record.samples = *std::move(samples);
  record.calls_per_sample = static_cast<uint64_t>(row.Int(column++));
  Conditions& c = record.conditions;
  c.frequency_mhz = row.Real(column++);
  c.temperature_celsius = row.Real(column++);
  c.load_average = row.Real(column++);
  c.steal_fraction = row.Real(column++);
  c.migrations = row.Int(column++);
  c.involuntary_switches = row.Int(column++);
  c.contaminated = row.Int(column++) != 0;
  c.repeats = static_cast<int>(row.Int(column++));
  if (!row.IsNull(column)) record.device_uuid = UuidToText(row.Text(column));
  ++column;
  record.lathe_version = row.Text(column++);
  record.llvm_version = row.Text(column++);
  record.abi_version = static_cast<int>(row.Int(column++));
  record.artifact_digest = BytesToHex(row.Text(column++));
  record.required_features = absl::StrSplit(row.Text(column++), ',', absl::SkipEmpty());
  record.created_unix_ms = row.Int(column++);
  record.search = row.Text(column++);
  record.trial = row.Int(column++);
  record.build_seconds = row.Real(column++);
  record.measure_seconds = row.Real(column++);
  record.promoted = row.Int(column++) != 0;
  record.decisions = row.Text(column++);
  c.drift = row.Real(column++);
  return record;
}

absl::StatusOr<Record> FindRecord(SqliteConnection* connection, const std::string& id) {
  ASSIGN_OR_RETURN(SqliteStatement s,
                   connection->Prepare(absl::StrCat(kSelectRecords, "WHERE r.uuid = ?")));
  ASSIGN_OR_RETURN(bool found, s.BindBlob(UuidToBytes(id).value()).Step());
  if (!found) return absl::NotFoundError(absl::StrCat("there is no record ", id));
  return ReadRecord(*connection, s);
}

}  // namespace lathe
