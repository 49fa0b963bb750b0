#include "database/sqlite_open.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "database/migrations.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using Mode = SqliteConnection::Mode;

// How a person does what opening for writing does.
constexpr char kWriters[] = "lathe tune or lathe db import";

absl::Status EmptyError(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat(path, ": is empty: no database yet, or one whose creation was cut off; ",
                   kWriters, " completes it"));
}

constexpr std::string_view kFileHeader("SQLite format 3\0", 16);

// What can be said of the path before SQLite touches it.
absl::Status CheckFile(const std::string& path, bool read_only) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is a directory; name a database file in it"));
  }
  if (status.type() == fs::file_type::not_found) {
    if (read_only) return absl::NotFoundError(absl::StrCat(path, ": there is no such database"));
    fs::path parent = fs::path(path).parent_path();
    if (!parent.empty() && !fs::is_directory(parent, error)) {
      return absl::UnavailableError(
          absl::StrCat(path, ": there is no directory ", parent.string(), "; create it"));
    }
    return absl::OkStatus();
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
  }
  if (!fs::is_regular_file(status)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": is not a file; name another one"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::UnavailableError(
        absl::StrCat(path, ": cannot be read; check the permissions of the file"));
  }
  char header[kFileHeader.size()];
  file.read(header, sizeof header);
  std::string_view read(header, static_cast<size_t>(file.gcount()));
  if (read.empty() && read_only) {
    return EmptyError(path);
  }
  if (!read.empty() && read != kFileHeader) {
    return absl::DataLossError(
        absl::StrCat(path,
                     ": is not a database, or damaged at its beginning; restore it from a copy, "
                     "or name another file"));
  }
  return absl::OkStatus();
}

struct Identity {
  int64_t application = 0;
  bool empty = false;  // no table yet
};

absl::StatusOr<Identity> ReadIdentity(SqliteConnection* connection) {
  // One snapshot: another process may be creating the schema.
  SqliteTransaction transaction(connection);
  RETURN_IF_ERROR(transaction.BeginRead());
  ASSIGN_OR_RETURN(int64_t tables, connection->QueryInt("SELECT count(*) FROM sqlite_schema"));
  ASSIGN_OR_RETURN(int64_t application, connection->QueryInt("PRAGMA application_id"));
  RETURN_IF_ERROR(transaction.Commit());
  return Identity{application, tables == 0};
}

// Refuses what this program must not touch.
absl::Status CheckIdentity(SqliteConnection* connection, const Identity& identity, bool read_only) {
  const std::string& path = connection->path();
  if (identity.empty && identity.application == 0) {
    if (!read_only) return absl::OkStatus();
    return EmptyError(path);
  }
  if (identity.application != kApplicationId) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is an SQLite database of another program; name another file"));
  }
  if (identity.empty) {
    return absl::DataLossError(absl::StrCat(path, ": has lost its tables; restore it from a copy"));
  }
  int known = Migrations().back().version;
  ASSIGN_OR_RETURN(int64_t version, MetaValue(connection, "version"));
  ASSIGN_OR_RETURN(int64_t compatible, MetaValue(connection, "oldest_compatible_version"));
  if (compatible > known) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": was written by a newer Lathe (its schema is ", version,
                     ", this one knows up to ", known, "); update Lathe, or name another file"));
  }
  if (version < 1) {
    return absl::DataLossError(
        absl::StrCat(path, ": has no schema version; restore it from a copy"));
  }
  if (read_only && version < known) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": has schema ", version, " of ", known,
        ": an older Lathe made it, or its creation was cut off; ", kWriters, " brings it forward"));
  }
  return absl::OkStatus();
}

