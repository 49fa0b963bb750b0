// One suite for every implementation of Store.
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "compiler/tensor/operators.h"
#include "database/lookup.h"
#include "database/shape.h"
#include "database/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test_records.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class StoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("memory")) {
      store_ = NewMemoryStore();
    } else {
      directory_ = std::filesystem::path(::testing::TempDir()) / ("lathe-store-" + NewUuid());
      std::filesystem::create_directories(directory_);
      auto store = OpenSqliteStore(directory_ / "test.db");
      ASSERT_TRUE(store.ok()) << store.status();
      store_ = *std::move(store);
    }
    ASSERT_TRUE(store_->PutDevice(TestDevice()).ok());
  }

  void TearDown() override {
    auto problems = store_->Verify();
    ASSERT_TRUE(problems.ok()) << problems.status();
    EXPECT_THAT(*problems, IsEmpty());
    store_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  void Add(const std::vector<Record>& records) {
    absl::Status status = store_->AddRecords(records);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::vector<std::string> Ids(const Task& task) {
    auto records = store_->Records(task);
    EXPECT_TRUE(records.ok()) << records.status();
    std::vector<std::string> ids;
    for (const Record& record : *records) ids.push_back(record.id);
    return ids;
  }

  std::filesystem::path directory_;
  std::unique_ptr<RecordStore> store_;
};

TEST_P(StoreTest, KeepsEveryField) {
  Record record = TestRecord(1, 0.125);
  Record failed = TestRecord(2, 0);
  failed.status = RecordStatus::kBuildFailed;
  failed.error = std::string("lld: \"broken\"\n\0 byte", 19);
  failed.samples.clear();
  failed.program_hash = failed.artifact_digest = failed.device_uuid = failed.trace = "";
  failed.required_features.clear();
  failed.median = failed.ci_low = failed.ci_high = failed.min = 0;
  failed.conditions = {};
  Add({record, failed});
  auto records = store_->Records(TestTask());
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(Difference((*records)[0], record), "");
  EXPECT_EQ(Difference((*records)[1], failed), "");
}

TEST_P(StoreTest, BestIsTheLowestMedianOfOkRecords) {
  EXPECT_FALSE(store_->Best(TestTask()).value().has_value());
  Record wrong = TestRecord(4, 0.01);
  wrong.status = RecordStatus::kWrongOutput;
  Record abandoned = TestRecord(5, 0.02);
  abandoned.status = RecordStatus::kAbandoned;
  Add({TestRecord(1, 0.5), wrong});
  Add({TestRecord(2, 0.25), TestRecord(3, 0.75), abandoned});
  auto best = store_->Best(TestTask());
  ASSERT_TRUE(best.ok() && *best);
  EXPECT_EQ((*best)->id, TestUuid(2));
}

TEST_P(StoreTest, BestIsTheNewestPromotedRecord) {
  Record first = TestRecord(2, 0.5), second = TestRecord(4, 0.75), lucky = TestRecord(5, 0.25);
  first.promoted = second.promoted = true;
  Add({TestRecord(1, 0.125), first});
  EXPECT_EQ(store_->Best(TestTask()).value()->id, first.id);
  Add({second, lucky});
  EXPECT_EQ(Difference(*store_->Best(TestTask()).value(), second), "");
  // Another task's promotion is no concern of this one.
  Record other = TestRecord(6, 0.5, TestTask("other"));
  other.promoted = true;
  Add({other});
  EXPECT_EQ(store_->Best(TestTask()).value()->id, second.id);
  // Added late, but measured before.
  Record late = TestRecord(3, 0.5);
  late.promoted = true;
  Add({late});
  EXPECT_EQ(store_->Best(TestTask()).value()->id, second.id);
}

TEST_P(StoreTest, AmongPromotedEqualsTheLastAddedIsBest) {
  std::vector<Record> records = {TestRecord(9, 0.5), TestRecord(3, 0.5), TestRecord(5, 0.5)};
  for (Record& record : records) {
    record.promoted = true;
    record.created_unix_ms = 100;
    Add({record});
  }
  EXPECT_EQ(store_->Best(TestTask()).value()->id, records.back().id);
}

TEST_P(StoreTest, AmongEqualsTheOldestIsBest) {
  Add({TestRecord(7, 0.5), TestRecord(3, 0.5), TestRecord(5, 0.5)});
  EXPECT_EQ(store_->Best(TestTask()).value()->id, TestUuid(3));
}

TEST_P(StoreTest, EveryPartOfATaskSeparates) {
  Task base = TestTask();
  std::vector<Task> tasks(7, base);
  tasks[1] = TestTask("other");
  tasks[2].target += " ";
  tasks[3].device_kind = "kind-b";
  tasks[4].threads = 1;
  tasks[5].regime = Regime::kWarm;
  tasks[6].accuracy = Accuracy::kStrict;
  for (size_t t = 0; t < tasks.size(); ++t) {
    Add({TestRecord(static_cast<int64_t>(t) + 1, 1, tasks[t])});
  }
  for (size_t t = 0; t < tasks.size(); ++t) {
    EXPECT_THAT(Ids(tasks[t]), ElementsAre(TestUuid(static_cast<int64_t>(t) + 1))) << t;
    EXPECT_EQ(store_->Best(tasks[t]).value()->id, TestUuid(static_cast<int64_t>(t) + 1)) << t;
  }
  EXPECT_EQ(store_->Tasks()->size(), tasks.size());
  EXPECT_EQ(store_->TasksOfFunction(base.function_hash, base.function_text)->size(), 6u);
  // Equal hashes do not make functions equal.
  EXPECT_THAT(*store_->TasksOfFunction(base.function_hash, "other"), IsEmpty());
}

TEST_P(StoreTest, TheNameIsNotPartOfTheKey) {
  Task renamed = TestTask();
  renamed.function_name = "another name";
  Add({TestRecord(1, 1), TestRecord(2, 2, renamed)});
  EXPECT_EQ(store_->Records(renamed)->size(), 2u);
  EXPECT_EQ(store_->Records(renamed)->back().task.function_name, "name");
}

TEST_P(StoreTest, RecordsAreOldestFirst) {
  Add({TestRecord(5, 1), TestRecord(2, 3), TestRecord(9, 2)});
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(2), TestUuid(5), TestUuid(9)));
}

