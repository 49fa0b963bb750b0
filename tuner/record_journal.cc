#include "tuner/record_journal.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "compiler/base/status_macros.h"

namespace lathe {

absl::Status RecordJournal::Add(Record record) {
  pending_.push_back(std::move(record));
  oldest_ = std::min(oldest_, absl::Now());
  return pending_.size() >= kBatch ? Flush() : FlushIfOld();
}

absl::Status RecordJournal::FlushIfOld() {
  return absl::Now() - oldest_ >= kMaxAge ? Flush() : absl::OkStatus();
}

absl::Status RecordJournal::Flush() {
  if (pending_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(store_.AddRecords(pending_));
  pending_.clear();
  oldest_ = absl::InfiniteFuture();
  return absl::OkStatus();
}

}  // namespace lathe
