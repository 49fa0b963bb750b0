// Devices, tasks and records as JSON, exactly: what exports consist of.
#ifndef LATHE_DATABASE_RECORD_LINES_H_
#define LATHE_DATABASE_RECORD_LINES_H_

#include <string>

#include "absl/status/statusor.h"
#include "database/store.h"
#include "nlohmann/json.hpp"

namespace lathe {

using Json = nlohmann::ordered_json;

Json DeviceToJson(const DeviceRow& device);
Json TaskToJson(const Task& task);
Json RecordToJson(const Record& record);  // without its task
// Without its end. Bytes that are no UTF-8, as tools' messages may hold, are replaced.
std::string ToLine(const Json& json);

// InvalidArgument naming the first field that is missing, of another type or out
// of range. Unknown fields are ignored: newer versions may add some.
absl::StatusOr<DeviceRow> DeviceFromJson(const Json& json);
absl::StatusOr<Task> TaskFromJson(const Json& json);
absl::StatusOr<Record> RecordFromJson(const Json& json);

// Whether two records export alike, but for the name of their function, which is
// the store's, and for its family, which follows from its text.
bool SameContent(const Record& a, const Record& b);
// Counts a record that is given to an import where `stored` has its id.
void CountExisting(const Record& stored, const Record& given, ImportSummary& summary);

}  // namespace lathe

#endif  // LATHE_DATABASE_RECORD_LINES_H_