TEST_P(StoreTest, AddingTwiceChangesNothing) {
  Add({TestRecord(1, 0.5)});
  Add({TestRecord(1, 0.25), TestRecord(2, 0.75), TestRecord(2, 0.125)});
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(1), TestUuid(2)));
  EXPECT_EQ(store_->Best(TestTask()).value()->median, 0.5);
}

TEST_P(StoreTest, ABatchIsAllOrNothing) {
  Record orphan = TestRecord(2, 1);
  orphan.device_uuid = TestUuid(0xd2);
  absl::Status status = store_->AddRecords({TestRecord(1, 1), orphan});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("put it first"));
  EXPECT_THAT(Ids(TestTask()), IsEmpty());
  EXPECT_THAT(*store_->Tasks(), IsEmpty());
  EXPECT_EQ(store_->Stats()->functions, 0);
  Add({});
}

TEST_P(StoreTest, RefusesMalformedRecords) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = INFINITY;
  std::vector<std::pair<std::string, std::function<void(Record&)>>> cases = {
      {"id is not a lower-case UUID", [](Record& r) { r.id = "1"; }},
      {"id is not a lower-case UUID", [](Record& r) { r.id[35] = 'A'; }},
      {"hash does not fit the text", [](Record& r) { r.task.function_text += " "; }},
      {"target is empty", [](Record& r) { r.task.target = ""; }},
      {"device kind is empty", [](Record& r) { r.task.device_kind = ""; }},
      {"threads is not positive", [](Record& r) { r.task.threads = 0; }},
      {"median is not finite", [=](Record& r) { r.median = nan; }},
      {"minimum is not finite", [=](Record& r) { r.min = -inf; }},
      {"a sample is not finite", [=](Record& r) { r.samples.push_back(inf); }},
      {"a sample is negative", [](Record& r) { r.samples.push_back(-1); }},
      {"frequency is not finite", [=](Record& r) { r.conditions.frequency_mhz = nan; }},
      {"build time is not finite", [=](Record& r) { r.build_seconds = inf; }},
      {"measuring time is negative", [](Record& r) { r.measure_seconds = -1; }},
      {"has no samples", [](Record& r) { r.samples.clear(); }},
      {"median is no time of a call", [](Record& r) { r.median = r.min = r.ci_low = 0; }},
      {"median is no time of a call", [](Record& r) { r.median = r.min = r.ci_low = 1e-300; }},
      {"in the future", [](Record& r) { r.created_unix_ms = INT64_MAX; }},
      {"trial number", [](Record& r) { r.trial = INT64_MAX; }},
      {"outside of its interval", [](Record& r) { r.ci_high = r.ci_low; }},
      {"minimum is above", [](Record& r) { r.min = 9; }},
      {"names no device", [](Record& r) { r.device_uuid = ""; }},
      {"no program hash", [](Record& r) { r.program_hash = ""; }},
      {"program hash is not a SHA-256", [](Record& r) { r.program_hash = "12ab"; }},
      {"artifact digest is not", [](Record& r) { r.artifact_digest[5] = 'x'; }},
      {"feature is not a name", [](Record& r) { r.required_features = {"avx,sse"}; }},
      {"promoted and not ok",
       [](Record& r) {
         r.promoted = true;
         r.status = RecordStatus::kTimeout;
       }},
      {"time of creation", [](Record& r) { r.created_unix_ms = 0; }},
      {"calls per sample", [](Record& r) { r.calls_per_sample = ~uint64_t{0}; }},
      {"device kind holds a control", [](Record& r) { r.task.device_kind = "kind\x1b[2J"; }},
      {"search holds a control", [](Record& r) { r.search = "random\nseed"; }},
  };
  for (const auto& [message, spoil] : cases) {
    Record record = TestRecord(1, 1);
    spoil(record);
    absl::Status status = store_->AddRecords({TestRecord(2, 1), record});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
  EXPECT_EQ(store_->Stats()->records, 0);
}

