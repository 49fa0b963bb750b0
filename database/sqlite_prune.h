// Removing records from the SQLite schema.
#ifndef LATHE_DATABASE_SQLITE_PRUNE_H_
#define LATHE_DATABASE_SQLITE_PRUNE_H_

#include "absl/status/statusor.h"
#include "database/sqlite_connection.h"
#include "database/store.h"

namespace lathe {

// See Store::Prune.
absl::StatusOr<PruneReport> PruneDatabase(SqliteConnection* connection,
                                          const PruneOptions& options);

}  // namespace lathe

#endif  // LATHE_DATABASE_SQLITE_PRUNE_H_
