#include "tuner/revalidate.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "compiler/space/space.h"
#include "tuner/promotion.h"
#include "tuner/reference_check.h"
#include "tuner/trial.h"

namespace lathe {
namespace {

// A trace on its way through build and comparison.
struct Contender {
  Record before;
  std::shared_ptr<Trial> trial;
};

// The served record first, then the fastest ok ones of other traces.
std::vector<Record> TopRecords(const Record& served, std::vector<Record> records, size_t top) {
  std::erase_if(records, [](const Record& r) { return r.status != RecordStatus::kOk; });
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return a.median < b.median; });
  std::vector<Record> chosen = {served};
  absl::flat_hash_set<std::string> traces = {served.trace};
  for (Record& record : records) {
    if (chosen.size() >= std::min(top, kMaxPaired)) break;
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
    return Compare();
  }

 private:
  absl::Status Build(Contender& contender) {
    contender.trial = std::make_shared<Trial>();
    Trial& trial = *contender.trial;
    Identify(trial);
    trial.search = "revalidation";
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
    const v1::BuildResponse& build = contender.trial->build;
    return build.status() == v1::BUILD_STATUS_OK && before.lathe_version == LatheVersion() &&
           before.llvm_version == build.llvm_version() &&
           before.program_hash == build.program_hash() && contender.trial->trace == before.trace;
  }

  // Times what builds in turn, and stores what came of all.
  absl::StatusOr<RevalidateReport> Compare() {
    RevalidateReport report;
    std::vector<Record> records;
    std::vector<std::shared_ptr<Trial>> built;
    std::vector<int> places;  // of `built` in the report
    for (const Contender& contender : contenders_) {
      Revalidated& entry = report.traces.emplace_back();
      entry.before = contender.before;
      if (contender.trial->build.status() == v1::BUILD_STATUS_OK) {
        places.push_back(static_cast<int>(report.traces.size()) - 1);
        built.push_back(contender.trial);
      } else {
        entry.error = ErrorOf(records.emplace_back(RecordOf(task_, *contender.trial)));
      }
    }
    if (!built.empty()) {
      ASSIGN_OR_RETURN(Promotion promotion, Decide(std::move(built)));
      for (size_t i = 0; i < places.size(); ++i) {
        Revalidated& entry = report.traces[static_cast<size_t>(places[i])];
        if (promotion.compared[i]) {
          entry.now = promotion.last[i];
        } else {
          entry.error = promotion.last[i] ? ErrorOf(*promotion.last[i]) : "no time was left for it";
        }
      }
      if (promotion.winner < places.size()) report.winner = places[promotion.winner];
      records.insert(records.end(), promotion.records.begin(), promotion.records.end());
    }
    // At once: a promotion is in the store whole or not at all.
    RETURN_IF_ERROR(store_.AddRecords(records));
    return report;
  }

  absl::StatusOr<Promotion> Decide(std::vector<std::shared_ptr<Trial>> built) {
    ASSIGN_OR_RETURN(ReferenceCheck reference,
                     ReferenceCheck::Build(options_.problem, builder_, cancellation_));
    JobOptions job_options;
    job_options.function_key = task_.function_hash;
    job_options.device_kind = task_.device_kind;
    job_options.timeout = 2 * options_.problem.timing.timeout;  // the reference runs first
    PromotionJob job{options_.problem, task_,     reference,    job_options,
                     options_.blocks,  measurer_, cancellation_};
    job.identify = [this](Trial& trial) { Identify(trial); };
    return DecidePromotion(job, std::move(built));
  }

  void Identify(Trial& trial) {
    trial.id = NewUuid();
    trial.number = next_number_++;
  }

  static std::string ErrorOf(const Record& record) {
    if (record.status == RecordStatus::kOk) return "its samples do not pair with the others'";
    return absl::StrCat(std::string(Name(record.status)), ": ", record.error);
  }

  RecordStore& store_;
  const Task& task_;
  const RevalidateOptions& options_;
  Builder& builder_;
  MeasureService& measurer_;
  const Cancellation* cancellation_;
  std::vector<Contender> contenders_;
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
