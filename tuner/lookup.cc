#include "tuner/lookup.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/analysis/schedule_model.h"
#include "compiler/base/status_macros.h"
#include "compiler/space/space.h"
#include "database/shape.h"

namespace lathe {
namespace {

// The expectation is a sum. By distance: the prior line, scaled by what was lost
// over what the line says for the pairs of records of the database where both are
// known (leave one out: the setting of one task, in another task that was tuned,
// where the same setting was measured). The prior counts as much as pairs
// of this loss in sum. By fit: how much further from the least estimate of its
// space the setting has come than it was where it was found.
constexpr double kLossAtZero = 0.02, kLossPerDoubling = 0.03;
constexpr double kPriorWeight = 0.2;
// For what was measured elsewhere or built for another target, and for a trace whose
// decisions are unknown.
constexpr double kOtherDeviceLoss = 0.05, kOtherTargetLoss = 0.05, kUnknownFitLoss = 0.05;
// The nearest records that are compared with each other for it.
constexpr size_t kCalibrating = 4;
// Records of a task that are asked whether they are fresh.
constexpr size_t kMaxReplays = 16;

// The space of one function, with the least analytic estimate.
struct Fitting {
  Function function;  // canonical
  Target target;
  int threads = 1;
  Space space;
  double least = 0;

  static absl::StatusOr<Fitting> Of(Function function, const Target& target, int threads) {
    Fitting fitting;
    ASSIGN_OR_RETURN(fitting.space, SketchesOf(function, {target, threads}));
    fitting.function = std::move(function);
    fitting.target = target;
    fitting.threads = threads;
    const Sketch& best = *fitting.space.front();
    fitting.least = EstimateSeconds(best.Model(best.Analytic()), target, threads);
    return fitting;
  }

  // The estimate of a setting, as a multiple of the least.
  double Ratio(const std::pair<int, Setting>& at) const {
    const Sketch& sketch = *space[static_cast<size_t>(at.first)];
    return EstimateSeconds(sketch.Model(at.second), target, threads) / least;
  }
  std::string Text(const std::pair<int, Setting>& at) const {
    return DecisionsText(*space[static_cast<size_t>(at.first)], at.second);
  }
};

// A near record with the space it was found in.
struct Source {
  NearRecord near;
  std::optional<Fitting> fitting;  // none where it cannot be made
  std::optional<double> ratio;     // of its decisions there
};

bool IsStale(const Record& record) {
  absl::StatusOr<Function> function = ParseFunction(record.task.function_text, "a record");
  return !function.ok() || !FreshTrace(record, *function).ok();
}

Source SourceOf(NearRecord near) {
  Source source;
  source.near = std::move(near);
  const Record& record = source.near.record;
  absl::StatusOr<Function> function = ParseFunction(record.task.function_text, "a record");
  absl::StatusOr<Target> target = ParseTarget(record.task.target);
  if (record.decisions.empty() || !function.ok() || !target.ok()) return source;
  auto fitting = Fitting::Of(*std::move(function), *target, record.task.threads);
  if (!fitting.ok()) return source;
  source.fitting = *std::move(fitting);
  if (auto at = FindSetting(source.fitting->space, record.decisions)) {
    source.ratio = source.fitting->Ratio(*at);
  }
  return source;
}

// What the database tells of refits: the scale of the prior line.
struct Calibration {
  double scale = 1;
  int pairs = 0;
};

// Of records where the setting of one was measured for the function of another. Needs no
// space: where a setting is legal its refit is itself.
absl::StatusOr<Calibration> Calibrate(RecordStore& store, const std::vector<NearRecord>& near) {
  struct Known {
    const Record* record;
    std::vector<double> shape;
  };
  std::vector<Known> known;
  for (const NearRecord& source : near) {
    if (known.size() >= kCalibrating) break;
    std::vector<double> shape = ShapeOfText(source.record.task.function_text);
    if (shape.empty() || source.record.decisions.empty()) continue;
    known.push_back({&source.record, std::move(shape)});
  }
  double lost = kPriorWeight, expected = kPriorWeight;
  Calibration calibration;
  for (const Known& to : known) {
    if (known.size() < 2) break;
    ASSIGN_OR_RETURN(std::vector<Record> records, store.Records(to.record->task));
    std::map<std::string, double> times;  // by decisions
    for (const Record& record : records) {
      if (record.status != RecordStatus::kOk || record.decisions.empty()) continue;
      auto [it, is_new] = times.try_emplace(record.decisions, record.median);
      if (!is_new) it->second = std::min(it->second, record.median);
    }
    for (const Known& from : known) {
      const double distance = ShapeDistance(from.shape, to.shape);
      if (distance == 0) continue;  // itself, or another task of its function
      auto time = times.find(from.record->decisions);
      if (time == times.end()) continue;
      lost += std::max(0.0, time->second / to.record->median - 1);
      expected += PriorLoss(distance);
      ++calibration.pairs;
    }
  }
  calibration.scale = lost / expected;
  return calibration;
}

class Refitter {
 public:
  Refitter(RecordStore& store, const Query& query, const FindOptions& options)
      : store_(store), query_(query), options_(options) {}

