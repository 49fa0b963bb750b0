// One candidate on its way through build and measurement.
#ifndef LATHE_TUNER_TRIAL_H_
#define LATHE_TUNER_TRIAL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "database/store.h"
#include "lathe/v1/build.pb.h"
#include "tuner/measure_service.h"
#include "tuner/problem.h"
#include "tuner/reference_check.h"
#include "tuner/search.h"

namespace lathe {

// A repeat is a candidate of the search once more, timed in full.
enum class TrialRole : uint8_t { kNaive, kDefault, kSearch, kRepeat, kPromotion };

struct Trial {
  std::string id;  // UUID: of its record and of its lease
  int64_t number = 0;
  TrialRole role = TrialRole::kSearch;
  Candidate candidate;
  std::string trace;   // text of the candidate's
  std::string search;  // who proposed it, for the record
  v1::BuildResponse build;
  MeasureOutcome outcome;
};

// What the builder is asked for a trial's artifact.
v1::BuildRequest BuildRequestFor(const Problem& problem, const std::string& trace);

struct JobOptions {
  std::string function_key;  // hash
  std::string device_kind;   // empty: any
  double abandon_above = 0;  // seconds per call; 0: never
  double timeout = 60;       // seconds
};
// The job that checks and times a built trial. A naive kernel gets few samples,
// and one set of inputs once the reference is proved: one call of it may take
// seconds. DataLoss for malformed metadata.
absl::StatusOr<MeasureJob> MeasureJobFor(const Problem& problem, const Trial& trial,
                                         const ReferenceCheck& reference,
                                         const JobOptions& options);

// The record of a trial that was built, and measured if the build succeeded.
// `task` names the device kind.
Record RecordOf(const Task& task, const Trial& trial);

RecordStatus StatusOf(const Trial& trial);

}  // namespace lathe

#endif  // LATHE_TUNER_TRIAL_H_
