// Tuning of one task: compiles ahead while the device measures, records every
// trial, resumes from the store, and promotes a winner.
#ifndef LATHE_TUNER_TUNE_SESSION_H_
#define LATHE_TUNER_TUNE_SESSION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "database/store.h"
#include "tuner/auto_stop.h"
#include "tuner/builder.h"
#include "tuner/cancellation.h"
#include "tuner/event_queue.h"
#include "tuner/measure_service.h"
#include "tuner/paired.h"
#include "tuner/problem.h"
#include "tuner/record_journal.h"
#include "tuner/reference_check.h"
#include "tuner/search.h"
#include "tuner/search_journal.h"
#include "tuner/trial.h"

namespace lathe {

struct TuneOptions {
  Problem problem;
  Trace default_trace;            // the task's default candidate (DefaultTrace)
  std::string default_decisions;  // its setting in words
  // Traces with a record, those of earlier runs included; naive is not counted.
  int64_t trials = std::numeric_limits<int64_t>::max();
  absl::Duration budget = absl::InfiniteDuration();  // of this run, without promotion
  bool alternate = false;  // compiling and timing must not overlap (CorePlan)
  // Blocks (MeasurePaired) in which the finalists are timed in turn; 0: no promotion.
  int promotion_rounds = kPairedBlocks;
  int finalists = 3;  // besides the default and the incumbent
  AutoStop auto_stop;
  bool naive = true;  // measured too, at the end, unless that would take too long
  absl::Duration device_wait = absl::Seconds(30);
};

// A time per call, in seconds, with the 95 % confidence interval of the median.
struct Measured {
  double median = 0, ci_low = 0, ci_high = 0;
  bool operator==(const Measured&) const = default;
};

struct TuneProgress {
  int64_t done = 0;   // of `total`, as TuneOptions::trials counts
  int64_t total = 0;  // the maximum of int64_t: no limit
  int64_t resumed = 0;
  std::map<RecordStatus, int64_t> statuses;              // done - resumed by status
  std::optional<double> best, default_candidate, naive;  // seconds per call
  absl::Duration elapsed;
  double trials_per_second = 0;                   // of this run
  absl::Duration eta = absl::InfiniteDuration();  // an automatic stop may come earlier
  // The gain expected of the next AutoStop::horizon trials, a share of `best`.
  std::optional<double> forecast;
};

struct TuneResult {
  Task task;
  v1::Device device;
  std::optional<Measured> best, default_candidate, naive;  // absent: none was ok
  // What RecordStore::Best serves for the task when the run ends.
  std::string best_trace;  // text; "" if there is no best
  bool promoted = false;   // it won paired runs; false where nothing was paired
  StopReason stop = StopReason::kTrials;
  int64_t done = 0, resumed = 0, duplicates = 0;
  int64_t repeats = 0;             // of candidates that the search wanted again
  std::optional<double> forecast;  // as in TuneProgress, at the end
  // done - resumed by status: the trials of this run, of which naive, repeats and
  // the rounds of the promotion are none.
  std::map<RecordStatus, int64_t> statuses;
  absl::Duration elapsed;
};

// Where a session works. Nothing is owned; all must outlive it.
struct TuneServices {
  RecordStore* store = nullptr;
  Search* search = nullptr;
  Builder* builder = nullptr;
  MeasureService* measurer = nullptr;
  const Cancellation* cancellation = nullptr;            // may be null
  JournalWriter* journal = nullptr;                      // may be null; see NewJournalledSearch
  std::function<void(const TuneProgress&)> on_progress;  // may be empty; called by Run's thread
};

// One task's tuning. Not thread-safe; builder and measurer may call back from any
// thread. Errors end it, with all that was measured in the store: the reference
// does not build (Unimplemented: code generation cannot do this function yet) or is
// wrong (Internal), no device (Unavailable), one that cannot run code for the target
// (FailedPrecondition), the store fails, or Cancelled before there was a device;
// later a cancellation is a result.
class TuneSession {
 public:
  TuneSession(TuneOptions options, TuneServices services);

  // The whole: Start, Advance to the limits of the options, Conclude. Call once.
  absl::StatusOr<TuneResult> Run();

