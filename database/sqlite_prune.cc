#include "database/sqlite_prune.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

absl::StatusOr<int64_t> FileBytes(SqliteConnection* connection) {
  ASSIGN_OR_RETURN(int64_t pages, connection->QueryInt("PRAGMA page_count"));
  ASSIGN_OR_RETURN(int64_t page_size, connection->QueryInt("PRAGMA page_size"));
  return pages * page_size;
}

// Fills temp.doomed with the ids of the records to remove. The place of a record
// in its task counts the ok ones first, as Best ranks them.
absl::Status Choose(SqliteConnection* connection, const PruneOptions& options) {
  RETURN_IF_ERROR(connection->Execute("DROP TABLE IF EXISTS temp.doomed"));
  RETURN_IF_ERROR(connection->Execute("CREATE TEMP TABLE doomed (id INTEGER PRIMARY KEY)"));
  ASSIGN_OR_RETURN(
      SqliteStatement s,
      connection->Prepare(
          "INSERT INTO doomed SELECT id FROM (SELECT id, task_id, status, promoted, "
          "created_unix_ms, row_number() OVER (PARTITION BY task_id ORDER BY status <> 'ok', "
          "median, created_unix_ms, uuid) AS place FROM records) AS r "
          "WHERE created_unix_ms < ? AND (place > ? OR status <> 'ok') AND (promoted = 0 OR EXISTS "
          "(SELECT 1 FROM records AS n WHERE n.task_id = r.task_id AND n.promoted = 1 AND "
          "(n.created_unix_ms, n.id) > (r.created_unix_ms, r.id)))"));
  // The fastest one stays always: without a promotion it is what is served.
  s.BindInt(options.created_from_unix_ms).BindInt(std::max<int64_t>(1, options.keep));
  return s.Run();
}

absl::Status Remove(SqliteConnection* connection) {
  // Rows that are referred to last. Devices stay: they are identities.
  for (const char* sql : {
           "DELETE FROM records WHERE id IN (SELECT id FROM doomed)",
           "DELETE FROM near_tasks WHERE task_id NOT IN (SELECT task_id FROM records)",
           "DELETE FROM tasks WHERE id NOT IN (SELECT task_id FROM records)",
           "DELETE FROM functions WHERE id NOT IN (SELECT function_id FROM tasks)",
           "DELETE FROM targets WHERE id NOT IN (SELECT target_id FROM tasks)",
           "DELETE FROM traces WHERE id NOT IN (SELECT trace_id FROM records)",
           "DELETE FROM build_settings WHERE id NOT IN (SELECT build_settings_id FROM records)",
       }) {
    RETURN_IF_ERROR(connection->Execute(sql));
  }
  return absl::OkStatus();
}

// Keys into tables that no index serves would make each deletion a scan.
class ForeignKeysOff {
 public:
  explicit ForeignKeysOff(SqliteConnection* connection) : connection_(*connection) {
    connection_.Execute("PRAGMA foreign_keys = OFF").IgnoreError();
  }
  ~ForeignKeysOff() { connection_.Execute("PRAGMA foreign_keys = ON").IgnoreError(); }

 private:
  SqliteConnection& connection_;
};

}  // namespace

absl::StatusOr<PruneReport> PruneDatabase(SqliteConnection* connection,
                                          const PruneOptions& options) {
  PruneReport report;
  ASSIGN_OR_RETURN(report.bytes_before, FileBytes(connection));
  {
    ForeignKeysOff keys_off(connection);
    SqliteTransaction transaction(connection);
    RETURN_IF_ERROR(options.dry_run ? transaction.BeginRead() : transaction.BeginWrite());
    RETURN_IF_ERROR(Choose(connection, options));
    {
      ASSIGN_OR_RETURN(SqliteStatement s,
                       connection->Prepare("SELECT status, count(*) FROM records WHERE id IN "
                                           "(SELECT id FROM doomed) GROUP BY status"));
      while (true) {
        ASSIGN_OR_RETURN(bool more, s.Step());
        if (!more) break;
        report.removed_by_status.emplace_back(s.Text(0), s.Int(1));
        report.removed += s.Int(1);
      }
    }
    ASSIGN_OR_RETURN(int64_t all, connection->QueryInt("SELECT count(*) FROM records"));
    report.kept = all - report.removed;
    if (!options.dry_run && report.removed > 0) RETURN_IF_ERROR(Remove(connection));
    RETURN_IF_ERROR(transaction.Commit());
  }
  RETURN_IF_ERROR(connection->Execute("DROP TABLE temp.doomed"));
  if (!options.dry_run && report.removed > 0) {
    RETURN_IF_ERROR(connection->Execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  ASSIGN_OR_RETURN(report.bytes_after, FileBytes(connection));
  return report;
}

}  // namespace lathe