TEST_P(StoreTest, DevicesAreUpdated) {
  EXPECT_EQ(store_->FindDevice(kTestDevice).value()->name, "board");
  EXPECT_FALSE(store_->FindDevice(TestUuid(9)).value().has_value());
  EXPECT_FALSE(store_->FindDevice("no uuid").value().has_value());
  Add({TestRecord(1, 1)});
  ASSERT_TRUE(store_->PutDevice({kTestDevice, "renamed", "kind-b", ""}).ok());
  DeviceRow device = store_->FindDevice(kTestDevice)->value();
  EXPECT_EQ(device.name, "renamed");
  EXPECT_EQ(device.kind, "kind-b");
  EXPECT_EQ(store_->Best(TestTask()).value()->device_uuid, kTestDevice);
  EXPECT_EQ(store_->PutDevice({"x", "", "k", ""}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->PutDevice({kTestDevice, "", "", ""}).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_P(StoreTest, NearTasksComeByDistance) {
  auto task_of = [](int64_t m, int64_t n, int64_t k) {
    Query query;
    query.function = Matmul(m, n, k);
    query.device_kind = "kind-a";
    query.threads = 2;
    return TaskOf(query);
  };
  Task threads = task_of(64, 64, 80), cold = task_of(64, 64, 96), relaxed = task_of(64, 64, 65);
  threads.threads = 1;
  cold.regime = Regime::kCold;
  relaxed.accuracy = Accuracy::kRelaxed;
  Task other_target = task_of(64, 64, 66);
  other_target.target = "another";
  std::vector<Task> tasks = {
      task_of(64, 64, 512), task_of(64, 128, 64), threads,   cold, relaxed, task_of(256, 16, 64),
      other_target,         task_of(64, 64, 64),  TestTask()};
  for (size_t t = 0; t < tasks.size(); ++t) {
    Add({TestRecord(static_cast<int64_t>(t) + 1, 1, tasks[t])});
  }
  NearQuery query;
  query.family_hash = tasks[0].family_hash;
  query.function_hash = task_of(64, 64, 64).function_hash;
  query.shape = ShapeOf(Matmul(64, 64, 64));
  query.threads = 2;
  query.accepts = [](const std::string& target) { return target != "another"; };
  // Distances in doublings. A volume that is the same tells nothing: 256 x 16.
  auto near = store_->NearTasks(query);
  ASSERT_TRUE(near.ok()) << near.status();
  std::vector<std::pair<std::string, double>> found;
  for (const NearTask& task : *near) found.emplace_back(task.task.function_text, task.distance);
  EXPECT_THAT(found, ElementsAre(Pair(tasks[1].function_text, 1), Pair(tasks[0].function_text, 3),
                                 Pair(tasks[5].function_text, 4)));
  query.limit = 1;
  EXPECT_EQ(store_->NearTasks(query)->at(0).task.function_text, tasks[1].function_text);
  query.accuracy = Accuracy::kRelaxed;
  EXPECT_EQ(store_->NearTasks(query)->at(0).task.function_text, relaxed.function_text);
  query.limit = 0;
  EXPECT_THAT(*store_->NearTasks(query), IsEmpty());
}

TEST_P(StoreTest, VisitsRecordsInTheOrderOfArrival) {
  Task other = TestTask("other");
  other.device_kind = "kind-b";
  Add({TestRecord(5, 1), TestRecord(2, 3, other)});
  Add({TestRecord(9, 2)});
  auto visited = [&](const RecordFilter& filter) {
    std::vector<std::string> ids;
    EXPECT_TRUE(store_
                    ->ForEachRecord(filter,
                                    [&](const Record& record) {
                                      ids.push_back(record.id);
                                      return absl::OkStatus();
                                    })
                    .ok());
    return ids;
  };
  EXPECT_THAT(visited({}), ElementsAre(TestUuid(5), TestUuid(2), TestUuid(9)));
  EXPECT_THAT(visited({.function_hash = other.function_hash}), ElementsAre(TestUuid(2)));
  EXPECT_THAT(visited({.family_hash = TestTask().family_hash}),
              ElementsAre(TestUuid(5), TestUuid(9)));
  EXPECT_THAT(visited({.device = "kind-b"}), ElementsAre(TestUuid(2)));
  EXPECT_EQ(visited({.device = kTestDevice}).size(), 3u);
  EXPECT_THAT(visited({.function_hash = other.function_hash, .device = "kind-a"}), IsEmpty());
  int visits = 0;
  absl::Status stopped = store_->ForEachRecord({}, [&](const Record&) {
    ++visits;
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(stopped, absl::CancelledError("enough"));
  EXPECT_EQ(visits, 1);
}

TEST_P(StoreTest, AnImportIsAllOrNothing) {
  const DeviceRow device = {TestUuid(0xd2), "other board", "kind-b", ""};
  Record imported = TestRecord(2, 1);
  imported.device_uuid = device.uuid;
  Record malformed = TestRecord(3, 1);
  malformed.task.threads = 0;
  auto import = [&](const std::vector<Record>& records, absl::Status end) {
    return store_->Import({device, {kTestDevice, "stranger", "kind-x", ""}},
                          [&](const RecordVisitor& add) -> absl::Status {
                            for (const Record& record : records) {
                              absl::Status status = add(record);
                              if (!status.ok()) return status;
                            }
                            return end;
                          });
  };
  Add({TestRecord(1, 1)});
  EXPECT_EQ(import({imported, malformed}, absl::OkStatus()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(import({imported}, absl::DataLossError("torn")).status(), absl::DataLossError("torn"));
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(1)));
  EXPECT_EQ(store_->Devices()->size(), 1u);
  EXPECT_EQ(import({TestRecord(1, 1), imported}, absl::OkStatus())->added, 1);
  EXPECT_EQ(import({TestRecord(1, 1), imported}, absl::OkStatus())->added, 0);
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(1), TestUuid(2)));
  // What is there stays as it is.
  EXPECT_EQ(store_->FindDevice(kTestDevice).value()->name, "board");
  EXPECT_EQ(store_->Devices()->size(), 2u);
  EXPECT_EQ(store_->Devices()->back().name, "other board");
}

TEST_P(StoreTest, OfConflictingRecordsOursStay) {
  Add({TestRecord(1, 1), TestRecord(2, 2)});
  Record renamed = TestRecord(1, 1), garbled = TestRecord(5, 1);
  renamed.task.function_name = "what another calls it";
  garbled.error = "\xff";  // which an export writes in another way
  Record of_export = garbled;
  of_export.error = "\xef\xbf\xbd";
  Add({garbled});
  auto summary = store_->Import({}, [&](const RecordVisitor& add) {
    for (const Record& record :
         {renamed, TestRecord(2, 4), TestRecord(3, 1), TestRecord(3, 1), TestRecord(3, 2),
          of_export, TestRecord(1, 1, TestTask("other"))}) {
      absl::Status status = add(record);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->records, 7);
  EXPECT_EQ(summary->added, 1);
  EXPECT_EQ(summary->present, 3);
  EXPECT_EQ(summary->conflicting, 3);
  EXPECT_EQ(summary->first_conflict, TestUuid(2));
  auto records = store_->Records(TestTask());
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 4u);
  EXPECT_EQ(Difference((*records)[0], TestRecord(1, 1)), "");
  EXPECT_EQ(Difference((*records)[1], TestRecord(2, 2)), "");
  EXPECT_EQ(Difference((*records)[2], TestRecord(3, 1)), "");
  EXPECT_EQ(store_->Tasks()->size(), 1u);
}

TEST_P(StoreTest, PruningKeepsWhatIsServed) {
  Record first = TestRecord(10, 0.5), second = TestRecord(12, 0.75);
  first.promoted = second.promoted = true;
  Record crash = TestRecord(14, 1);
  crash.status = RecordStatus::kCrash;
  Add({TestRecord(1, 0.25), TestRecord(2, 0.125), first, TestRecord(11, 1), second, crash});
  Task unpromoted = TestTask("unpromoted"), failed = TestTask("failed");
  Record timeout = TestRecord(23, 1, failed);
  timeout.status = RecordStatus::kTimeout;
  timeout.trace = "of a failure";
  Add({TestRecord(20, 2, unpromoted), TestRecord(21, 1, unpromoted), timeout});

  PruneReport planned = store_->Prune({.keep = 0, .dry_run = true}).value();
  EXPECT_EQ(planned.removed, 6);
  EXPECT_EQ(store_->Stats()->records, 9);
  // Nothing is as old as that.
  EXPECT_EQ(store_->Prune({.created_from_unix_ms = 1})->removed, 0);
  PruneReport old = store_->Prune({.created_from_unix_ms = 11}).value();
  EXPECT_EQ(old.removed, 2);
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(2), TestUuid(11), TestUuid(12), TestUuid(14)));
  PruneReport report = store_->Prune({.keep = 1}).value();
  EXPECT_EQ(report.kept, 3);
  EXPECT_EQ(report.removed, 4);
  EXPECT_THAT(report.removed_by_status,
              ElementsAre(Pair("crash", 1), Pair("ok", 2), Pair("timeout", 1)));
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(2), TestUuid(12)));
  EXPECT_EQ(store_->Best(TestTask()).value()->id, second.id);
  EXPECT_THAT(Ids(unpromoted), ElementsAre(TestUuid(21)));
  EXPECT_THAT(Ids(failed), IsEmpty());
  EXPECT_EQ(store_->Tasks()->size(), 2u);
  EXPECT_EQ(store_->Stats()->functions, 2);
  EXPECT_EQ(store_->Prune({.keep = 1})->removed, 0);
  // What was removed may come back.
  Add({timeout});
  EXPECT_THAT(Ids(failed), ElementsAre(TestUuid(23)));
}