  // In slices, so that many tasks share a device. Start once: waits for the device,
  // teaches the search what the store knows, builds the reference.
  absl::Status Start();
  // Up to so many trials more (by `budget` from now), within the limits of the
  // options; the default candidate is the first. Returns with nothing under way.
  absl::StatusOr<StopReason> Advance(int64_t trials, absl::Duration budget);
  // Naive and promotion, if the options want them, and the summary. Call once.
  absl::StatusOr<TuneResult> Conclude();
  TuneProgress Progress() const;  // so far

 private:
  // Shared with the callbacks of builder and measurer, one of which owns it at
  // a time.
  using TrialPtr = std::shared_ptr<Trial>;
  struct Event {
    TrialPtr trial;  // with its `build` or its `outcome` filled in
    bool measured = false;
  };
  // What is known of a lowered program.
  struct Known {
    bool finished = false;
    std::optional<Measured> time;   // if it was ok
    std::vector<TrialPtr> waiting;  // the same program from other traces
  };

  // tune_session.cc: the pipeline.
  absl::Status BuildReference();
  absl::Status Loop();
  absl::Status MeasureNaive();
  TrialPtr NextTrial();
  std::optional<Candidate> NextCandidate();
  void StartBuilds();
  absl::Status StartMeasurements();
  absl::Status OnBuilt(TrialPtr trial);
  absl::Status OnMeasured(TrialPtr trial);
  absl::Status Finish(TrialPtr trial);
  bool budget_is_over() const;
  bool IsLate(const Trial& trial) const;

  // tune_knowledge.cc: what results teach.
  absl::Status Resume();
  void AddBaseline(TrialRole role, Candidate candidate);
  // An outcome of `trial` or of one with the same program: tells the search.
  void Learn(const Trial& trial, const std::optional<Measured>& time);
  // The best time known so far of any trace.
  std::optional<std::pair<std::string, Measured>> Best() const;
  std::optional<Measured> TimeOf(const std::string& trace) const;
  double AbandonAbove(TrialRole role) const;
  double Timeout(TrialRole role) const;
  JobOptions OptionsFor(TrialRole role) const;
  void JournalStop() const;
  void Report() const;
  // What the store serves in the end, with the times of the baselines.
  absl::Status Summarize();

  // tune_promotion.cc: the finalists, timed in turn at the end.
  absl::Status Promote();
  void Identify(Trial& trial);  // a new id and the next number
  absl::StatusOr<std::vector<TrialPtr>> BuildFinalists(const std::vector<std::string>& traces,
                                                       std::vector<size_t>& built);

  const TuneOptions options_;
  const TuneServices services_;
  RecordJournal journal_;
  const std::shared_ptr<EventQueue<Event>> events_;
  absl::Time started_;
  // Limits of the slice under way.
  int64_t slice_trials_ = 0;  // as started_trials_ counts
  absl::Time slice_end_ = absl::InfiniteFuture();
  TuneResult result_;
  std::optional<ReferenceCheck> reference_;
  const std::string naive_trace_, default_trace_;  // texts

  // The pipeline.
  std::vector<TrialPtr> baselines_;             // to be built first, last one first
  std::deque<TrialPtr> built_;                  // ready to be measured, oldest first
  std::deque<Candidate> suggested_;             // not yet tried
  absl::flat_hash_set<std::string> measuring_;  // trial ids
  int building_ = 0;
  bool measure_phase_ = false;  // when alternating
  bool search_is_dry_ = false;  // no suggestion since the last result

  // What is known.
  absl::flat_hash_set<std::string> traces_;                  // texts that were started or recorded
  absl::flat_hash_map<std::string, std::string> decisions_;  // by trace text
  absl::flat_hash_map<std::string, Known> programs_;         // by program hash
  std::map<std::string, Measured> ok_;                       // latest time by trace text
  int64_t started_trials_ = 0;                               // counted as TuneOptions::trials does
  int64_t next_number_ = 1;
  double longest_ok_ = 0;      // wall seconds of a lease
  double first_lease_ = 0;     // wall seconds of the one that ran the reference
  std::vector<double> times_;  // of this run's trials in order; infinite: not ok
};

}  // namespace lathe

#endif  // LATHE_TUNER_TUNE_SESSION_H_
