// Processes: writers that are killed, and writers at once.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "database/migrations.h"
#include "database/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test_records.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

class StoreCrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(::testing::TempDir()) / ("lathe-crash-" + NewUuid());
    fs::create_directories(directory_);
    path_ = directory_ / "test.db";
  }
  void TearDown() override { fs::remove_all(directory_); }

  // Adds batches of records first, first + 1, ... and, after each batch, writes
  // the number of its last record to `acknowledge`. Ends at `last`.
  [[noreturn]] void Write(int64_t first, int64_t last, int acknowledge) {
    auto store = OpenSqliteStore(path_);
    if (!store.ok() || !(*store)->PutDevice(TestDevice()).ok()) _exit(2);
    for (int64_t number = first; number <= last;) {
      std::vector<Record> batch;
      int64_t size = 1 + number % 3;
      while (size-- > 0 && number <= last) batch.push_back(TestRecord(number++, 1));
      if (!(*store)->AddRecords(batch).ok()) _exit(3);
      int64_t done = number - 1;
      if (write(acknowledge, &done, sizeof done) != sizeof done) _exit(4);
    }
    _exit(0);
  }

  // Runs `work` in a process of its own, which is killed `microseconds` after it
  // has called the function given to it, or at its end.
  template <typename Work>
  static void RunAndKill(int64_t microseconds, Work work) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(pipe_ends[0]);
      work([&] {
        if (write(pipe_ends[1], "!", 1) != 1) _exit(4);
      });
      pause();
    }
    close(pipe_ends[1]);
    char signal;
    EXPECT_EQ(read(pipe_ends[0], &signal, 1), 1);
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    EXPECT_EQ(kill(child, SIGKILL), 0);
    int status;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << status;
    close(pipe_ends[0]);
  }

  // Imports records `first` to `last` of a device of their own, calling `before`
  // with the number of each.
  template <typename Before>
  static absl::StatusOr<ImportSummary> Import(RecordStore& store, int64_t first, int64_t last,
                                              Before before) {
    const DeviceRow device = {TestUuid(0xd0000 + first), "other board", "kind-b", ""};
    return store.Import({device}, [&](const RecordVisitor& add) {
      for (int64_t n = first; n <= last; ++n) {
        before(n);
        Record record = TestRecord(n, 1, TestTask("of import " + std::to_string(first)));
        record.device_uuid = device.uuid;
        if (absl::Status status = add(record); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }

  // The whole database, opened as after a crash.
  StoreStats StatsOfWhole(const fs::path& path) {
    auto store = OpenSqliteStore(path);
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return {};
    EXPECT_THAT(*(*store)->Verify(), IsEmpty());
    return (*store)->Stats().value();
  }

  fs::path directory_, path_;
};

TEST_F(StoreCrashTest, WhatWasAcknowledgedSurvivesTheKill) {
  constexpr uint64_t kSeed = 20240607;
  std::cout << "seed " << kSeed << std::endl;
  std::mt19937_64 random(kSeed);
  int64_t next = 1;
  std::set<std::string> acknowledged;
  for (int round = 0; round < 12; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      close(pipe_ends[0]);
      Write(next, next + 1000000, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));
    ASSERT_EQ(kill(writer, SIGKILL), 0);
    ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
    int64_t done, last = next - 1;
    while (read(pipe_ends[0], &done, sizeof done) == sizeof done) last = done;
    close(pipe_ends[0]);
    for (int64_t n = next; n <= last; ++n) acknowledged.insert(TestUuid(n));
    next = last + 1;

    auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    auto problems = (*store)->Verify();
    ASSERT_TRUE(problems.ok()) << problems.status();
    ASSERT_THAT(*problems, IsEmpty());
    std::set<std::string> present;
    auto records = (*store)->Records(TestTask());
    ASSERT_TRUE(records.ok()) << records.status();
    for (const Record& record : *records) present.insert(record.id);
    for (const std::string& id : acknowledged) ASSERT_TRUE(present.contains(id)) << id;
    // At most the batch that was being written may be there as well: skip it.
    next += 3;
  }
  EXPECT_GT(acknowledged.size(), 0u);
}

TEST_F(StoreCrashTest, AnImportThatIsKilledLeavesNothing) {
  constexpr uint64_t kSeed = 20261122;
  constexpr int64_t kRecords = 400;
  std::cout << "seed " << kSeed << std::endl;
  std::mt19937_64 random(kSeed);
  ASSERT_TRUE(OpenSqliteStore(path_).value()->PutDevice(TestDevice()).ok());
  StoreStats before = StatsOfWhole(path_);
  int64_t whole = 0;
  // First in the midst of it for sure, then at any moment.
  for (int64_t round = 0; round < 10; ++round) {
    const int64_t first = 1 + round * kRecords, dies_at = first + round * kRecords / 3;
    RunAndKill(round < 3 ? 0 : static_cast<int64_t>(random() % 40000), [&](auto started) {
      auto store = OpenSqliteStore(path_);
      if (!store.ok()) _exit(2);
      if (round >= 3) started();
      auto summary = Import(**store, first, first + kRecords - 1, [&](int64_t n) {
        if (round >= 3 || n != dies_at) return;
        started();
        pause();
      });
      if (!summary.ok()) _exit(3);
    });
    const StoreStats after = StatsOfWhole(path_);
    const int64_t added = after.records - before.records;
    EXPECT_TRUE(added == 0 || added == kRecords) << added;
    EXPECT_EQ(after.devices - before.devices, added / kRecords);
    EXPECT_EQ(after.tasks - before.tasks, added / kRecords);
    EXPECT_TRUE(round >= 3 || added == 0);
    whole += added / kRecords;
    before = after;
  }
  std::cout << whole << " imports ended before the kill" << std::endl;
  auto store = OpenSqliteStore(path_).value();
  EXPECT_EQ(Import(*store, 1, kRecords, [](int64_t) {})->added, kRecords);
}

TEST_F(StoreCrashTest, APruningThatIsKilledRemovesAllOrNothing) {
  constexpr uint64_t kSeed = 20261123;
  std::cout << "seed " << kSeed << std::endl;
  std::mt19937_64 random(kSeed);
  const fs::path full = directory_ / "full.db";
  PruneReport planned;
  {
    auto store = OpenSqliteStore(full).value();
    ASSERT_TRUE(store->PutDevice(TestDevice()).ok());
    std::vector<Record> records;
    for (int64_t n = 1; n <= 600; ++n) {
      records.push_back(
          TestRecord(n, 1 + static_cast<double>(n % 7), TestTask(std::to_string(n % 5))));
      records.back().promoted = n % 50 < 5;
      records.back().trace = "trace " + std::to_string(n);
    }
    ASSERT_TRUE(store->AddRecords(records).ok());
    planned = store->Prune({.keep = 2, .dry_run = true}).value();
    ASSERT_EQ(planned.kept, 15);  // of each task the newest promotion and two more
  }
  int removed = 0;
  for (int round = 0; round < 10; ++round) {
    fs::copy_file(full, path_, fs::copy_options::overwrite_existing);
    RunAndKill(static_cast<int64_t>(random() % 30000), [&](auto started) {
      auto store = OpenSqliteStore(path_);
      if (!store.ok()) _exit(2);
      started();
      if (!(*store)->Prune({.keep = 2}).ok()) _exit(3);
    });
    const StoreStats after = StatsOfWhole(path_);
    const bool done = after.records == planned.kept;
    EXPECT_TRUE(done || after.records == planned.kept + planned.removed) << after.records;
    EXPECT_EQ(after.traces, after.records);
    removed += done;
    auto store = OpenSqliteStore(path_).value();
    EXPECT_EQ(store->Best(TestTask("0")).value()->id, TestUuid(600));
    store.reset();
    for (const char* suffix : {"-wal", "-shm"}) fs::remove(path_.string() + suffix);
  }
  std::cout << removed << " of 10 had removed before the kill" << std::endl;
}

TEST_F(StoreCrashTest, ACreationThatIsKilledIsCompleted) {
  constexpr uint64_t kSeed = 20261124;
  std::cout << "seed " << kSeed << std::endl;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 20; ++round) {
    path_ = directory_ / (std::to_string(round) + ".db");
    RunAndKill(static_cast<int64_t>(random() % 15000), [&](auto started) {
      started();
      if (!OpenSqliteStore(path_).ok()) _exit(2);
    });
    absl::Status read = OpenSqliteStore(path_, {.read_only = true}).status();
    EXPECT_TRUE(read.ok() || absl::IsNotFound(read) || absl::IsFailedPrecondition(read) ||
                absl::IsUnavailable(read))
        << read;
    EXPECT_EQ(StatsOfWhole(path_).schema_version, Migrations().back().version) << read;
  }
}

TEST_F(StoreCrashTest, TwoProcessesCreateAndWriteAtOnce) {
  constexpr int64_t kRecords = 150;
  std::vector<pid_t> writers;
  for (int64_t w = 0; w < 2; ++w) {
    pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      int sink[2];
      if (pipe(sink) != 0) _exit(5);
      Write(1 + w * kRecords, (w + 1) * kRecords, sink[1]);
    }
    writers.push_back(writer);
  }
  for (pid_t writer : writers) {
    int status;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    EXPECT_EQ(status, 0);
  }
  auto store = OpenSqliteStore(path_).value();
  EXPECT_THAT(*store->Verify(), IsEmpty());
  EXPECT_EQ(store->Stats()->records, 2 * kRecords);
  EXPECT_EQ(store->Stats()->functions, 1);
  EXPECT_EQ(store->Stats()->traces, 3);
}

}  // namespace
}  // namespace lathe
