#include "database/sqlite_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"
#include "sqlite3.h"

namespace lathe {
namespace {

constexpr int kBusyMilliseconds = 20000;

// A file: URI of `path`, so that `?immutable=1` can follow.
std::string UriOf(const std::string& path) {
  std::string uri = "file:";
  for (char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      absl::StrAppend(&uri, "%", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
    } else {
      uri.push_back(c);
    }
  }
  return uri;
}

}  // namespace

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      bound_(other.bound_) {}

SqliteStatement::~SqliteStatement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteStatement& SqliteStatement::BindInt(int64_t value) {
  CHECK_EQ(sqlite3_bind_int64(statement_, ++bound_, value), SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::BindReal(double value) {
  CHECK_EQ(sqlite3_bind_double(statement_, ++bound_, value), SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::BindText(std::string_view value) {
  CHECK_EQ(sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8),
           SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(std::string_view value) {
  // A null pointer would bind NULL instead of an empty blob.
  const char* data = value.empty() ? "" : value.data();
  CHECK_EQ(sqlite3_bind_blob64(statement_, ++bound_, data, value.size(), SQLITE_TRANSIENT),
           SQLITE_OK);
  return *this;
}

SqliteStatement& SqliteStatement::BindNull() {
  CHECK_EQ(sqlite3_bind_null(statement_, ++bound_), SQLITE_OK);
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->ErrorOf(code);
}

absl::Status SqliteStatement::Run() { return Step().status(); }

int64_t SqliteStatement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

double SqliteStatement::Real(int column) const { return sqlite3_column_double(statement_, column); }

std::string SqliteStatement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  int size = sqlite3_column_bytes(statement_, column);
  return size == 0 ? std::string()
                   : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

bool SqliteStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

SqliteConnection::SqliteConnection(std::string path, sqlite3* handle)
    : path_(std::move(path)), handle_(handle) {}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                         Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
  flags |=
      mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  std::string uri = UriOf(path);
  if (mode == Mode::kImmutable) uri += "?immutable=1";
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(uri.c_str(), &handle, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, handle));
  if (code != SQLITE_OK) return connection->ErrorOf(code);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  return connection;
}

bool SqliteConnection::IsWritable() const { return sqlite3_db_readonly(handle_, "main") == 0; }

absl::StatusOr<SqliteStatement> SqliteConnection::Prepare(const std::string& sql) {
  auto it = statements_.find(sql);
  if (it == statements_.end()) {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v3(handle_, sql.c_str(), static_cast<int>(sql.size()) + 1,
                                  SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return ErrorOf(code);
    it = statements_.emplace(sql, statement).first;
  }
  CHECK(!sqlite3_stmt_busy(it->second)) << "used twice at once: " << sql;
  return SqliteStatement(this, it->second);
}

absl::Status SqliteConnection::Execute(const std::string& sql) {
  int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(code);
}

absl::StatusOr<int64_t> SqliteConnection::QueryInt(const std::string& sql) {
  ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  ASSIGN_OR_RETURN(bool row, statement.Step());
  return row ? statement.Int(0) : 0;
}

int64_t SqliteConnection::LastRowId() const { return sqlite3_last_insert_rowid(handle_); }

absl::Status SqliteConnection::ErrorOf(int code) const {
  std::string detail = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY) {
    return absl::UnavailableError(
        absl::StrCat(path_,
                     ": the process that wrote to it died; open it once for writing, which "
                     "recovers it: lathe tune or lathe db import"));
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          absl::StrCat(path_, ": another process holds its lock for more than ",
                       kBusyMilliseconds / 1000, " s; try again when it has ended"));
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return absl::DataLossError(
          absl::StrCat(path_, ": the database is damaged (", detail,
                       "); restore it from a copy, or move it away to start a new one"));
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return absl::UnavailableError(absl::StrCat(path_, ": cannot be opened or written (", detail,
                                                 "); check the permissions of the file and of its "
                                                 "directory"));
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return absl::UnavailableError(absl::StrCat(path_, ": reading or writing failed (", detail,
                                                 "); check the disk and its free space"));
    default:
      return absl::InternalError(absl::StrCat(path_, ": SQLite says: ", detail));
  }
}

SqliteTransaction::~SqliteTransaction() {
  // After some errors SQLite has rolled back already; then this fails, and may.
  if (open_) connection_.Execute("ROLLBACK").IgnoreError();
}

absl::Status SqliteTransaction::BeginWrite() {
  RETURN_IF_ERROR(connection_.Execute("BEGIN IMMEDIATE"));
  open_ = true;
  return absl::OkStatus();
}

absl::Status SqliteTransaction::BeginRead() {
  RETURN_IF_ERROR(connection_.Execute("BEGIN"));
  open_ = true;
  return absl::OkStatus();
}

absl::Status SqliteTransaction::Commit() {
  RETURN_IF_ERROR(connection_.Execute("COMMIT"));
  open_ = false;
  return absl::OkStatus();
}

}  // namespace lathe
