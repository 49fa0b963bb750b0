// Devices, tasks and records as JSON, exactly: what exports consist of.
#ifndef LATHE_DATABASE_RECORD_LINES_H_
#define LATHE_DATABASE_RECORD_LINES_H_

#include "absl/status/statusor.h"
#include "database/store.h"
#include "nlohmann/json.hpp"

namespace lathe {

using Json = nlohmann::ordered_json;

Json DeviceToJson(const DeviceRow& device);
Json TaskToJson(const Task& task);
Json RecordToJson(const Record& record);  // without its task

// InvalidArgument naming the first field that is missing, of another type or out
// of range. Unknown fields are ignored: newer versions may add some.
absl::StatusOr<DeviceRow> DeviceFromJson(const Json& json);
absl::StatusOr<Task> TaskFromJson(const Json& json);
absl::StatusOr<Record> RecordFromJson(const Json& json);

}  // namespace lathe

#endif  // LATHE_DATABASE_RECORD_LINES_H_
