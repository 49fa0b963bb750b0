// The lines of a tuning journal: one JSON object for the options of a run, and one for
// each event of it.
#ifndef LATHE_TUNER_JOURNAL_LINES_H_
#define LATHE_TUNER_JOURNAL_LINES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "tuner/auto_stop.h"
#include "tuner/search.h"

namespace lathe {

// All that decisions depend on, besides the events.
struct JournalHeader {
  std::string lathe_version;
  std::string function;  // text
  std::string target;    // ToText(Target)
  int threads = 1;
  std::string regime, accuracy;
  std::string search;  // "model", "evolution", "random"
  uint64_t seed = 1;
  std::string space_digest;  // SpaceDigest
  std::vector<std::string> transferred;
  std::string model;    // bytes of the cost model it began with; "" without one
  std::string options;  // JSON of everything else, for people
};

// Candidates in events have no settings, and traces only where no decisions or no sketch
// says what they are.
struct SuggestEvent {
  int wanted = 0;
  std::vector<Candidate> candidates;
};
struct UpdateEvent {
  std::vector<Outcome> outcomes;
};
// A session began, and what limits it.
struct SessionEvent {
  int64_t trials = 0;   // at most, those of earlier runs included
  int64_t resumed = 0;  // of earlier runs
  AutoStop auto_stop;
  std::string default_trace;
  int finalists = 0;  // besides the default and the incumbent
  int blocks = 0;     // of a promotion; 0: none
};
// A trial that counts ended.
struct TrialEvent {
  double seconds = 0;  // infinite: it failed
};
// The search ended; once more with kCancelled if the end of the session was cut short.
struct StopEvent {
  StopReason reason = StopReason::kTrials;
  int64_t trials = 0;  // of this run
};
struct FinalistsEvent {
  std::optional<std::string> incumbent;  // trace
  std::vector<std::string> finalists;    // traces
  std::vector<size_t> built;             // those of `finalists` that build, without doubles
};
// One comparison of what was built.
struct ComparisonEvent {
  size_t rounds = 1;                         // of a block
  std::vector<std::vector<double>> samples;  // as PairedTimes::samples
  std::optional<size_t> winner;
  bool again = false;
};
struct EndEvent {
  std::string result;  // a JSON object
};
using JournalEvent = std::variant<SuggestEvent, UpdateEvent, SessionEvent, TrialEvent, StopEvent,
                                  FinalistsEvent, ComparisonEvent, EndEvent>;

// Without the end of the line.
std::string LineOf(const JournalHeader& header);
std::string LineOf(const JournalEvent& event);
// DataLoss for what is no JSON object, as a line that was cut off; InvalidArgument,
// saying what is wrong, for another line than asked for or one with impossible contents.
absl::StatusOr<JournalHeader> ParseJournalHeader(const std::string& line);
absl::StatusOr<JournalEvent> ParseJournalEvent(const std::string& line);

}  // namespace lathe

#endif  // LATHE_TUNER_JOURNAL_LINES_H_
