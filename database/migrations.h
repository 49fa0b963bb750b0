// The numbered, forward-only migrations of the SQLite schema.
#ifndef LATHE_DATABASE_MIGRATIONS_H_
#define LATHE_DATABASE_MIGRATIONS_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "database/sqlite_connection.h"

namespace lathe {

struct Migration {
  int version = 0;  // 1, 2, ...
  // The oldest schema version whose programs can still read and write the file
  // after this migration; equal to `version` when none can.
  int oldest_compatible = 0;
  std::string_view sql;
  // What SQL cannot say, in the same transaction; may be null.
  absl::Status (*program)(SqliteConnection*) = nullptr;
};

// In order, without gaps; the last one is the current schema.
absl::Span<const Migration> Migrations();

}  // namespace lathe

#endif  // LATHE_DATABASE_MIGRATIONS_H_
