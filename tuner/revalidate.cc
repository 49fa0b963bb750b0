#include "tuner/revalidate.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "compiler/space/space.h"
#include "tuner/reference_check.h"
#include "tuner/trial.h"

namespace lathe {
namespace {

// A trace on its way through build and rounds.
struct Contender {
  Record before;
  Trial trial;
  std::vector<Record> rounds;  // the ok ones
  std::string error;
};

// The served record first, then the fastest ok ones of other traces.
std::vector<Record> TopRecords(const Record& served, std::vector<Record> records, int top) {
  std::erase_if(records, [](const Record& r) { return r.status != RecordStatus::kOk; });
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return a.median < b.median; });
  std::vector<Record> chosen = {served};
  absl::flat_hash_set<std::string> traces = {served.trace};
  for (Record& record : records) {
    if (chosen.size() >= static_cast<size_t>(top)) break;
    if (traces.insert(record.trace).second) chosen.push_back(std::move(record));
  }
  return chosen;
}

class Session {
 public:
  Session(RecordStore& store, const Task& task, const RevalidateOptions& options, Builder& builder,
          MeasureService& measurer, const Cancellation* cancellation)
      : store_(store),
        task_(task),
        options_(options),
        builder_(builder),
        measurer_(measurer),
        cancellation_(cancellation) {}

  absl::StatusOr<RevalidateReport> Run() {
    ASSIGN_OR_RETURN(std::optional<Record> served, store_.Best(task_));
    if (!served) return absl::NotFoundError("the task has no ok record");
    ASSIGN_OR_RETURN(std::vector<Record> records, store_.Records(task_));
    for (const Record& record : records) next_number_ = std::max(next_number_, record.trial + 1);
    for (Record& record : TopRecords(*served, std::move(records), options_.top)) {
      Contender contender;
      contender.before = std::move(record);
      RETURN_IF_ERROR(Build(contender));
      if (contenders_.empty() && !options_.force && IsCurrent(contender)) {
        RevalidateReport report;
        report.current = true;
        return report;
      }
      contenders_.push_back(std::move(contender));
    }
    ASSIGN_OR_RETURN(ReferenceCheck reference,
                     ReferenceCheck::Build(options_.problem, builder_, cancellation_));
    absl::Status status = MeasureRounds(reference);
    RevalidateReport report = Judge();
    // At once: a promotion is in the store whole or not at all.
    RETURN_IF_ERROR(store_.AddRecords(measured_));
    RETURN_IF_ERROR(status);
    return report;
  }

 private:
  absl::Status Build(Contender& contender) {
    Trial& trial = contender.trial;
    trial.role = TrialRole::kPromotion;
    trial.trace = contender.before.trace;
    trial.candidate.decisions = contender.before.decisions;
    ASSIGN_OR_RETURN(trial.build, BuildTrace(trial.trace));
    if (trial.build.status() == v1::BUILD_STATUS_OK || trial.candidate.decisions.empty()) {
      return absl::OkStatus();
    }
    // Its primitives may have changed; what it decided still has a meaning.
    ASSIGN_OR_RETURN(Space space, SketchesOf(options_.problem.function,
                                             {options_.problem.target, options_.problem.threads}));
    auto refit = RefitSetting(space, trial.candidate.decisions);
    if (!refit) return absl::OkStatus();
    const Sketch& sketch = *space[static_cast<size_t>(refit->first)];
    trial.trace = ToText(sketch.Instantiate(refit->second));
    trial.candidate.decisions = DecisionsText(sketch, refit->second);
    ASSIGN_OR_RETURN(trial.build, BuildTrace(trial.trace));
    return absl::OkStatus();
  }

  absl::StatusOr<v1::BuildResponse> BuildTrace(const std::string& trace) {
    return Await(StartBuild(builder_, BuildRequestFor(options_.problem, trace)), cancellation_);
  }

  static bool IsCurrent(const Contender& contender) {
    const Record& before = contender.before;
    const v1::BuildResponse& build = contender.trial.build;
    return build.status() == v1::BUILD_STATUS_OK && before.lathe_version == LatheVersion() &&
           before.llvm_version == build.llvm_version() &&
           before.program_hash == build.program_hash() && contender.trial.trace == before.trace;
  }

