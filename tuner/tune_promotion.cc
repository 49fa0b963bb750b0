// The end of a tuning session: its finalists, timed in turn.
#include <future>
#include <utility>

#include "compiler/base/status_macros.h"
#include "tuner/promotion.h"
#include "tuner/search_journal.h"
#include "tuner/tune_session.h"

namespace lathe {

absl::Status TuneSession::Promote() {
  if (options_.promotion_rounds == 0) return absl::OkStatus();
  RETURN_IF_ERROR(journal_.Flush());
  ASSIGN_OR_RETURN(std::optional<Record> incumbent, services_.store->Best(result_.task));
  FinalistsEvent event;
  if (incumbent && incumbent->promoted) event.incumbent = incumbent->trace;
  std::map<std::string, double> seconds;
  for (const auto& [trace, time] : ok_) seconds[trace] = time.median;
  // Unless nothing is new since the last promotion.
  if (!event.incumbent || result_.done > result_.resumed) {
    event.finalists = ChooseFinalists(seconds, event.incumbent, default_trace_, options_.finalists);
  }
  std::vector<TrialPtr> finalists;
  if (event.finalists.size() >= 2) {
    ASSIGN_OR_RETURN(finalists, BuildFinalists(event.finalists, event.built));
  }
  if (services_.journal != nullptr) services_.journal->Add(event);
  if (finalists.size() < 2) return absl::OkStatus();
  RETURN_IF_ERROR(BuildReference());

  PromotionJob job{options_.problem,
                   result_.task,
                   *reference_,
                   OptionsFor(TrialRole::kPromotion),
                   options_.promotion_rounds,
                   *services_.measurer,
                   services_.cancellation};
  job.identify = [this](Trial& trial) { Identify(trial); };
  job.on_comparison = [this](const Comparison& comparison) {
    if (services_.journal != nullptr) services_.journal->Add(EventOf(comparison));
  };
  ASSIGN_OR_RETURN(Promotion promotion, DecidePromotion(job, std::move(finalists)));
  for (size_t i = 0; i < promotion.last.size(); ++i) {
    if (!promotion.compared[i]) continue;
    const Record& record = *promotion.last[i];
    ok_[record.trace] = {record.median, record.ci_low, record.ci_high};
  }
  // At once: a promotion is in the store whole or not at all.
  return services_.store->AddRecords(promotion.records);
}

// Built again: the same bytes as before. `built` are those that build, without doubles.
absl::StatusOr<std::vector<TuneSession::TrialPtr>> TuneSession::BuildFinalists(
    const std::vector<std::string>& traces, std::vector<size_t>& built) {
  std::vector<std::future<v1::BuildResponse>> builds;
  for (const std::string& trace : traces) {
    builds.push_back(StartBuild(*services_.builder, BuildRequestFor(options_.problem, trace)));
  }
  std::vector<TrialPtr> finalists;
  absl::flat_hash_set<std::string> programs;
  for (size_t i = 0; i < traces.size(); ++i) {
    auto trial = std::make_shared<Trial>();
    trial->role = TrialRole::kPromotion;
    trial->trace = traces[i];
    auto decisions = decisions_.find(traces[i]);
    if (decisions != decisions_.end()) trial->candidate.decisions = decisions->second;
    ASSIGN_OR_RETURN(trial->build, Await(std::move(builds[i]), services_.cancellation));
    if (trial->build.status() != v1::BUILD_STATUS_OK) continue;
    if (!programs.insert(trial->build.program_hash()).second) continue;
    trial->search = "promotion";
    Identify(*trial);
    finalists.push_back(std::move(trial));
    built.push_back(i);
  }
  return finalists;
}

void TuneSession::Identify(Trial& trial) {
  trial.id = NewUuid();
  trial.number = next_number_++;
}

}  // namespace lathe
