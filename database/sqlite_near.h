// Tasks of near shapes in the SQLite schema.
#ifndef LATHE_DATABASE_SQLITE_NEAR_H_
#define LATHE_DATABASE_SQLITE_NEAR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "database/sqlite_connection.h"
#include "database/store.h"

namespace lathe {

// Adds a new task to the index, inside the caller's transaction; does nothing
// for a function whose text cannot be read.
absl::Status IndexTask(SqliteConnection* connection, int64_t task_id,
                       const std::string& function_text);
// The same for all tasks: what the migration leaves to the program.
absl::Status IndexAllTasks(SqliteConnection* connection);

// See Store::NearTasks.
absl::StatusOr<std::vector<NearTask>> FindNearTasks(SqliteConnection* connection,
                                                    const NearQuery& query);

}  // namespace lathe

#endif  // LATHE_DATABASE_SQLITE_NEAR_H_
