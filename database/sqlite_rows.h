// Records as rows of the SQLite schema, both ways.
#ifndef LATHE_DATABASE_SQLITE_ROWS_H_
#define LATHE_DATABASE_SQLITE_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "database/sqlite_connection.h"
#include "database/store.h"

namespace lathe {

// Adds a checked record and what it refers to, inside the caller's transaction.
// Does nothing if its id exists; whether it was new.
absl::StatusOr<bool> InsertRecord(SqliteConnection* connection, const Record& record);

// A device inside the caller's transaction; one that exists is updated if
// `update`, and otherwise left as it is.
absl::Status InsertDevice(SqliteConnection* connection, const DeviceRow& device, bool update);

// The row of a task, if there is one.
absl::StatusOr<std::optional<int64_t>> FindTaskRow(SqliteConnection* connection, const Task& task);

// A SELECT of all that makes a Record, to be followed by conditions on `r`.
extern const char kSelectRecords[];
absl::StatusOr<Record> ReadRecord(const SqliteConnection& connection, const SqliteStatement& row);

// NotFound if there is none of this id, a UUID.
absl::StatusOr<Record> FindRecord(SqliteConnection* connection, const std::string& id);

// The same for a Task, with conditions on `k` (tasks) and `f` (functions).
extern const char kSelectTasks[];
absl::StatusOr<Task> ReadTask(const SqliteConnection& connection, const SqliteStatement& row);

// Doubles as little-endian f64, one after another; nullopt for a length that
// is no multiple of eight.
std::string EncodeSamples(const std::vector<double>& samples);
std::optional<std::vector<double>> DecodeSamples(std::string_view bytes);

}  // namespace lathe

#endif  // LATHE_DATABASE_SQLITE_ROWS_H_
