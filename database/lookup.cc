#include "database/lookup.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/status_macros.h"
#include "compiler/target/isa_tables.h"
#include "database/shape.h"

namespace lathe {
namespace {

// A record that may serve, and why it is not exact.
struct Candidate {
  Record record;
  std::string reason;
};

std::optional<Function> WithoutConst(const Function& function) {
  Function result = function;
  bool changed = false;
  for (Argument& argument : result.arguments) {
    changed = changed || argument.is_const;
    argument.is_const = false;
  }
  return changed ? std::optional(std::move(result)) : std::nullopt;
}

// Why a task whose function fits cannot serve the query, or "".
std::string Mismatch(const Task& task, const Query& query) {
  if (task.threads != query.threads) {
    return absl::StrCat("there are records for ", task.threads, " threads, not ", query.threads);
  }
  if (task.regime != query.regime) {
    return absl::StrCat("there are records for ", std::string(Name(task.regime)), " caches, not ",
                        std::string(Name(query.regime)));
  }
  // A strict result is good enough for a relaxed query.
  if (task.accuracy == Accuracy::kRelaxed && query.accuracy == Accuracy::kStrict) {
    return "there are records of accuracy relaxed, not strict";
  }
  return "";
}

// Whether the record's kernel runs on the queried target.
absl::Status CheckRuns(const Record& record, Target target, const Target& host) {
  if (!record.required_features.empty()) target.features = record.required_features;
  return CheckRunsOn(target, host);
}

// What keeps a kernel of `target` with the record's features from the queried one.
std::string WhyNotRuns(const Record& record, const Target& target, const Target& queried) {
  if (target.architecture != queried.architecture) {
    return absl::StrCat("there are records for ", std::string(Name(target.architecture)), ", not ",
                        std::string(Name(queried.architecture)));
  }
  constexpr size_t kShown = 4;
  const std::vector<std::string>& needed =
      record.required_features.empty() ? target.features : record.required_features;
  std::vector<std::string> missing;
  std::copy_if(needed.begin(), needed.end(), std::back_inserter(missing),
               [&](const std::string& feature) { return !queried.Has(feature); });
  const size_t more = missing.size() - std::min(missing.size(), kShown);
  missing.resize(missing.size() - more);
  return absl::StrCat("the records for ", std::string(Name(target.architecture)),
                      " tuning=", target.tuning, " need ", absl::StrJoin(missing, ", "),
                      more == 0 ? "" : absl::StrCat(" and ", more, " more"),
                      ", which the queried target lacks");
}

// The fastest ok record of `task` whose kernel runs on the queried target; the
// Status says what keeps them all from it.
absl::StatusOr<std::optional<Record>> FastestRunning(RecordStore& store, const Task& task,
                                                     const Query& query, absl::Status* obstacle) {
  absl::StatusOr<Target> target = ParseTarget(task.target);
  if (!target.ok()) {
    *obstacle = absl::FailedPreconditionError(
        absl::StrCat("the target of a record is not known here: ", task.target));
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(task));
  if (!best) {
    *obstacle = absl::NotFoundError("no trial gave a correct kernel");
    return std::nullopt;
  }
  if (CheckRuns(*best, *target, query.target).ok()) return best;
  *obstacle = absl::FailedPreconditionError(WhyNotRuns(*best, *target, query.target));
  // Slower ones may need less.
  best.reset();
  ASSIGN_OR_RETURN(std::vector<Record> records, store.Records(task));
  for (Record& record : records) {
    if (record.status != RecordStatus::kOk || !CheckRuns(record, *target, query.target).ok())
      continue;
    if (!best || record.median < best->median) best = std::move(record);
  }
  return best;
}

std::string Difference(const Task& task, const Query& query, bool without_const) {
  std::vector<std::string> parts;
  if (without_const) parts.push_back("of the function without const arguments");
  if (task.target != ToText(query.target)) parts.push_back(absl::StrCat("for ", task.target));
  if (!query.device_kind.empty() && task.device_kind != query.device_kind) {
    parts.push_back(absl::StrCat("measured on ", task.device_kind));
  }
  if (task.accuracy != query.accuracy) {
    parts.push_back(absl::StrCat("of accuracy ", std::string(Name(task.accuracy))));
  }
  std::string text;
  for (const std::string& part : parts) {
    absl::StrAppend(&text, text.empty() ? "the record is " : ", ", part);
  }
  return text;
}

class Finder {
 public:
  Finder(RecordStore& store, const Query& query) : store_(store), query_(query) {}

