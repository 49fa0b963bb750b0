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
#include "tuner/paired.h"
#include "tuner/problem.h"

namespace lathe {

struct RevalidateOptions {
  Problem problem;             // of the task
  size_t top = 3;              // traces: the served one and the fastest others; to kMaxPaired
  int blocks = kPairedBlocks;  // in which they are timed in turn
  bool force = false;          // also a task whose served record is current
};

struct Revalidated {
  Record before;              // the record of the trace that made it a candidate
  std::optional<Record> now;  // of the comparison that decided; none if it has no time
  std::string error;          // why, then
};
struct RevalidateReport {
  bool current = false;  // the served record is of this compiler: nothing was done
  std::vector<Revalidated> traces;
  int winner = -1;  // in `traces`, now served; -1: none is right any more
};

// Builds the best traces of a task as they stand (one that does not replay any more
// by its decisions), decides between them as a promotion does (DecidePromotion: the
// served one stays unless another is significantly faster), and adds the records. The
// task's records stay. Errors are TuneSession::Run's, and NotFound for
// a task without an ok record; then nothing is added.
absl::StatusOr<RevalidateReport> Revalidate(RecordStore& store, const Task& task,
                                            const RevalidateOptions& options, Builder& builder,
                                            MeasureService& measurer,
                                            const Cancellation* cancellation = nullptr);

}  // namespace lathe

#endif  // LATHE_TUNER_REVALIDATE_H_
