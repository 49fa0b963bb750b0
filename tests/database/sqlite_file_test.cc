// What may stand at a database's path: one clear message for each.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "database/migrations.h"
#include "database/sqlite_connection.h"
#include "database/sqlite_open.h"
#include "database/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sqlite3.h"
#include "test_records.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class SqliteFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(::testing::TempDir()) / ("lathe-file-" + NewUuid());
    fs::create_directories(directory_);
    path_ = directory_ / "test.db";
  }
  void TearDown() override { fs::remove_all(directory_); }

  void Create(int records = 1) {
    auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->PutDevice(TestDevice()).ok());
    for (int n = 1; n <= records; ++n) {
      ASSERT_TRUE((*store)->AddRecords({TestRecord(n, n)}).ok());
    }
  }

  void Execute(const std::string& sql) {
    sqlite3* handle;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  void Write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  void ExpectRefused(absl::StatusCode code, const std::string& message, bool read_only = false) {
    absl::Status status = OpenSqliteStore(path_, {.read_only = read_only}).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(StartsWith(path_.string() + ": "), HasSubstr(message)));
  }

  fs::path directory_, path_;
};

TEST_F(SqliteFileTest, SurvivesReopening) {
  Create(3);
  Create(3);
  auto store = OpenSqliteStore(path_).value();
  EXPECT_EQ(store->Stats()->records, 3);
  EXPECT_EQ(store->Stats()->schema_version, Migrations().back().version);
  EXPECT_GT(store->Stats()->file_bytes, 0);
  EXPECT_EQ(Difference(*store->Best(TestTask()).value(), TestRecord(1, 1)), "");
}

TEST_F(SqliteFileTest, PathsMayHoldAnyCharacter) {
  path_ = directory_ / "a b?c#d%41.db";
  Create();
  EXPECT_TRUE(fs::exists(path_));
  EXPECT_EQ(OpenSqliteStore(path_, {.read_only = true}).value()->Stats()->records, 1);
}

TEST_F(SqliteFileTest, AnEmptyFileIsANewDatabase) {
  Write("");
  ExpectRefused(absl::StatusCode::kNotFound, "is empty", /*read_only=*/true);
  Create();
  EXPECT_EQ(OpenSqliteStore(path_).value()->Stats()->records, 1);
}

// What a process leaves that dies while it creates the database: a file without a
// table, or one after some of the migrations, here still in the log beside it.
TEST_F(SqliteFileTest, ACreationThatWasCutOffIsNamedAndCompleted) {
  const size_t all = Migrations().size();
  for (size_t done = 0; done < all; ++done) {
    path_ = directory_ / ("after-" + std::to_string(done) + ".db");
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto connection = SqliteConnection::Open(path_, SqliteConnection::Mode::kReadWrite);
      if (!connection.ok() || !(*connection)->Execute("PRAGMA journal_mode = WAL").ok()) _exit(2);
      if (!Migrate(connection->get(), Migrations().subspan(0, done)).ok()) _exit(3);
      if (!(*connection)->Execute("BEGIN; CREATE TABLE unfinished (a)").ok()) _exit(4);
      _exit(0);
    }
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0) << done;
    if (done == 0) {
      ExpectRefused(absl::StatusCode::kNotFound, "is empty: no database yet, or one whose creation",
                    /*read_only=*/true);
    } else {
      ExpectRefused(absl::StatusCode::kFailedPrecondition,
                    "has schema " + std::to_string(done) + " of " + std::to_string(all) +
                        ": an older Lathe made it, or its creation was cut off; lathe tune",
                    /*read_only=*/true);
    }
    Create();
    auto store = OpenSqliteStore(path_, {.read_only = true}).value();
    EXPECT_THAT(*store->Verify(), IsEmpty());
    EXPECT_EQ(store->Stats()->schema_version, static_cast<int>(all));
    EXPECT_EQ(Difference(*store->Best(TestTask()).value(), TestRecord(1, 1)), "");
  }
}

// A transaction that was cut off where it wrote the file itself (without WAL, as
// before a database is complete): reading cannot undo it.
TEST_F(SqliteFileTest, AWriteThatWasCutOffIsNamedAndUndone) {
  Create();
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    sqlite3* handle;
    if (sqlite3_open(path_.c_str(), &handle) != SQLITE_OK) _exit(2);
    int code = sqlite3_exec(handle,
                            "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN; "
                            "CREATE TABLE filler AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL "
                            "SELECT i + 1 FROM n LIMIT 500) SELECT i, zeroblob(1000) AS b FROM n",
                            nullptr, nullptr, nullptr);
    _exit(code == SQLITE_OK ? 0 : 3);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_GT(fs::file_size(path_.string() + "-journal"), 0u);
  ExpectRefused(absl::StatusCode::kUnavailable, "open it once for writing", /*read_only=*/true);
  EXPECT_TRUE(OpenSqliteStore(path_).ok());
  auto store = OpenSqliteStore(path_, {.read_only = true}).value();
  EXPECT_THAT(*store->Verify(), IsEmpty());
  EXPECT_EQ(store->Stats()->records, 1);
}

TEST_F(SqliteFileTest, AMissingFileCannotBeRead) {
  ExpectRefused(absl::StatusCode::kNotFound, "there is no such database", /*read_only=*/true);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(SqliteFileTest, AMissingDirectoryIsNamed) {
  path_ = directory_ / "missing" / "test.db";
  ExpectRefused(absl::StatusCode::kUnavailable,
                "there is no directory " + (directory_ / "missing").string());
}

TEST_F(SqliteFileTest, ADirectoryIsRefused) {
  fs::create_directory(path_);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "is a directory");
}

