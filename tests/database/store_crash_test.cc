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