// Two processes that turn the same new file to WAL at once: SQLite tells one of
// them to try again without waiting.
absl::Status UseWriteAheadLog(SqliteConnection* connection) {
  absl::Status status;
  for (int attempt = 0; attempt < 200; ++attempt) {
    status = connection->Execute("PRAGMA journal_mode = WAL");
    if (status.ok() || !absl::IsUnavailable(status)) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return status;
}

// 64 MiB keep the upper levels of all indices at hand; memory is taken as it is
// used. (Mapping the file saves little more, and makes the first answer from a
// disk several times slower: each fault reads far around itself.)
absl::Status UseMemory(SqliteConnection* connection) {
  return connection->Execute("PRAGMA cache_size = -65536");
}

// A database that needs no recovery can be read where its directory cannot be
// written, which WAL's shared memory file would need.
bool HasNoLog(const std::string& path) {
  auto is_empty = [&](const char* suffix) {
    std::error_code error;
    return fs::file_size(path + suffix, error) == 0 || error;
  };
  return is_empty("-wal") && is_empty("-journal");
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> OpenReadOnly(const std::string& path) {
  ASSIGN_OR_RETURN(auto connection, SqliteConnection::Open(path, Mode::kReadOnly));
  absl::StatusOr<Identity> identity = ReadIdentity(connection.get());
  if (!identity.ok() && absl::IsUnavailable(identity.status()) && HasNoLog(path)) {
    ASSIGN_OR_RETURN(connection, SqliteConnection::Open(path, Mode::kImmutable));
    identity = ReadIdentity(connection.get());
  }
  RETURN_IF_ERROR(identity.status());
  RETURN_IF_ERROR(CheckIdentity(connection.get(), *identity, /*read_only=*/true));
  RETURN_IF_ERROR(UseMemory(connection.get()));
  return connection;
}

}  // namespace

absl::StatusOr<int64_t> MetaValue(SqliteConnection* connection, const std::string& key) {
  return connection->QueryInt(absl::StrCat("SELECT value FROM meta WHERE key = '", key, "'"));
}

absl::Status Migrate(SqliteConnection* connection, absl::Span<const Migration> migrations) {
  for (const Migration& migration : migrations) {
    SqliteTransaction transaction(connection);
    RETURN_IF_ERROR(transaction.BeginWrite());
    // Another process may have done it while this one waited for the lock.
    ASSIGN_OR_RETURN(int64_t tables, connection->QueryInt("SELECT count(*) FROM sqlite_schema"));
    int64_t version = 0;
    if (tables > 0) {
      ASSIGN_OR_RETURN(version, MetaValue(connection, "version"));
    }
    if (version >= migration.version) continue;
    RETURN_IF_ERROR(connection->Execute(std::string(migration.sql)));
    if (migration.program != nullptr) RETURN_IF_ERROR(migration.program(connection));
    RETURN_IF_ERROR(connection->Execute(
        absl::StrCat("PRAGMA application_id = ", kApplicationId,
                     "; INSERT OR REPLACE INTO meta VALUES ('version', ", migration.version,
                     "), ('oldest_compatible_version', ", migration.oldest_compatible, ")")));
    RETURN_IF_ERROR(transaction.Commit());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> OpenDatabase(const std::string& path,
                                                               const SqliteOptions& options) {
  RETURN_IF_ERROR(CheckFile(path, options.read_only));
  if (options.read_only) return OpenReadOnly(path);
  ASSIGN_OR_RETURN(auto connection, SqliteConnection::Open(path, Mode::kReadWrite));
  ASSIGN_OR_RETURN(Identity identity, ReadIdentity(connection.get()));
  RETURN_IF_ERROR(CheckIdentity(connection.get(), identity, /*read_only=*/false));
  if (!connection->IsWritable()) {
    return absl::UnavailableError(
        absl::StrCat(path,
                     ": cannot be written; check the permissions of the file and of its "
                     "directory"));
  }
  RETURN_IF_ERROR(UseWriteAheadLog(connection.get()));
  // FULL syncs the log at each commit: a record that was acknowledged survives
  // a power cut, not only the death of the process.
  RETURN_IF_ERROR(connection->Execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  RETURN_IF_ERROR(UseMemory(connection.get()));
  // As a rule there is nothing to do, and no lock to wait for.
  if (!identity.empty) {
    ASSIGN_OR_RETURN(int64_t version, MetaValue(connection.get(), "version"));
    if (version >= Migrations().back().version) return connection;
  }
  RETURN_IF_ERROR(Migrate(connection.get(), Migrations()));
  return connection;
}

}  // namespace lathe
