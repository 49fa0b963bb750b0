#include "tuner/journal_replay.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tuner/auto_stop.h"
#include "tuner/promotion.h"

namespace lathe {
namespace {

std::string Describe(const Candidate* candidate) {
  if (candidate == nullptr) return "none";
  std::string text = candidate->decisions.empty() ? "a trace" : candidate->decisions;
  return candidate->repeat ? text + " again" : text;
}

bool IsSame(const Candidate* a, const Candidate* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->decisions == b->decisions && a->repeat == b->repeat &&
         (!a->decisions.empty() || a->trace == b->trace);
}

class Replayer {
 public:
  Replayer(Search& search, const Space& space) : search_(search), space_(space) {}

  // Each returns how the decision differs; "" where it does not.

  std::string Take(const SuggestEvent& event) {
    if (session_ && IsConverged(session_->auto_stop, search_, times_)) {
      return absl::StrCat("the search stops after ", times_.size(),
                          " trials (converged), the journal goes on");
    }
    const std::vector<Candidate> candidates = search_.Suggest(event.wanted);
    is_dry_ = candidates.empty();
    for (size_t i = 0; i < std::max(candidates.size(), event.candidates.size()); ++i) {
      ++report.suggested;
      const Candidate* now = i < candidates.size() ? &candidates[i] : nullptr;
      const Candidate* then = i < event.candidates.size() ? &event.candidates[i] : nullptr;
      if (IsSame(now, then)) continue;
      return absl::StrCat("candidate ", report.suggested, " is ", Describe(now),
                          ", the journal has ", Describe(then));
    }
    report.decisions += static_cast<int64_t>(candidates.size());
    return "";
  }

  std::string Take(const UpdateEvent& event) {
    for (const Outcome& outcome : event.outcomes) {
      if (outcome.ok) seconds_[TraceOf(outcome.candidate)] = outcome.seconds;
    }
    is_dry_ = false;
    search_.Update(event.outcomes);
    return "";
  }

  std::string Take(const SessionEvent& event) {
    session_ = event;
    return "";
  }

  std::string Take(const TrialEvent& event) {
    times_.push_back(event.seconds);
    return "";
  }

  std::string Take(const StopEvent& event) {
    const bool again = std::exchange(stopped_, true);
    cancelled_ = event.reason == StopReason::kCancelled;
    if (again && !cancelled_) return "the journal stops twice";
    ++report.decisions;
    const std::string now = WhyToStop(event.reason), then(Name(event.reason));
    const auto trials = static_cast<int64_t>(times_.size());
    if (now == then && trials == event.trials) return "";
    return absl::StrCat("after ", trials, " trials the search ", now.empty() ? "goes on" : "stops",
                        now.empty() ? "" : absl::StrCat(" (", now, ")"), ", the journal stops (",
                        then, ") after ", event.trials);
  }

  std::string Take(const FinalistsEvent& event) {
    finalists_ = event;
    ++report.decisions;
    std::vector<std::string> chosen;
    if (!event.incumbent || !times_.empty()) {
      chosen =
          ChooseFinalists(seconds_, event.incumbent, session_->default_trace, session_->finalists);
    }
    if (chosen == event.finalists) return "";
    if (chosen.size() != event.finalists.size()) {
      return absl::StrCat("the promotion has ", chosen.size(), " finalists, the journal has ",
                          event.finalists.size());
    }
    const auto [now, then] = std::mismatch(chosen.begin(), chosen.end(), event.finalists.begin());
    return absl::StrCat("finalist ", now - chosen.begin() + 1, " is ", *now, ", the journal has ",
                        *then);
  }

  std::string Take(const ComparisonEvent& event) {
    if (looks_ > 0 && !again_) return "the promotion was decided, the journal compares again";
    if (event.samples.size() != finalists_->built.size()) {
      return absl::StrCat("the journal compares ", event.samples.size(), " of ",
                          finalists_->built.size(), " finalists that were built");
    }
    ++report.decisions;
    const ComparisonEvent now = EventOf(Judge({event.samples, event.rounds}, ++looks_));
    again_ = event.again;
    if (now.winner != event.winner) {
      return absl::StrCat("by the samples ", NameOf(now.winner), " wins, the journal has ",
                          NameOf(event.winner));
    }
    if (now.again == event.again) return "";
    return absl::StrCat("the comparison ", now.again ? "is undecided" : "decides", ", the journal ",
                        event.again ? "compares again" : "ends with it");
  }

  std::string Take(const EndEvent&) {
    if (cancelled_ || session_->blocks == 0) return "";
    if (!finalists_) return "the journal ends without a promotion";
    const bool compares = finalists_->built.size() >= 2;
    if (compares && (looks_ == 0 || again_)) return "the journal ends with an undecided promotion";
    return "";
  }

  ReplayReport report;

 private:
  std::string TraceOf(const Candidate& candidate) const {
    if (!candidate.trace.steps.empty() || candidate.decisions.empty()) {
      return ToText(candidate.trace);
    }
    const auto found = FindSetting(space_, candidate.decisions);
    return found ? ToText(space_[static_cast<size_t>(found->first)]->Instantiate(found->second))
                 : candidate.decisions;
  }

  // As TuneSession decides it; "": not at all.
  std::string WhyToStop(StopReason then) const {
    const auto trials = static_cast<int64_t>(times_.size());
    StopReason now = then;
    if (then == StopReason::kCancelled) return std::string(Name(now));
    if (session_->resumed + trials >= session_->trials) {
      now = StopReason::kTrials;
    } else if (then == StopReason::kBudget) {
      now = StopReason::kBudget;
    } else if (is_dry_) {
      now = StopReason::kExhausted;
    } else if (IsConverged(session_->auto_stop, search_, times_)) {
      now = StopReason::kConverged;
    } else {
      return "";
    }
    return std::string(Name(now));
  }

  std::string NameOf(const std::optional<size_t>& winner) const {
    if (!winner) return "none";
    return absl::StrCat("finalist ", finalists_->built[*winner] + 1);
  }

  Search& search_;
  const Space& space_;
  std::optional<SessionEvent> session_;
  std::map<std::string, double> seconds_;  // the latest time by trace
  std::vector<double> times_;              // of trials that count, in order
  bool is_dry_ = false;                    // nothing was suggested since the last result
  bool stopped_ = false, cancelled_ = false;
  std::optional<FinalistsEvent> finalists_;
  int looks_ = 0;
  bool again_ = false;
};

}  // namespace

ReplayReport Replay(const Journal& journal, Search& search, const Space& space) {
  Replayer replayer(search, space);
  for (const JournalEntry& entry : journal.entries) {
    replayer.report.line = entry.line;
    replayer.report.difference =
        std::visit([&](const auto& event) { return replayer.Take(event); }, entry.event);
    if (!replayer.report.difference.empty()) break;
  }
  return std::move(replayer.report);
}

}  // namespace lathe
