// Measuring again what a database serves, after the compiler has changed.
#ifndef LATHE_TUNER_REVALIDATE_H_
#define LATHE_TUNER_REVALIDATE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "database/store.h"
#include "tuner/builder.h"
#include "tuner/cancellation.h"
#include "tuner/measure_service.h"
#include "tuner/problem.h"

namespace lathe {

struct RevalidateOptions {
  Problem problem;     // of the task
  int top = 3;         // traces: the served one and the fastest others
  int rounds = 6;      // interleaved runs of each: equal kernels win all with 1/64
  bool force = false;  // also a task whose served record is current
};

struct Revalidated {
  Record before;              // the record of the trace that made it a candidate
  std::optional<Record> now;  // of its middle round; none if it failed in one
  std::string error;          // then
};
struct RevalidateReport {
  bool current = false;  // the served record is of this compiler: nothing was done
  std::vector<Revalidated> traces;
  int winner = -1;  // in `traces`, now served; -1: none is right any more
};

// Builds the best traces of a task as they stand (one that does not replay any more
// by its decisions), checks and times them in turn, and adds the records, the
// winner's promoted: the served one, unless another is faster in every round. The
// task's records stay. Errors are TuneSession::Run's, and NotFound for
// a task without an ok record.
absl::StatusOr<RevalidateReport> Revalidate(RecordStore& store, const Task& task,
                                            const RevalidateOptions& options, Builder& builder,
                                            MeasureService& measurer,
                                            const Cancellation* cancellation = nullptr);

}  // namespace lathe

#endif  // LATHE_TUNER_REVALIDATE_H_
