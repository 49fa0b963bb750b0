// Look-up with the compiler's help: recorded traces proved by replay, and those of
// near shapes refitted.
#ifndef LATHE_TUNER_LOOKUP_H_
#define LATHE_TUNER_LOOKUP_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/schedule/trace.h"
#include "database/lookup.h"
#include "database/store.h"

namespace lathe {

struct FoundSchedule {
  Verdict verdict = Verdict::kNone;
  std::optional<Record> record;  // that was measured; for kNearest of another shape
  Trace trace;                   // for the queried function, in canonical names
  std::string decisions;         // of the trace, where known
  std::string reason;            // why not exact, for people
  // kNearest: doublings between the shapes, and by how much the trace is expected
  // to be slower than what tuning would find (0.05: by 5 %).
  double distance = 0, expected_loss = 0;
  int calibration_pairs = 0;  // of the database, behind the expectation
};

struct FindOptions {
  double max_loss = 0;      // expected; 0: never nearest
  size_t near_records = 8;  // to consider
};

// What Lookup finds, if its trace still gives the program that was measured: a
// stale record is never served, and the best of the task that is not takes its
// place. Else the trace of a near shape of the least expected loss, refitted and
// proved legal by replay, verification and lowering, if the loss is within bounds.
absl::StatusOr<FoundSchedule> FindSchedule(RecordStore& store, const Query& query,
                                           const FindOptions& options = {});

// The trace of a record if it gives the program that was measured; else
// FailedPrecondition saying why it is stale. `canonical`: Canonicalize.
absl::StatusOr<Trace> FreshTrace(const Record& record, const Function& canonical);

// What a refit loses by the distance alone, before a database has told better.
double PriorLoss(double distance);

}  // namespace lathe

#endif  // LATHE_TUNER_LOOKUP_H_
