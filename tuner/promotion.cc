// The end of a tuning session: only a candidate that wins interleaved paired
// runs against the default, the incumbent and the other finalists is called the
// best. The minimum of many noisy medians alone would favour luck.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "tuner/tune_session.h"

namespace lathe {
namespace {

// A candidate that took so much longer than the one to be beaten is no finalist.
// (Not longer than the fastest: that may have been lucky.)
constexpr double kFinalistFactor = 1.5;

// Whether `a` is significantly faster than `b`: it is faster in every round, and
// in most of them the intervals do not even meet.
bool Beats(const std::vector<Record>& a, const std::vector<Record>& b) {
  size_t apart = 0;
  for (size_t round = 0; round < a.size(); ++round) {
    if (a[round].median >= b[round].median) return false;
    if (a[round].ci_high < b[round].ci_low) ++apart;
  }
  return 2 * apart > a.size();
}

// The round of middle median.
const Record& Typical(const std::vector<Record>& rounds) {
  std::vector<const Record*> sorted;
  for (const Record& round : rounds) sorted.push_back(&round);
  auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.end(),
                   [](const Record* a, const Record* b) { return a->median < b->median; });
  return **middle;
}

}  // namespace

absl::Status TuneSession::Promote() {
  if (options_.promotion_rounds == 0) return absl::OkStatus();
  RETURN_IF_ERROR(journal_.Flush());
  ASSIGN_OR_RETURN(std::optional<Record> incumbent, services_.store->Best(result_.task));
  if (incumbent && !incumbent->promoted) incumbent.reset();
  // Nothing is new since the last promotion.
  if (incumbent && result_.done == result_.resumed) return absl::OkStatus();
  std::vector<std::string> traces = ChooseFinalists(incumbent);
  if (traces.size() < 2) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<Finalist> finalists, BuildFinalists(traces));
  if (finalists.size() < 2) return absl::OkStatus();
  RETURN_IF_ERROR(BuildReference());

  std::vector<Record> records;
  absl::Status status = RunRounds(finalists, records);
  const Finalist* winner = nullptr;
  if (status.ok()) {
    // The first finalist holds its place until one beats it; among those that do,
    // the fastest wins. One that failed in a round is not to be trusted.
    const auto rounds = static_cast<size_t>(options_.promotion_rounds);
    const Finalist* holder = nullptr;
    for (const Finalist& finalist : finalists) {
      if (finalist.rounds.size() < rounds) continue;
      if (holder == nullptr) {
        holder = winner = &finalist;
        continue;
      }
      if (!Beats(finalist.rounds, holder->rounds)) continue;
      bool faster = Typical(finalist.rounds).median < Typical(winner->rounds).median;
      if (winner == holder || faster) winner = &finalist;
    }
  }
  for (Record& record : records) {
    record.promoted = winner != nullptr && record.id == Typical(winner->rounds).id;
  }
  // At once: a promotion is in the store whole or not at all.
  RETURN_IF_ERROR(services_.store->AddRecords(records));
  RETURN_IF_ERROR(status);
  for (const Finalist& finalist : finalists) {
    if (finalist.rounds.empty()) continue;
    const Record& typical = Typical(finalist.rounds);
    ok_[finalist.trial->trace] = {typical.median, typical.ci_low, typical.ci_high};
  }
  return absl::OkStatus();
}

// The incumbent, the default, and the fastest others.
std::vector<std::string> TuneSession::ChooseFinalists(
    const std::optional<Record>& incumbent) const {
  std::vector<std::string> traces;
  if (incumbent) traces.push_back(incumbent->trace);
  if (TimeOf(default_trace_) && (!incumbent || incumbent->trace != default_trace_)) {
    traces.push_back(default_trace_);
  }
  auto defender = traces.empty() ? std::nullopt : TimeOf(traces.front());
  std::vector<std::pair<double, std::string>> ranking;
  for (const auto& [trace, time] : ok_) {
    if (std::find(traces.begin(), traces.end(), trace) != traces.end()) continue;
    if (defender && time.median > kFinalistFactor * defender->median) continue;
    ranking.emplace_back(time.median, trace);
  }
  std::sort(ranking.begin(), ranking.end());
  ranking.resize(std::min(ranking.size(), static_cast<size_t>(options_.finalists)));
  for (auto& [median, trace] : ranking) traces.push_back(std::move(trace));
  return traces;
}

// Built again: the same bytes as before.
absl::StatusOr<std::vector<TuneSession::Finalist>> TuneSession::BuildFinalists(
    const std::vector<std::string>& traces) {
  std::vector<std::future<v1::BuildResponse>> builds;
  for (const std::string& trace : traces) {
    builds.push_back(StartBuild(*services_.builder, BuildRequestFor(options_.problem, trace)));
  }
  std::vector<Finalist> finalists;
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
    finalists.push_back({std::move(trial), {}});
  }
  return finalists;
}

// Fills in the rounds; all that was measured goes to `records`, even on errors.
absl::Status TuneSession::RunRounds(std::vector<Finalist>& finalists,
                                    std::vector<Record>& records) {
  for (int round = 1; round <= options_.promotion_rounds; ++round) {
    for (size_t i = 0; i < finalists.size(); ++i) {
      // Back and forth, so that a drift of the machine hits all alike.
      Finalist& finalist = finalists[round % 2 == 1 ? i : finalists.size() - 1 - i];
      ASSIGN_OR_RETURN(Record record, MeasureFinalist(*finalist.trial, round));
      if (record.status == RecordStatus::kOk) finalist.rounds.push_back(record);
      records.push_back(std::move(record));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Record> TuneSession::MeasureFinalist(const Trial& finalist, int round) {
  Trial trial = finalist;
  trial.id = NewUuid();
  trial.number = next_number_++;
  trial.search = absl::StrCat("promotion round=", round);
  ASSIGN_OR_RETURN(MeasureJob job, MeasureJobFor(options_.problem, trial, *reference_,
                                                 OptionsFor(TrialRole::kPromotion)));
  trial.outcome = MeasureAndWait(*services_.measurer, std::move(job), services_.cancellation);
  RETURN_IF_ERROR(trial.outcome.status);
  if (!reference_->proved()) RETURN_IF_ERROR(reference_->Prove(trial.outcome.result));
  return RecordOf(result_.task, trial);
}

}  // namespace lathe