  absl::Status MeasureRounds(ReferenceCheck& reference) {
    for (int round = 1; round <= options_.rounds; ++round) {
      for (size_t i = 0; i < contenders_.size(); ++i) {
        // Back and forth, so that a drift of the machine hits all alike.
        Contender& contender = contenders_[round % 2 == 1 ? i : contenders_.size() - 1 - i];
        if (!contender.error.empty()) continue;
        RETURN_IF_ERROR(Measure(contender, round, reference));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Measure(Contender& contender, int round, ReferenceCheck& reference) {
    Trial trial = contender.trial;
    trial.id = NewUuid();
    trial.number = next_number_++;
    trial.search = absl::StrCat("revalidation round=", round);
    if (trial.build.status() == v1::BUILD_STATUS_OK) {
      JobOptions job_options;
      job_options.function_key = task_.function_hash;
      job_options.device_kind = task_.device_kind;
      job_options.timeout = 2 * options_.problem.timing.timeout;  // the reference runs first
      ASSIGN_OR_RETURN(MeasureJob job,
                       MeasureJobFor(options_.problem, trial, reference, job_options));
      trial.outcome = MeasureAndWait(measurer_, std::move(job), cancellation_);
      RETURN_IF_ERROR(trial.outcome.status);
      if (!reference.proved()) RETURN_IF_ERROR(reference.Prove(trial.outcome.result));
    }
    Record record = RecordOf(task_, trial);
    if (record.status == RecordStatus::kOk) {
      contender.rounds.push_back(record);
    } else {
      contender.error = absl::StrCat(std::string(Name(record.status)), ": ", record.error);
    }
    measured_.push_back(std::move(record));
    return absl::OkStatus();
  }

  static const Record& Middle(const std::vector<Record>& rounds) {
    std::vector<const Record*> sorted;
    for (const Record& round : rounds) sorted.push_back(&round);
    std::sort(sorted.begin(), sorted.end(),
              [](const Record* a, const Record* b) { return a->median < b->median; });
    return *sorted[(sorted.size() - 1) / 2];
  }

  bool IsWhole(const Contender& contender) const {
    return contender.rounds.size() == static_cast<size_t>(options_.rounds);
  }

  static bool FasterInEveryRound(const Contender& a, const Contender& b) {
    for (size_t round = 0; round < a.rounds.size(); ++round) {
      if (a.rounds[round].median >= b.rounds[round].median) return false;
    }
    return true;
  }

  RevalidateReport Judge() {
    RevalidateReport report;
    for (size_t c = 0; c < contenders_.size(); ++c) {
      Contender& contender = contenders_[c];
      Revalidated entry;
      entry.before = contender.before;
      entry.error = contender.error;
      if (IsWhole(contender)) {
        entry.now = Middle(contender.rounds);
        if (report.winner < 0 ||
            FasterInEveryRound(contender, contenders_[static_cast<size_t>(report.winner)])) {
          report.winner = static_cast<int>(c);
        }
      }
      report.traces.push_back(std::move(entry));
    }
    if (report.winner < 0) return report;
    Record& winner = *report.traces[static_cast<size_t>(report.winner)].now;
    winner.promoted = true;
    for (Record& record : measured_) record.promoted = record.id == winner.id;
    return report;
  }

  RecordStore& store_;
  const Task& task_;
  const RevalidateOptions& options_;
  Builder& builder_;
  MeasureService& measurer_;
  const Cancellation* cancellation_;
  std::vector<Contender> contenders_;
  std::vector<Record> measured_;
  int64_t next_number_ = 1;
};

}  // namespace

absl::StatusOr<RevalidateReport> Revalidate(RecordStore& store, const Task& task,
                                            const RevalidateOptions& options, Builder& builder,
                                            MeasureService& measurer,
                                            const Cancellation* cancellation) {
  return Session(store, task, options, builder, measurer, cancellation).Run();
}

}  // namespace lathe
