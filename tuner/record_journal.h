// Writes records to a store in small batches, soon after they are known.
#ifndef LATHE_TUNER_RECORD_JOURNAL_H_
#define LATHE_TUNER_RECORD_JOURNAL_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "database/store.h"

namespace lathe {

// One thread. What was added but not flushed is lost with the process: at most
// kBatch - 1 records or kMaxAge of work.
class RecordJournal {
 public:
  static constexpr size_t kBatch = 8;
  static constexpr absl::Duration kMaxAge = absl::Seconds(1);

  explicit RecordJournal(RecordStore* store) : store_(*store) {}

  // Flushes when the batch is full or its first record is old.
  absl::Status Add(Record record);
  absl::Status FlushIfOld();
  absl::Status Flush();

 private:
  RecordStore& store_;
  std::vector<Record> pending_;
  absl::Time oldest_ = absl::InfiniteFuture();
};

}  // namespace lathe

#endif  // LATHE_TUNER_RECORD_JOURNAL_H_
