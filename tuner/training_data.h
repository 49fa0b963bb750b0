// Rows for cost models, from the records of a database.
#ifndef LATHE_TUNER_TRAINING_DATA_H_
#define LATHE_TUNER_TRAINING_DATA_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "database/store.h"
#include "tuner/cost_model.h"

namespace lathe {

struct TrainingDataOptions {
  // Which tasks to take; empty: all.
  std::function<bool(const Task&)> wants;
  // Of a task with more records the newest so many.
  int64_t max_records_per_task = std::numeric_limits<int64_t>::max();
};

struct TrainingData {
  std::vector<TrainingRow> rows;            // task by task
  std::map<std::string, Task> tasks;        // by TrainingRow::group; of those with rows
  int64_t records = 0;                      // ok or abandoned, of the tasks taken
  int64_t without_decisions = 0;            // of a trace that no sketch made
  int64_t not_in_space = 0;                 // decisions of another version's sketches
  std::vector<std::string> unusable_tasks;  // why: a target or function that does not parse
};

// A row for each candidate of each task that today's space still has: its features
// computed anew, its time the geometric mean of those of its ok records; that of
// its abandoned ones where none is ok. Candidates of which neither is known teach
// nothing. Errors are those of the store.
absl::StatusOr<TrainingData> TrainingDataOf(RecordStore& store,
                                            const TrainingDataOptions& options = {});

// The group of a task's rows: equal for equal tasks only.
std::string GroupOf(const Task& task);

}  // namespace lathe

#endif  // LATHE_TUNER_TRAINING_DATA_H_
