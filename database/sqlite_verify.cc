#include "database/sqlite_verify.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/digest.h"
#include "compiler/base/status_macros.h"
#include "compiler/tensor/function.h"
#include "database/record_check.h"
#include "database/shape.h"
#include "database/sqlite_rows.h"
#include "database/store.h"

namespace lathe {
namespace {

// Enough to see what is wrong without printing ten million lines.
constexpr size_t kMaxProblems = 100;
// Logarithms may differ by less between platforms.
constexpr double kRounding = 1e-9;

class Verifier {
 public:
  explicit Verifier(SqliteConnection* connection) : connection_(*connection) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    for (auto check :
         {&Verifier::Integrity, &Verifier::ForeignKeys, &Verifier::Functions, &Verifier::Traces,
          &Verifier::Duplicates, &Verifier::NearTasks, &Verifier::Records}) {
      absl::Status status = (this->*check)();
      // Damage is what was asked about; a lock is not.
      if (absl::IsDataLoss(status)) {
        Report(std::string(status.message()));
      } else {
        RETURN_IF_ERROR(status);
      }
      if (problems_.size() >= kMaxProblems) break;
    }
    return std::move(problems_);
  }

 private:
  void Report(std::string problem) {
    if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
  }

  template <typename Row>
  absl::Status ForEach(const std::string& sql, Row row) {
    ASSIGN_OR_RETURN(SqliteStatement statement, connection_.Prepare(sql));
    while (true) {
      ASSIGN_OR_RETURN(bool more, statement.Step());
      if (!more) return absl::OkStatus();
      RETURN_IF_ERROR(row(statement));
    }
  }

  absl::Status Integrity() {
    return ForEach("PRAGMA integrity_check", [this](const SqliteStatement& row) {
      if (row.Text(0) != "ok") Report(row.Text(0));
      return absl::OkStatus();
    });
  }

  absl::Status ForeignKeys() {
    return ForEach("PRAGMA foreign_key_check", [this](const SqliteStatement& row) {
      Report(absl::StrCat("row ", row.Int(1), " of ", row.Text(0), " refers to no row of ",
                          row.Text(2)));
      return absl::OkStatus();
    });
  }

  absl::Status Functions() {
    return ForEach(
        "SELECT id, hash, key_version, text, family_hash FROM functions",
        [this](const SqliteStatement& row) {
          if (row.Text(1) != FunctionHash(static_cast<int>(row.Int(2)), row.Text(3))) {
            Report(absl::StrCat("function ", row.Int(0), ": its hash does not fit its text"));
            return absl::OkStatus();
          }
          if (row.Int(2) != kKeyVersion) return absl::OkStatus();
          absl::StatusOr<Function> function = ParseFunction(row.Text(3), "function");
          if (function.ok() && FamilyKey(*function) != row.Text(4)) {
            Report(absl::StrCat("function ", row.Int(0), ": its family does not fit its text"));
          }
          return absl::OkStatus();
        });
  }

  absl::Status Traces() {
    return ForEach("SELECT id, hash, text FROM traces", [this](const SqliteStatement& row) {
      if (row.Text(1) != Sha256Hex(row.Text(2))) {
        Report(absl::StrCat("trace ", row.Int(0), ": its hash does not fit its text"));
      }
      return absl::OkStatus();
    });
  }

  absl::Status Duplicates() {
    RETURN_IF_ERROR(ForEach(
        "SELECT min(id) FROM functions GROUP BY hash, key_version, text HAVING count(*) > 1",
        [this](const SqliteStatement& row) {
          Report(absl::StrCat("function ", row.Int(0), " stands more than once"));
          return absl::OkStatus();
        }));
    return ForEach("SELECT min(id) FROM traces GROUP BY hash, text HAVING count(*) > 1",
                   [this](const SqliteStatement& row) {
                     Report(absl::StrCat("trace ", row.Int(0), " stands more than once"));
                     return absl::OkStatus();
                   });
  }

  // Every task of a function that can be read stands in the index by its shape.
  absl::Status NearTasks() {
    return ForEach(
        "SELECT k.id, f.text, f.family_hash, k.threads, k.regime, k.accuracy, k.target_id "
        "FROM tasks k JOIN functions f ON f.id = k.function_id",
        [this](const SqliteStatement& row) -> absl::Status {
          std::vector<double> shape = ShapeOfText(row.Text(1));
          if (shape.empty()) return absl::OkStatus();
          ASSIGN_OR_RETURN(
              SqliteStatement s,
              connection_.Prepare("SELECT shape FROM near_tasks WHERE family_hash = ? AND threads "
                                  "= ? AND regime = ? AND volume BETWEEN ? AND ? AND task_id = ? "
                                  "AND accuracy = ? AND target_id = ?"));
          const double volume = ShapeVolume(shape);
          s.BindText(row.Text(2)).BindInt(row.Int(3)).BindText(row.Text(4));
          s.BindReal(volume - kRounding).BindReal(volume + kRounding).BindInt(row.Int(0));
          s.BindText(row.Text(5)).BindInt(row.Int(6));
          ASSIGN_OR_RETURN(bool found, s.Step());
          auto stored = found ? DecodeSamples(s.Text(0)) : std::nullopt;
          if (!stored || ShapeDistance(*stored, shape) > kRounding) {
            Report(absl::StrCat("task ", row.Int(0), ": the index of shapes does not fit it"));
          }
          return absl::OkStatus();
        });
  }

  absl::Status Records() {
    return ForEach(kSelectRecords, [this](const SqliteStatement& row) {
      absl::StatusOr<Record> record = ReadRecord(connection_, row);
      absl::Status status = record.ok() ? CheckRecord(*record) : record.status();
      if (!status.ok()) Report(std::string(status.message()));
      return absl::OkStatus();
    });
  }

  SqliteConnection& connection_;
  std::vector<std::string> problems_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> VerifyDatabase(SqliteConnection* connection) {
  return Verifier(connection).Run();
}

}  // namespace lathe
