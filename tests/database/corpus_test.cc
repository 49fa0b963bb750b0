// Databases of released schemas must load for ever.
#include <filesystem>
#include <string>
#include <vector>

#include "database/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "test_records.h"

namespace lathe {
namespace {

namespace fs = std::filesystem;

class CorpusTest : public ::testing::TestWithParam<const char*> {};

TEST_P(CorpusTest, LoadsAndKeepsItsRecords) {
  fs::path directory = fs::path(::testing::TempDir()) / ("lathe-corpus-" + NewUuid());
  fs::create_directories(directory);
  fs::path copy = directory / GetParam();
  fs::copy_file(fs::path(LATHE_SOURCE_DIR) / "tests/corpus/database" / GetParam(), copy);
  auto store = OpenSqliteStore(copy);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_THAT(*(*store)->Verify(), ::testing::IsEmpty());
  EXPECT_EQ((*store)->FindDevice(kTestDevice).value()->name, "board");
  std::vector<Record> expected = CorpusRecords();
  EXPECT_EQ((*store)->Stats()->records, static_cast<int64_t>(expected.size()));
  for (const Record& record : expected) {
    bool found = false;
    auto records = (*store)->Records(record.task);
    ASSERT_TRUE(records.ok()) << records.status();
    for (const Record& stored : *records) {
      if (stored.id != record.id) continue;
      found = true;
      EXPECT_EQ(Difference(stored, record), "");
    }
    EXPECT_TRUE(found) << record.id;
  }
  EXPECT_TRUE((*store)->AddRecords({TestRecord(1000, 1)}).ok());
  fs::remove_all(directory);
}

INSTANTIATE_TEST_SUITE_P(All, CorpusTest, ::testing::Values("v1.db", "v2.db", "v3.db", "v5.db"),
                         [](const auto& info) { return std::string(info.param, 2); });

}  // namespace
}  // namespace lathe
