// What `lathe tune` and its replay print.
#ifndef LATHE_CLI_TUNE_RESULT_H_
#define LATHE_CLI_TUNE_RESULT_H_

#include <optional>

#include "cli/output.h"
#include "compiler/tensor/function.h"
#include "database/store.h"
#include "tuner/tune_session.h"

namespace lathe::cli {

// `best` is the served record, its trace in the author's names.
Json ToJson(const TuneResult& result, const std::optional<Record>& best, uint64_t seed);

// That JSON for people.
void PrintTuneResult(const Json& result, const Function& function);

}  // namespace lathe::cli

#endif  // LATHE_CLI_TUNE_RESULT_H_
