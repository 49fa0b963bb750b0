#include "compiler/schedule/trace_names.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/check.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

// The stage of the function that `stage` computes or is a nested reduction of.
std::string RootOf(const Function& function, const StageInfo& stage) {
  if (function.FindStage(stage.name) != nullptr) return stage.name;
  return stage.name.substr(0, stage.name.rfind('.'));
}

// Axis names of a stage in the other names, spatial and reduction.
Renaming AxesOf(const StageInfo& stage, const Renaming& indices) {
  Renaming axes;
  for (const auto* list : {&stage.spatial, &stage.reduction}) {
    for (const Axis& axis : *list) axes[axis.name] = indices.at(axis.name);
  }
  return axes;
}

// Whether `canonical`, of the stage `root`, is what became of a stage with
// these `axes`. Indices are unique in an equation, so reduction axes identify.
bool Corresponds(const StageInfo& author, const StageInfo& canonical, const Renaming& axes) {
  if (author.reduction.size() != canonical.reduction.size()) return false;
  for (size_t i = 0; i < author.reduction.size(); ++i) {
    if (axes.at(author.reduction[i].name) != canonical.reduction[i].name) return false;
  }
  return true;
}

bool TakesStage(const TraceStep& step, size_t argument) {
  // Primitives whose first argument is a stage or a buffer.
  constexpr std::string_view kTakers[] = {
      "cache_write", "compute_at",         "inline",  "pack",      "pad",
      "prepare",     "reverse_compute_at", "rfactor", "set_scope", "store_in",
  };
  if (argument == 1) return step.primitive == "store_in" || step.primitive == "prefetch";
  return argument == 0 &&
         std::find(std::begin(kTakers), std::end(kTakers), step.primitive) != std::end(kTakers);
}

// Whether the result names a stage, with the axes of the stage that it is given.
// Copies have axes of their own, named by dimension.
bool MakesCopy(const TraceStep& step) {
  return step.primitive == "pack" || step.primitive == "pad";
}
bool MakesStage(const TraceStep& step) {
  return step.primitive == "cache_write" || step.primitive == "rfactor" || MakesCopy(step);
}

}  // namespace

absl::StatusOr<TraceNames> TraceNames::Of(const Function& function) {
  CanonicalFunction canonical = Canonicalize(function);
  ASSIGN_OR_RETURN(Program author_program, BuildNaive(function));
  ASSIGN_OR_RETURN(Program canonical_program, BuildNaive(canonical.function));
  TraceNames names;
  for (const StageInfo& stage : author_program.stages) {
    std::string root = RootOf(function, stage);
    const std::string& canonical_root = canonical.stages.at(root);
    Renaming axes = AxesOf(stage, canonical.indices.at(root));
    for (const StageInfo& other : canonical_program.stages) {
      bool both_roots = (stage.name == root) == (other.name == canonical_root);
      if (!both_roots || RootOf(canonical.function, other) != canonical_root ||
          !Corresponds(stage, other, axes)) {
        continue;
      }
      StageNames back{stage.name, {}};
      for (const auto& [from, to] : axes) back.axes[to] = from;
      names.to_author_[other.name] = std::move(back);
      names.to_canonical_[stage.name] = {other.name, std::move(axes)};
      break;
    }
    CHECK(names.to_canonical_.contains(stage.name)) << stage.name;
  }
  // Arguments and tables have no axes; they keep their order.
  auto pair = [&](const std::string& author, const std::string& other) {
    names.to_canonical_[author] = {other, {}};
    names.to_author_[other] = {author, {}};
  };
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    pair(function.arguments[i].name, canonical.function.arguments[i].name);
  }
  for (size_t i = 0; i < function.tables.size(); ++i) {
    pair(function.tables[i].name, canonical.function.tables[i].name);
  }
  return names;
}

Trace TraceNames::Rename(const Trace& trace, Dictionary stages) {
  absl::flat_hash_set<std::string> taken;  // in the other names
  for (const auto& [name, other] : stages) taken.insert(other.name);
  Trace renamed = trace;
  for (TraceStep& step : renamed.steps) {
    std::string stage;  // of a copy: the stage whose axes it has
    for (size_t i = 0; i < step.arguments.size(); ++i) {
      auto* name = std::get_if<std::string>(&step.arguments[i]);
      if (name == nullptr) continue;
      if (TakesStage(step, i)) stage = *name;
      *name = RenameOne(*name, TakesStage(step, i), stages);
    }
    bool makes_stage = MakesStage(step);
    for (std::string& result : step.results) {
      std::string old = std::exchange(result, RenameOne(result, makes_stage, stages));
      if (!makes_stage) continue;
      while (!taken.insert(result).second) result += "_";
      auto base = stages.find(stage);
      bool shares_axes = base != stages.end() && !MakesCopy(step);
      Renaming axes = shares_axes ? base->second.axes : Renaming{};
      stages[old] = {result, std::move(axes)};
    }
  }
  return renamed;
}

std::string TraceNames::RenameOne(const std::string& name, bool is_stage,
                                  const Dictionary& stages) {
  // The longest stage that the name is or begins with; a loop is longer than its stage.
  for (size_t end = name.size(); end != std::string::npos; end = name.rfind('.', end - 1)) {
    auto stage = stages.find(name.substr(0, end));
    bool whole = end == name.size();
    if (stage != stages.end() && (!whole || is_stage)) {
      if (whole) return stage->second.name;
      size_t axis_end = std::min(name.find('.', end + 1), name.size());
      std::string axis = name.substr(end + 1, axis_end - end - 1);
      auto renamed = stage->second.axes.find(axis);
      if (renamed != stage->second.axes.end()) axis = renamed->second;
      return absl::StrCat(stage->second.name, ".", axis, name.substr(axis_end));
    }
    if (end == 0) break;
  }
  return name;
}

}  // namespace lathe