TEST_P(StoreTest, SupersededPromotionsStayOnlyAmongTheFastest) {
  std::vector<Record> promoted;
  for (int64_t n = 1; n <= 4; ++n) {
    promoted.push_back(TestRecord(n, 0.125 * static_cast<double>(n)));
    promoted.back().promoted = true;
  }
  // Equally new: what was added last is served.
  promoted[2].created_unix_ms = promoted[3].created_unix_ms;
  Add(promoted);
  Add({TestRecord(5, 0.0625), TestRecord(6, 1)});
  EXPECT_EQ(store_->Best(TestTask()).value()->id, promoted[3].id);
  EXPECT_EQ(store_->Prune({.keep = 2})->removed, 3);
  EXPECT_THAT(Ids(TestTask()), ElementsAre(TestUuid(1), TestUuid(4), TestUuid(5)));
  EXPECT_EQ(store_->Best(TestTask()).value()->id, promoted[3].id);
}

TEST_P(StoreTest, StatsCountWhatStandsOnce) {
  Record crash = TestRecord(4, 1);
  crash.status = RecordStatus::kCrash;
  Add({TestRecord(1, 1), TestRecord(2, 1), TestRecord(3, 1, TestTask("other")), crash});
  StoreStats stats = store_->Stats().value();
  EXPECT_EQ(stats.functions, 2);
  EXPECT_EQ(stats.targets, 1);
  EXPECT_EQ(stats.devices, 1);
  EXPECT_EQ(stats.tasks, 2);
  EXPECT_EQ(stats.traces, 3);
  EXPECT_EQ(stats.records, 4);
  EXPECT_THAT(stats.records_by_status, ElementsAre(Pair("crash", 1), Pair("ok", 3)));
}

TEST_P(StoreTest, ThreadsMayShareIt) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int n = 0; n < 25; ++n) {
        EXPECT_TRUE(store_->AddRecords({TestRecord(1 + t * 25 + n, 1 + n)}).ok());
        EXPECT_TRUE(store_->Best(TestTask()).value().has_value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->Stats()->records, 100);
}

INSTANTIATE_TEST_SUITE_P(All, StoreTest, ::testing::Values("memory", "sqlite"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Uuid, IsRandomAndOfVersionFour) {
  std::string a = NewUuid(), b = NewUuid();
  EXPECT_NE(a, b);
  for (const std::string& uuid : {a, b}) {
    EXPECT_EQ(uuid.size(), 36u);
    EXPECT_EQ(uuid[14], '4');
    EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
    EXPECT_EQ(uuid.find_first_not_of("0123456789abcdef-"), std::string::npos);
  }
}

}  // namespace
}  // namespace lathe
