// Exports, imports and merges, and what damage of an export leads to.
#include "database/exchange.h"

#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <string>

#include "bench/generated_records.h"
#include "compiler/base/digest.h"
#include "compiler/tensor/operators.h"
#include "database/lookup.h"
#include "database/record_check.h"
#include "database/record_lines.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test_records.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

std::map<std::string, Record> All(RecordStore& store) {
  std::map<std::string, Record> records;
  EXPECT_TRUE(store
                  .ForEachRecord({},
                                 [&](const Record& record) {
                                   records[record.id] = record;
                                   return absl::OkStatus();
                                 })
                  .ok());
  return records;
}

std::string Export(RecordStore& store, const RecordFilter& filter = {}) {
  std::ostringstream out;
  auto written = ExportRecords(store, filter, out);
  EXPECT_TRUE(written.ok()) << written.status();
  return out.str();
}

absl::StatusOr<ImportSummary> Import(RecordStore& store, const std::string& text) {
  std::istringstream in(text);
  return ImportRecords(store, "file", in);
}

// TestTask of a function that there is: imports read it.
Task MatmulTask(int64_t m) {
  Query query;
  query.function = Matmul(m, 8, 8);
  Task task = TestTask(), of_function = TaskOf(query);
  task.function_text = of_function.function_text;
  task.function_hash = of_function.function_hash;
  task.function_name = of_function.function_name;
  task.family_hash = of_function.family_hash;
  return task;
}

std::vector<Record> SmallRecords() {
  std::vector<Record> records = CorpusRecords();
  for (Record& record : records) record.task = MatmulTask(record.id == TestUuid(2) ? 16 : 8);
  return records;
}

std::unique_ptr<RecordStore> SmallStore() {
  auto store = NewMemoryStore();
  EXPECT_TRUE(store->PutDevice(TestDevice()).ok());
  EXPECT_TRUE(store->AddRecords(SmallRecords()).ok());
  return store;
}

// `text` with the first `from` replaced by `to`, and the digest made to fit.
std::string Changed(std::string text, const std::string& from, const std::string& to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  size_t end = text.rfind("{\"end\"");
  size_t digest = text.find("sha256\":\"", end) + 9;
  return text.replace(digest, 64, Sha256Hex(text.substr(0, end)));
}

TEST(ExchangeTest, EveryFieldComesBack) {
  constexpr uint64_t kSeed = 7;
  std::cout << "seed " << kSeed << std::endl;
  RecordGenerator generator(kSeed);
  auto store = NewMemoryStore(), copy = NewMemoryStore();
  for (const DeviceRow& device : generator.devices()) ASSERT_TRUE(store->PutDevice(device).ok());
  for (int f = 0; f < 4; ++f) {
    absl::Status status = store->AddRecords(generator.NextFunction());
    ASSERT_TRUE(status.ok()) << status;
  }
  std::map<std::string, Record> records = All(*store);
  const std::string text = Export(*store);
  auto summary = Import(*copy, text);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->records, static_cast<int64_t>(records.size()));
  EXPECT_EQ(summary->added, summary->records);
  std::map<std::string, Record> copied = All(*copy);
  ASSERT_EQ(copied.size(), records.size());
  for (const auto& [id, record] : records) EXPECT_EQ(Difference(copied[id], record), "") << id;
  EXPECT_EQ(Export(*copy), text);
  // Again: nothing is new.
  for (const auto& again : {Import(*copy, text), MergeRecords(*copy, "store", *store)}) {
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->added, 0);
    EXPECT_EQ(again->present, summary->records);
    EXPECT_EQ(again->conflicting, 0);
  }
}

TEST(ExchangeTest, FiltersAndMerges) {
  auto store = SmallStore(), copy = NewMemoryStore();
  RecordFilter filter;
  filter.function_hash = MatmulTask(16).function_hash;
  EXPECT_EQ(Import(*copy, Export(*store, filter))->added, 1);
  auto merged = MergeRecords(*copy, "store", *store);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->records, 3);
  EXPECT_EQ(merged->added, 2);
  EXPECT_EQ(merged->present, 1);
}

TEST(ExchangeTest, OfNothing) {
  auto empty = NewMemoryStore(), copy = NewMemoryStore();
  EXPECT_EQ(Import(*copy, Export(*empty))->records, 0);
}

TEST(ExchangeTest, DamageIsNamedByItsLine) {
  auto store = SmallStore();
  const std::string good = Export(*store);
  const std::string last = good.substr(good.rfind("{\"end\""));
  const std::pair<std::string, std::string> cases[] = {
      {"", "file:1: is no export of Lathe"},
      {"hello\n", "file:1: is damaged: it is no JSON object"},
      {"{}\n", "file:1: is no export of Lathe"},
      {Changed(good, "records\":1", "records\":2"), "file:1: is of format 2"},
      {good.substr(0, good.size() - last.size()), "ends after line 7 without its last line"},
      {good.substr(0, good.size() / 2), "is no JSON object"},
      {good + "{}\n", "file:9: stands behind the end"},
      {Changed(good, "kind-a", "kind\xff"), "file:2: is damaged"},
      {Changed(good, "\"median\":0.5", "\"median\":\"fast\""), "file:4: 'median' is no number"},
      {Changed(good, "\"median\":0.5,", ""), "file:4: 'median' is missing"},
      {Changed(good, "\"median\":0.5", "\"median\":-1"), "file:4: record 0"},
      {Changed(good, "\"status\":\"ok\"", "\"status\":\"fine\""), "file:4: 'status' is 'fine'"},
      {Changed(good, "\"task\":1,\"id\"", "\"task\":9,\"id\""), "file:4: 'task' is not the number"},
      {Changed(good, "\"trial\":1", "\"trial\":1e40"), "file:4: 'trial' is no integer in range"},
      {Changed(good, "\"samples\":[0.5", "\"samples\":[null"), "'samples' is no list of numbers"},
      {Changed(good, "\"number\":2", "\"number\":3"), "file:5: its number does not follow"},
      {Changed(good, "{\"end\":{\"records\":3", "{\"end\":{\"records\":4"), "another number of"},
  };
  for (const auto& [text, message] : cases) {
    auto copy = NewMemoryStore();
    absl::Status status = Import(*copy, text).status();
    EXPECT_FALSE(status.ok()) << message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    EXPECT_EQ(copy->Stats()->records, 0) << message;
    EXPECT_EQ(copy->Devices()->size(), 0u) << message;
  }
}