  // The best refit, whatever it loses; nothing when there is none.
  absl::StatusOr<std::optional<FoundSchedule>> Run(const Function& canonical) {
    ASSIGN_OR_RETURN(std::vector<NearRecord> near,
                     NearestRecords(store_, query_, options_.near_records));
    if (near.empty()) return std::nullopt;
    ASSIGN_OR_RETURN(calibration_, Calibrate(store_, near));
    ASSIGN_OR_RETURN(Fitting fitting, Fitting::Of(canonical, query_.target, query_.threads));
    // Best first: what a candidate may lose at least is known at once; what it is
    // expected to lose takes the space of its function, which takes longest.
    std::multimap<double, Candidate> candidates;
    for (NearRecord& record : near) {
      const double least = LeastLoss(record);
      candidates.emplace(least, Candidate{std::move(record), {}});
    }
    while (!candidates.empty()) {
      Candidate first = std::move(candidates.extract(candidates.begin()).mapped());
      if (first.refit) {
        // Replayed, verified, lowered: the proof that it is legal here.
        if (LowerWithTrace(fitting.function, first.refit->trace).ok()) return first.refit;
      } else if (auto source = FreshSource(std::move(first.near))) {
        if (auto refit = Refit(*source, fitting)) {
          candidates.emplace(refit->expected_loss, Candidate{{}, std::move(refit)});
        }
      }
    }
    return std::nullopt;
  }

 private:
  // A near record, or its refit without proof.
  struct Candidate {
    NearRecord near;
    std::optional<FoundSchedule> refit;
  };

  // What was measured of a stale record was another program: it tells nothing here.
  static std::optional<Source> FreshSource(NearRecord near) {
    if (IsStale(near.record)) return std::nullopt;
    return SourceOf(std::move(near));
  }

  double LeastLoss(const NearRecord& near) const {
    const bool elsewhere = near.record.task.device_kind != query_.device_kind;
    const bool retargeted = near.record.task.target != ToText(query_.target);
    return calibration_.scale * PriorLoss(near.distance) + (elsewhere ? kOtherDeviceLoss : 0) +
           (retargeted ? kOtherTargetLoss : 0);
  }

  std::optional<FoundSchedule> Refit(const Source& source, const Fitting& fitting) const {
    const Record& record = source.near.record;
    FoundSchedule found;
    found.verdict = Verdict::kNearest;
    found.distance = source.near.distance;
    found.calibration_pairs = calibration_.pairs;
    found.expected_loss = LeastLoss(source.near);
    auto refit =
        record.decisions.empty() ? std::nullopt : RefitSetting(fitting.space, record.decisions);
    if (refit) {
      found.trace = fitting.space[static_cast<size_t>(refit->first)]->Instantiate(refit->second);
      found.decisions = fitting.Text(*refit);
      if (source.ratio) {
        found.expected_loss += std::max(0.0, fitting.Ratio(*refit) / *source.ratio - 1);
      } else {
        found.expected_loss += kUnknownFitLoss;
      }
    } else {
      absl::StatusOr<Trace> trace = ParseTrace(record.trace, "a record");
      if (!trace.ok()) return std::nullopt;
      found.trace = *std::move(trace);
      found.expected_loss += kUnknownFitLoss;
    }
    found.record = record;
    return found;
  }

