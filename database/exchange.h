// Records as JSON lines: `lathe db export` and `lathe db import`.
//
//   {"lathe_records":1,"lathe_version":"0.1.0"}
//   {"device":{...}}                                 those that records name
//   {"task":{"number":1,...}}  {"record":{"task":1,...}}  ...
//   {"end":{"records":2,"sha256":"..."}}             of all bytes before this line
#ifndef LATHE_DATABASE_EXCHANGE_H_
#define LATHE_DATABASE_EXCHANGE_H_

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "database/store.h"

namespace lathe {

// Writes the records that `filter` means; how many. Unavailable if `out` fails.
absl::StatusOr<int64_t> ExportRecords(RecordStore& store, const RecordFilter& filter,
                                      std::ostream& out);

// Reads what ExportRecords wrote; `name` is the file's, for messages. Checks
// every task (CheckForeignTask), every record and the digest. All or nothing:
// InvalidArgument or DataLoss naming file and line, with the store as it was.
absl::StatusOr<ImportSummary> ImportRecords(RecordStore& store, const std::string& name,
                                            std::istream& in);

// Adds the devices and records of `from`, the database `name`, checked likewise.
absl::StatusOr<ImportSummary> MergeRecords(RecordStore& store, const std::string& name,
                                           RecordStore& from);

}  // namespace lathe

#endif  // LATHE_DATABASE_EXCHANGE_H_
