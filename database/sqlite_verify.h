// Every invariant of the data in a SQLite file.
#ifndef LATHE_DATABASE_SQLITE_VERIFY_H_
#define LATHE_DATABASE_SQLITE_VERIFY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "database/sqlite_connection.h"

namespace lathe {

// See Store::Verify.
absl::StatusOr<std::vector<std::string>> VerifyDatabase(SqliteConnection* connection);

}  // namespace lathe

#endif  // LATHE_DATABASE_SQLITE_VERIFY_H_
