// Look-up at compile time: which record may serve a query, and how surely.
#ifndef LATHE_DATABASE_LOOKUP_H_
#define LATHE_DATABASE_LOOKUP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"
#include "database/store.h"

namespace lathe {

// kExact: the same task. kCompatible: the same function, measured on another
// device kind or for another target whose required features the queried
// target has; a record of a function without const arguments may serve its
// const variant, never the reverse. kNearest: another shape's schedule, refitted
// (tuner/lookup.h). kNone: nothing may be served.
enum class Verdict : uint8_t { kExact, kCompatible, kNearest, kNone };
std::string_view Name(Verdict verdict);

struct Query {
  Function function;
  Target target;
  std::string device_kind;  // empty: any kind counts as exact for the target
  int threads = 1;
  Regime regime = Regime::kWarm;
  Accuracy accuracy = Accuracy::kStrict;
};

struct LookupResult {
  Verdict verdict = Verdict::kNone;
  std::optional<Record> record;  // none for kNone
  std::string reason;            // why not exact, for people
};

absl::StatusOr<LookupResult> Lookup(RecordStore& store, const Query& query);

// The record of exactly `task`, whose target is `target`, if its kernel runs
// there: what Lookup tries first, for callers that keep the task of a query.
absl::StatusOr<std::optional<Record>> LookupExact(RecordStore& store, const Task& task,
                                                  const Target& target);

// What is served for other shapes of the query's family, nearest first, at most
// `limit`: for the same threads, regime and architecture. Whether a schedule fits
// the queried shape is for others to find out (tuner/lookup.h).
struct NearRecord {
  Record record;
  double distance = 0;  // ShapeDistance
};
absl::StatusOr<std::vector<NearRecord>> NearestRecords(RecordStore& store, const Query& query,
                                                       size_t limit = 8);

// The task of a query.
Task TaskOf(const Query& query);

}  // namespace lathe

#endif  // LATHE_DATABASE_LOOKUP_H_
