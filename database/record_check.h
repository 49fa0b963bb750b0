// What every store requires of what it is given.
#ifndef LATHE_DATABASE_RECORD_CHECK_H_
#define LATHE_DATABASE_RECORD_CHECK_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "database/store.h"

namespace lathe {

// InvalidArgument naming the record and the field that is malformed: ids that
// are no UUIDs, hashes that do not fit their text, numbers that are not finite,
// and, of an ok record, times that cannot be.
absl::Status CheckRecord(const Record& record);
absl::Status CheckDevice(const DeviceRow& device);

// What a task from elsewhere must be besides, as everything that is found by it
// depends on it: key and family follow from the text of its function, which is
// canonical, and its target means the same on every machine.
absl::Status CheckForeignTask(const Task& task);

// The error for a record whose device was never put.
absl::Status UnknownDevice(const Record& record);

// FunctionKey::hash of a canonical text.
std::string FunctionHash(int key_version, std::string_view text);

}  // namespace lathe

#endif  // LATHE_DATABASE_RECORD_CHECK_H_
