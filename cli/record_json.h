// Records and tasks as JSON, the same in every command.
#ifndef LATHE_CLI_RECORD_JSON_H_
#define LATHE_CLI_RECORD_JSON_H_

#include "cli/output.h"
#include "database/store.h"

namespace lathe::cli {

Json ToJson(const Task& task);
Json ToJson(const Record& record);

}  // namespace lathe::cli

#endif  // LATHE_CLI_RECORD_JSON_H_