  RecordStore& store_;
  const Query& query_;
  const FindOptions& options_;
  Calibration calibration_;
};

// The best record of the task that is not stale, other than `stale`.
absl::StatusOr<std::optional<FoundSchedule>> FreshOfTask(RecordStore& store, const Record& stale,
                                                         const Query& query,
                                                         const Function& canonical) {
  ASSIGN_OR_RETURN(std::vector<Record> records, store.Records(stale.task));
  std::erase_if(records, [&](const Record& record) {
    Target needed = query.target;
    if (!record.required_features.empty()) needed.features = record.required_features;
    return record.status != RecordStatus::kOk || record.trace == stale.trace ||
           !CheckRunsOn(needed, query.target).ok();
  });
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    if (a.promoted != b.promoted) return a.promoted;
    if (a.promoted && a.created_unix_ms != b.created_unix_ms) {
      return a.created_unix_ms > b.created_unix_ms;
    }
    return a.median < b.median;
  });
  for (size_t r = 0; r < std::min(records.size(), kMaxReplays); ++r) {
    absl::StatusOr<Trace> trace = FreshTrace(records[r], canonical);
    if (!trace.ok()) continue;
    FoundSchedule found;
    found.trace = *std::move(trace);
    found.decisions = records[r].decisions;
    found.record = std::move(records[r]);
    return found;
  }
  return std::nullopt;
}

std::string Percent(double fraction) { return absl::StrFormat("%.1f %%", 100 * fraction); }

}  // namespace

double PriorLoss(double distance) { return kLossAtZero + kLossPerDoubling * distance; }

absl::StatusOr<Trace> FreshTrace(const Record& record, const Function& canonical) {
  absl::StatusOr<Trace> trace = ParseTrace(record.trace, "its trace");
  if (!trace.ok()) return absl::FailedPreconditionError(trace.status().message());
  absl::StatusOr<Program> program = LowerWithTrace(canonical, *trace);
  if (!program.ok()) return absl::FailedPreconditionError(program.status().message());
  if (ProgramHash(*program) != record.program_hash) {
    return absl::FailedPreconditionError("its trace gives another program with this version");
  }
  return trace;
}

absl::StatusOr<FoundSchedule> FindSchedule(RecordStore& store, const Query& query,
                                           const FindOptions& options) {
  const Function canonical = Canonicalize(query.function).function;
  ASSIGN_OR_RETURN(LookupResult looked, Lookup(store, query));
  FoundSchedule none;
  none.reason = looked.reason;
  if (looked.record) {
    absl::StatusOr<Trace> trace = FreshTrace(*looked.record, canonical);
    if (trace.ok()) {
      FoundSchedule found;
      found.verdict = looked.verdict;
      found.trace = *std::move(trace);
      found.decisions = looked.record->decisions;
      found.reason = looked.reason;
      found.record = std::move(looked.record);
      return found;
    }
    none.reason = absl::StrCat("record ", looked.record->id,
                               " is stale: ", std::string(trace.status().message()),
                               "; measure it again with lathe db revalidate");
    ASSIGN_OR_RETURN(std::optional<FoundSchedule> fresh,
                     FreshOfTask(store, *looked.record, query, canonical));
    if (fresh) {
      fresh->verdict = looked.verdict;
      fresh->reason = none.reason;
      return *std::move(fresh);
    }
  }
  if (options.max_loss <= 0) return none;
  ASSIGN_OR_RETURN(std::optional<FoundSchedule> nearest,
                   Refitter(store, query, options).Run(canonical));
  if (!nearest) return none;
  std::string what =
      absl::StrCat("of another shape, ", absl::StrFormat("%.2f", nearest->distance),
                   " doublings away, with an expected loss of ", Percent(nearest->expected_loss));
  if (nearest->expected_loss > options.max_loss) {
    none.distance = nearest->distance;
    none.expected_loss = nearest->expected_loss;
    none.reason = absl::StrCat(none.reason, "; the best is ", what, ", more than the ",
                               Percent(options.max_loss), " allowed by --max-loss");
    return none;
  }
  nearest->reason = absl::StrCat("refitted from a record ", what);
  return *std::move(nearest);
}

}  // namespace lathe