  absl::StatusOr<LookupResult> Run() {
    FunctionKey key = CanonicalKey(query_.function);
    ASSIGN_OR_RETURN(std::vector<Task> tasks, store_.TasksOfFunction(key.hash, key.text));
    for (const Task& task : tasks) RETURN_IF_ERROR(Consider(task, /*without_const=*/false));
    if (exact_) return LookupResult{Verdict::kExact, std::move(exact_), ""};
    if (std::optional<Function> plain = WithoutConst(query_.function)) {
      key = CanonicalKey(*plain);
      ASSIGN_OR_RETURN(tasks, store_.TasksOfFunction(key.hash, key.text));
      for (const Task& task : tasks) RETURN_IF_ERROR(Consider(task, /*without_const=*/true));
    }
    if (compatible_) {
      return LookupResult{Verdict::kCompatible, std::move(compatible_->record),
                          std::move(compatible_->reason)};
    }
    return LookupResult{Verdict::kNone, std::nullopt,
                        obstacle_.empty() ? "there is no record of this function" : obstacle_};
  }

 private:
  bool IsExact(const Task& task, bool without_const) const {
    return !without_const && task.target == ToText(query_.target) &&
           task.accuracy == query_.accuracy &&
           (query_.device_kind.empty() || task.device_kind == query_.device_kind);
  }

  absl::Status Consider(const Task& task, bool without_const) {
    if (std::string mismatch = Mismatch(task, query_); !mismatch.empty()) {
      Explain(std::move(mismatch));
      return absl::OkStatus();
    }
    absl::Status obstacle;
    ASSIGN_OR_RETURN(std::optional<Record> record, FastestRunning(store_, task, query_, &obstacle));
    if (!record) {
      Explain(std::string(obstacle.message()));
      return absl::OkStatus();
    }
    if (IsExact(task, without_const)) {
      if (!exact_ || record->median < exact_->median) exact_ = std::move(record);
    } else if (!compatible_ || record->median < compatible_->record.median) {
      compatible_ = Candidate{*std::move(record), Difference(task, query_, without_const)};
    }
    return absl::OkStatus();
  }

  // Keeps the first reason why nothing may be served.
  void Explain(std::string reason) {
    if (obstacle_.empty()) obstacle_ = std::move(reason);
  }

  RecordStore& store_;
  const Query& query_;
  std::optional<Record> exact_;
  std::optional<Candidate> compatible_;
  std::string obstacle_;
};

}  // namespace

std::string_view Name(Verdict verdict) {
  constexpr std::string_view kNames[] = {"exact", "compatible", "nearest", "none"};
  return kNames[static_cast<int>(verdict)];
}

absl::StatusOr<std::optional<Record>> LookupExact(RecordStore& store, const Task& task,
                                                  const Target& target) {
  ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(task));
  if (best && !CheckRuns(*best, target, target).ok()) best.reset();
  return best;
}

absl::StatusOr<std::vector<NearRecord>> NearestRecords(RecordStore& store, const Query& query,
                                                       size_t limit) {
  NearQuery near;
  near.family_hash = FamilyKey(query.function);
  near.function_hash = CanonicalKey(query.function).hash;
  near.shape = ShapeOf(query.function);
  near.threads = query.threads;
  near.regime = query.regime;
  near.accuracy = query.accuracy;
  near.limit = limit;
  near.accepts = [&query](const std::string& text) {
    absl::StatusOr<Target> target = ParseTarget(text);
    return target.ok() && target->architecture == query.target.architecture;
  };
  ASSIGN_OR_RETURN(std::vector<NearTask> tasks, store.NearTasks(near));
  std::vector<NearRecord> records;
  for (const NearTask& task : tasks) {
    ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(task.task));
    if (best) records.push_back({*std::move(best), task.distance});
  }
  return records;
}

absl::StatusOr<LookupResult> Lookup(RecordStore& store, const Query& query) {
  if (!query.device_kind.empty()) {
    ASSIGN_OR_RETURN(std::optional<Record> exact, LookupExact(store, TaskOf(query), query.target));
    if (exact) return LookupResult{Verdict::kExact, std::move(exact), ""};
  }
  return Finder(store, query).Run();
}

Task TaskOf(const Query& query) {
  FunctionKey key = CanonicalKey(query.function);
  Task task;
  task.function_text = std::move(key.text);
  task.function_hash = std::move(key.hash);
  task.key_version = kKeyVersion;
  task.function_name = query.function.name;
  task.family_hash = FamilyKey(query.function);
  task.target = ToText(query.target);
  task.device_kind = query.device_kind;
  task.threads = query.threads;
  task.regime = query.regime;
  task.accuracy = query.accuracy;
  return task;
}

}  // namespace lathe