TEST_F(SqliteFileTest, ADeviceIsRefused) {
  path_ = "/dev/null";
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "is not a file");
}

TEST_F(SqliteFileTest, AnyOtherFileIsRefusedAndLeftAlone) {
  for (const std::string& bytes : {std::string("x"), std::string(5000, 'x'), std::string(64, 0)}) {
    Write(bytes);
    ExpectRefused(absl::StatusCode::kDataLoss, "is not a database");
    ExpectRefused(absl::StatusCode::kDataLoss, "is not a database", /*read_only=*/true);
    EXPECT_EQ(fs::file_size(path_), bytes.size());
  }
}

TEST_F(SqliteFileTest, ADatabaseOfAnotherProgramIsRefusedAndLeftAlone) {
  Execute("CREATE TABLE things (a); INSERT INTO things VALUES (1)");
  std::string before(5000, 0);
  std::ifstream(path_, std::ios::binary).read(before.data(), 5000);
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "of another program");
  std::string after(5000, 0);
  std::ifstream(path_, std::ios::binary).read(after.data(), 5000);
  EXPECT_EQ(before, after);
}

TEST_F(SqliteFileTest, ANewerSchemaIsRefused) {
  Create();
  Execute("UPDATE meta SET value = 99");
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                "written by a newer Lathe (its schema is 99, this one knows up to " +
                    std::to_string(Migrations().back().version) + "); update Lathe");
}

TEST_F(SqliteFileTest, ANewerSchemaThatIsCompatibleIsUsed) {
  Create();
  Execute("UPDATE meta SET value = 99 WHERE key = 'version'");
  auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Stats()->schema_version, 99);
  EXPECT_TRUE((*store)->AddRecords({TestRecord(2, 1)}).ok());
}

TEST_F(SqliteFileTest, ATruncatedDatabaseIsDamaged) {
  Create(50);
  auto size = fs::file_size(path_);
  for (uintmax_t keep : {uintmax_t{100}, uintmax_t{4096}, size / 2 / 4096 * 4096}) {
    fs::path copy = directory_ / "copy.db";
    fs::copy_file(path_, copy, fs::copy_options::overwrite_existing);
    fs::resize_file(copy, keep);
    auto store = OpenSqliteStore(copy);
    absl::Status status = store.status();
    if (store.ok()) {
      auto problems = (*store)->Verify();
      ASSERT_TRUE(problems.ok()) << problems.status();
      EXPECT_FALSE(problems->empty()) << "kept " << keep;
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("restore it from a copy"));
    }
  }
}

TEST_F(SqliteFileTest, VerifyFindsWhatWasChanged) {
  struct Case {
    std::string sql, problem;
  };
  for (const Case& c : std::vector<Case>{
           {"UPDATE functions SET text = 'changed'", "its hash does not fit its text"},
           {"UPDATE traces SET text = 'changed'", "its hash does not fit its text"},
           {"UPDATE records SET samples = x'0102'", "damaged samples"},
           {"UPDATE records SET samples = x'000000000000f87f'", "a sample is not finite"},
           {"UPDATE records SET status = 'fine'", "unknown status"},
           {"UPDATE records SET median = -1", "median is negative"},
           {"UPDATE records SET trace_id = 99", "refers to no row of traces"},
           {"UPDATE tasks SET regime = 'hot'", "unknown regime"},
           {"INSERT INTO traces (hash, text) SELECT hash, text FROM traces", "more than once"},
       }) {
    fs::remove(path_);
    Create();
    Execute(c.sql);
    auto problems = OpenSqliteStore(path_).value()->Verify();
    ASSERT_TRUE(problems.ok()) << problems.status();
    EXPECT_THAT(*problems, ::testing::Contains(HasSubstr(c.problem))) << c.sql;
  }
}

TEST_F(SqliteFileTest, ReadOnlyReadsAndRefusesToWrite) {
  Create(2);
  auto store = OpenSqliteStore(path_, {.read_only = true});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->Best(TestTask()).value()->id, TestUuid(1));
  EXPECT_THAT(*(*store)->Verify(), IsEmpty());
  for (const absl::Status& status :
       {(*store)->AddRecords({TestRecord(9, 1)}), (*store)->PutDevice(TestDevice())}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr("opened for reading only"));
  }
}

TEST_F(SqliteFileTest, AFileWithoutPermissionIsReadAndNotWritten) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  Create();
  ASSERT_EQ(chmod(path_.c_str(), 0444), 0);
  ASSERT_EQ(chmod(directory_.c_str(), 0555), 0);
  ExpectRefused(absl::StatusCode::kUnavailable, "check the permissions");
  EXPECT_EQ(OpenSqliteStore(path_, {.read_only = true}).value()->Stats()->records, 1);
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
}

TEST_F(SqliteFileTest, AReaderSeesWhatAWriterAdds) {
  Create();
  auto writer = OpenSqliteStore(path_).value();
  auto reader = OpenSqliteStore(path_, {.read_only = true}).value();
  ASSERT_TRUE(writer->AddRecords({TestRecord(2, 0.5)}).ok());
  EXPECT_EQ(reader->Best(TestTask()).value()->id, TestUuid(2));
}

}  // namespace
}  // namespace lathe
