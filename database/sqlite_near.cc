#include "database/sqlite_near.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "database/shape.h"
#include "database/sqlite_rows.h"

namespace lathe {
namespace {

// Rounding of sums may make a volume's distance larger than the shapes' by this.
constexpr double kSlack = 1e-9;

// One direction of the walk: the tasks at growing distance of their volumes.
class Walk {
 public:
  Walk(SqliteStatement statement, double from) : statement_(std::move(statement)), from_(from) {}

  absl::Status Advance() {
    ASSIGN_OR_RETURN(bool more, statement_.Step());
    gap_ = more ? std::abs(statement_.Real(0) - from_) : std::numeric_limits<double>::infinity();
    return absl::OkStatus();
  }
  double gap() const { return gap_; }  // infinite at the end
  const SqliteStatement& row() const { return statement_; }

 private:
  SqliteStatement statement_;
  double from_, gap_ = 0;
};

absl::StatusOr<Walk> StartWalk(SqliteConnection* connection, const NearQuery& query,
                               const char* condition, double volume) {
  ASSIGN_OR_RETURN(SqliteStatement s,
                   connection->Prepare(absl::StrCat(
                       "SELECT volume, task_id, target_id, accuracy, shape FROM near_tasks "
                       "WHERE family_hash = ? AND threads = ? AND regime = ? AND volume ",
                       condition)));
  s.BindText(query.family_hash).BindInt(query.threads).BindText(Name(query.regime));
  s.BindReal(volume);
  Walk walk(std::move(s), volume);
  RETURN_IF_ERROR(walk.Advance());
  return walk;
}

class Finder {
 public:
  Finder(SqliteConnection* connection, const NearQuery& query)
      : connection_(*connection), query_(query) {}

  absl::StatusOr<std::vector<NearTask>> Run() {
    if (query_.shape.empty() || query_.limit == 0) return std::vector<NearTask>();
    const double volume = ShapeVolume(query_.shape);
    {
      ASSIGN_OR_RETURN(Walk up, StartWalk(&connection_, query_, ">= ? ORDER BY volume", volume));
      ASSIGN_OR_RETURN(Walk down,
                       StartWalk(&connection_, query_, "< ? ORDER BY volume DESC", volume));
      while (true) {
        Walk& next = up.gap() <= down.gap() ? up : down;
        if (next.gap() > Limit() + kSlack) break;
        RETURN_IF_ERROR(Consider(next.row()));
        RETURN_IF_ERROR(next.Advance());
      }
    }
    std::vector<NearTask> tasks;
    for (const auto& [distance, task_id] : found_) {
      ASSIGN_OR_RETURN(SqliteStatement s,
                       connection_.Prepare(absl::StrCat(kSelectTasks, "WHERE k.id = ?")));
      ASSIGN_OR_RETURN(bool row, s.BindInt(task_id).Step());
      if (!row) continue;
      ASSIGN_OR_RETURN(Task task, ReadTask(connection_, s));
      tasks.push_back({std::move(task), distance});
    }
    return tasks;
  }

 private:
  // What a task must come under to be among the nearest.
  double Limit() const {
    if (found_.size() < query_.limit) return std::numeric_limits<double>::max();
    return found_.back().first;
  }

  absl::Status Consider(const SqliteStatement& row) {
    std::optional<Accuracy> accuracy = AccuracyFromName(row.Text(3));
    if (accuracy == Accuracy::kRelaxed && query_.accuracy == Accuracy::kStrict) {
      return absl::OkStatus();
    }
    std::optional<std::vector<double>> shape = DecodeSamples(row.Text(4));
    if (!shape) return absl::OkStatus();
    std::pair<double, int64_t> entry(ShapeDistance(*shape, query_.shape), row.Int(1));
    if (!(entry.first <= std::numeric_limits<double>::max())) return absl::OkStatus();
    if (found_.size() >= query_.limit && entry >= found_.back()) return absl::OkStatus();
    ASSIGN_OR_RETURN(bool accepted, Accepts(row.Int(2)));
    if (!accepted) return absl::OkStatus();
    // The function itself is at distance zero, like others of another text.
    if (entry.first < kSlack) {
      ASSIGN_OR_RETURN(bool same, IsQueried(entry.second));
      if (same) return absl::OkStatus();
    }
    found_.insert(std::upper_bound(found_.begin(), found_.end(), entry), entry);
    if (found_.size() > query_.limit) found_.pop_back();
    return absl::OkStatus();
  }

  // The answer of the query's filter, asked once for each target.
  absl::StatusOr<bool> Accepts(int64_t target_id) {
    if (!query_.accepts) return true;
    auto [it, is_new] = accepted_.try_emplace(target_id, false);
    if (is_new) {
      ASSIGN_OR_RETURN(SqliteStatement s,
                       connection_.Prepare("SELECT text FROM targets WHERE id = ?"));
      ASSIGN_OR_RETURN(bool row, s.BindInt(target_id).Step());
      it->second = row && query_.accepts(s.Text(0));
    }
    return it->second;
  }

  absl::StatusOr<bool> IsQueried(int64_t task_id) {
    ASSIGN_OR_RETURN(SqliteStatement s,
                     connection_.Prepare("SELECT f.hash FROM tasks k JOIN functions f ON f.id = "
                                         "k.function_id WHERE k.id = ?"));
    ASSIGN_OR_RETURN(bool row, s.BindInt(task_id).Step());
    return row && s.Text(0) == query_.function_hash;
  }

  SqliteConnection& connection_;
  const NearQuery& query_;
  std::vector<std::pair<double, int64_t>> found_;  // distance and task, nearest first
  std::map<int64_t, bool> accepted_;               // by target
};

absl::Status InsertTask(SqliteConnection* connection, int64_t task_id,
                        const std::vector<double>& shape) {
  if (shape.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      SqliteStatement s,
      connection->Prepare(
          "INSERT INTO near_tasks (family_hash, threads, regime, volume, task_id, "
          "target_id, accuracy, shape) SELECT f.family_hash, k.threads, k.regime, ?, k.id, "
          "k.target_id, k.accuracy, ? FROM tasks k JOIN functions f ON f.id = k.function_id "
          "WHERE k.id = ?"));
  s.BindReal(ShapeVolume(shape)).BindBlob(EncodeSamples(shape)).BindInt(task_id);
  return s.Run();
}

}  // namespace

absl::Status IndexTask(SqliteConnection* connection, int64_t task_id,
                       const std::string& function_text) {
  return InsertTask(connection, task_id, ShapeOfText(function_text));
}

absl::Status IndexAllTasks(SqliteConnection* connection) {
  ASSIGN_OR_RETURN(SqliteStatement s,
                   connection->Prepare("SELECT k.id, f.text FROM tasks k JOIN functions f ON f.id "
                                       "= k.function_id"));
  while (true) {
    ASSIGN_OR_RETURN(bool more, s.Step());
    if (!more) return absl::OkStatus();
    RETURN_IF_ERROR(IndexTask(connection, s.Int(0), s.Text(1)));
  }
}

absl::StatusOr<std::vector<NearTask>> FindNearTasks(SqliteConnection* connection,
                                                    const NearQuery& query) {
  return Finder(connection, query).Run();
}

}  // namespace lathe