// What a file says of itself is not believed where it can be computed.
TEST(ExchangeTest, TasksMustBeWhatTheirFunctionsSay) {
  const Task task = MatmulTask(8), other = MatmulTask(16);
  struct Case {
    std::string problem;
    std::function<void(Task&)> spoil;
  };
  auto retext = [](Task& task, const std::string& text) {
    task.function_text = text;
    task.function_hash = FunctionHash(task.key_version, text);
  };
  const Case cases[] = {
      {"its key is not that of its function",
       [&](Task& t) { t.function_hash = task.function_hash; }},
      {"its family is not that of its function",
       [&](Task& t) { t.family_hash = Sha256Hex("another family"); }},
      {"its key is of version 2, this Lathe makes version 1",
       [&](Task& t) {
         t.key_version = 2;
         retext(t, t.function_text);
       }},
      {"its function:1:1: ", [&](Task& t) { retext(t, "func"); }},
      {"its function's text is not canonical",
       [&](Task& t) { retext(t, "# the same\n" + t.function_text); }},
      {"its target is not known here: pentium", [](Task& t) { t.target = "pentium"; }},
      {"its target 'host' is only a name", [](Task& t) { t.target = "host"; }},
      {"its target 'x86-64-v3' is only a name", [](Task& t) { t.target = "x86-64-v3"; }},
  };
  const std::string good = Export(*SmallStore());
  auto line = [](const Task& task) {
    std::string text = TaskToJson(task).dump();
    return text.substr(1, text.size() - 2);
  };
  for (const Case& c : cases) {
    Task spoiled = other;
    c.spoil(spoiled);
    auto copy = NewMemoryStore();
    absl::Status status = Import(*copy, Changed(good, line(other), line(spoiled))).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.problem;
    EXPECT_THAT(std::string(status.message()),
                ::testing::AllOf(HasSubstr("file:5: " + c.problem), HasSubstr("export it again")));
    EXPECT_EQ(copy->Stats()->records, 0) << c.problem;
    // A database that says so is refused as well, unless it could not even be written.
    auto from = SmallStore();
    if (!from->AddRecords({TestRecord(9, 1, spoiled)}).ok()) continue;
    absl::Status merged = MergeRecords(*copy, "other.db", *from).status();
    EXPECT_EQ(merged.code(), absl::StatusCode::kInvalidArgument) << c.problem;
    EXPECT_THAT(std::string(merged.message()),
                ::testing::AllOf(HasSubstr("other.db: task of "), HasSubstr(c.problem)));
    EXPECT_EQ(copy->Stats()->records, 0) << c.problem;
  }
  EXPECT_EQ(task.family_hash, other.family_hash);
}

TEST(ExchangeTest, ConflictsAreCountedAndOursStay) {
  auto store = SmallStore();
  const std::string text = Changed(Export(*store), "\"median\":0.5", "\"median\":0.501");
  auto summary = Import(*store, text);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->records, 3);
  EXPECT_EQ(summary->present, 2);
  EXPECT_EQ(summary->conflicting, 1);
  EXPECT_EQ(summary->first_conflict, TestUuid(1));
  EXPECT_EQ(All(*store)[TestUuid(1)].median, 0.5);
}

// Any single byte that changes is found, or was in no way part of the data.
TEST(ExchangeTest, NoDamageIsTaken) {
  constexpr uint64_t kSeed = 99;
  std::cout << "seed " << kSeed << std::endl;
  std::mt19937_64 random(kSeed);
  auto store = SmallStore();
  const std::string good = Export(*store);
  for (int n = 0; n < 1500; ++n) {
    std::string bad = good;
    const size_t at = random() % bad.size();
    switch (random() % 3) {
      case 0:
        bad[at] = static_cast<char>(bad[at] ^ (1 << random() % 8));
        break;
      case 1:
        bad.erase(at, 1 + random() % 50);
        break;
      default:
        bad.insert(at, bad.substr(random() % bad.size(), 1 + random() % 200));
    }
    auto copy = NewMemoryStore();
    if (!Import(*copy, bad).ok()) {
      EXPECT_EQ(copy->Stats()->records, 0);
      continue;
    }
    std::map<std::string, Record> records = All(*copy);
    ASSERT_EQ(records.size(), 3u) << at;
    for (const Record& record : SmallRecords()) {
      ASSERT_EQ(Difference(records[record.id], record), "") << at;
    }
  }
}

}  // namespace
}  // namespace lathe
