// Opening a database file: is it ours, is it whole, is its schema known.
#ifndef LATHE_DATABASE_SQLITE_OPEN_H_
#define LATHE_DATABASE_SQLITE_OPEN_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "database/migrations.h"
#include "database/sqlite_connection.h"
#include "database/store.h"

namespace lathe {

// "Lath" in SQLite's header: the file is of this program.
inline constexpr int kApplicationId = 0x4c617468;

// See OpenSqliteStore.
absl::StatusOr<std::unique_ptr<SqliteConnection>> OpenDatabase(const std::string& path,
                                                               const SqliteOptions& options);

// Applies those of the migrations that the file lacks, each in a transaction.
absl::Status Migrate(SqliteConnection* connection, absl::Span<const Migration> migrations);

// A value of the meta table.
absl::StatusOr<int64_t> MetaValue(SqliteConnection* connection, const std::string& key);

}  // namespace lathe

#endif  // LATHE_DATABASE_SQLITE_OPEN_H_
