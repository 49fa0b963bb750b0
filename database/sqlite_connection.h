// A connection to one SQLite file, with errors as Status.
#ifndef LATHE_DATABASE_SQLITE_CONNECTION_H_
#define LATHE_DATABASE_SQLITE_CONNECTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lathe {

class SqliteConnection;

// A prepared statement in use. Parameters are bound in order. Resets the
// statement when destroyed; one use at a time for each SQL text.
class SqliteStatement {
 public:
  SqliteStatement(const SqliteConnection* connection, sqlite3_stmt* statement)
      : connection_(connection), statement_(statement) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  SqliteStatement& BindInt(int64_t value);
  SqliteStatement& BindReal(double value);
  SqliteStatement& BindText(std::string_view value);
  SqliteStatement& BindBlob(std::string_view value);
  SqliteStatement& BindNull();

  // True while there is a row.
  absl::StatusOr<bool> Step();
  // Step for statements without rows.
  absl::Status Run();

  int64_t Int(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;  // also of blobs
  bool IsNull(int column) const;

 private:
  const SqliteConnection* connection_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

// Not thread-safe.
class SqliteConnection {
 public:
  enum class Mode : uint8_t {
    kReadWrite,  // creates a missing file
    kReadOnly,
    kImmutable,  // read only, of a file that nobody writes: needs no lock and no -shm file
  };
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Mode mode);
  ~SqliteConnection();
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  const std::string& path() const { return path_; }
  bool IsWritable() const;

  // Statements are kept prepared, by text.
  absl::StatusOr<SqliteStatement> Prepare(const std::string& sql);
  // Any number of statements whose rows do not matter.
  absl::Status Execute(const std::string& sql);
  // The first column of the first row; 0 if there is none.
  absl::StatusOr<int64_t> QueryInt(const std::string& sql);
  int64_t LastRowId() const;

  // Unavailable, DataLoss or Internal for an SQLite result code: names the file
  // and says what to do.
  absl::Status ErrorOf(int code) const;

 private:
  SqliteConnection(std::string path, sqlite3* handle);

  const std::string path_;
  sqlite3* const handle_;
  std::map<std::string, sqlite3_stmt*> statements_;
};

// BEGIN ... COMMIT, rolled back if destroyed before.
class SqliteTransaction {
 public:
  explicit SqliteTransaction(SqliteConnection* connection) : connection_(*connection) {}
  ~SqliteTransaction();
  // Takes the write lock now, so that two writers wait for each other here.
  absl::Status BeginWrite();
  absl::Status BeginRead();
  absl::Status Commit();

 private:
  SqliteConnection& connection_;
  bool open_ = false;
};

}  // namespace lathe

#endif  // LATHE_DATABASE_SQLITE_CONNECTION_H_
