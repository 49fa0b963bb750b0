// Records for tests of stores.
#ifndef LATHE_TESTS_DATABASE_TEST_RECORDS_H_
#define LATHE_TESTS_DATABASE_TEST_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "database/store.h"

namespace lathe {

inline constexpr char kTestDevice[] = "00000000-0000-4000-8000-0000000000d1";

// A UUID that ends in `number`.
std::string TestUuid(int64_t number);
DeviceRow TestDevice();
Task TestTask(const std::string& function_text = "func");
// An ok record with id TestUuid(number), all fields set, created at `number` ms.
Record TestRecord(int64_t number, double median, const Task& task = TestTask());

// What the files of tests/corpus/database hold: never change these.
std::vector<Record> CorpusRecords();

// Every field; empty if equal, else the name of one that differs.
std::string Difference(const Record& a, const Record& b);

}  // namespace lathe

#endif  // LATHE_TESTS_DATABASE_TEST_RECORDS_H_
