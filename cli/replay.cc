#include "cli/replay.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "cli/tune_result.h"
#include "cli/tune_search.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "tuner/journal_replay.h"
#include "tuner/search_journal.h"

namespace lathe::cli {
namespace {

// What is known of a run that was killed before its result was written.
Json UnfinishedResult(const Journal& journal) {
  int64_t ok = 0, learned = 0;
  const Outcome* best = nullptr;
  for (const JournalEntry& entry : journal.entries) {
    const auto* update = std::get_if<UpdateEvent>(&entry.event);
    if (update == nullptr) continue;
    for (const Outcome& outcome : update->outcomes) {
      ++learned;
      if (!outcome.ok) continue;
      ++ok;
      if (best == nullptr || outcome.seconds < best->seconds) best = &outcome;
    }
  }
  return {{"stopped", "killed"},
          {"outcomes", learned},
          {"ok", ok},
          {"best_seconds", best ? Json(best->seconds) : Json()},
          {"best_decisions", best ? Json(best->candidate.decisions) : Json()}};
}

absl::Status At(const std::string& place, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(place, ": ", status.message()));
}

}  // namespace

absl::StatusOr<ExitCode> ReplayTuning(const std::string& path, bool json) {
  ASSIGN_OR_RETURN(Journal journal, ReadJournal(path));
  const JournalHeader& header = journal.header;
  // All of the first line is of the options.
  const std::string place = absl::StrCat(path, ":1");
  ASSIGN_OR_RETURN(Function function, ParseFunction(header.function, place));
  SpaceOptions options;
  absl::StatusOr<Target> target = ParseTarget(header.target);
  if (!target.ok()) return At(place, target.status());
  options.target = *std::move(target);
  options.threads = header.threads;
  ASSIGN_OR_RETURN(Space space, SketchesOf(Canonicalize(function).function, options));
  absl::StatusOr<std::unique_ptr<Search>> search =
      MakeSearch({header.search, "its cost model", header.seed}, {header.transferred, header.model},
                 space, options);
  if (!search.ok()) return At(place, search.status());
  const ReplayReport report = Replay(journal, **search, space);
  const bool differs = !report.difference.empty();

  const bool killed = journal.result.empty();
  Json result = killed ? UnfinishedResult(journal) : Json::parse(journal.result);
  if (json) {
    PrintJson({{"suggested", report.suggested},
               {"decisions", report.decisions},
               {"difference", differs ? Json(report.difference) : Json()},
               {"line", differs ? Json(report.line) : Json()},
               {"result", result}});
  } else {
    if (killed) {
      Print(absl::StrCat("the run was killed after ", result["outcomes"].get<int64_t>(),
                         " outcomes\n"));
    } else {
      try {
        PrintTuneResult(result, function);
      } catch (const Json::exception& error) {
        return absl::DataLossError(
            absl::StrCat(path, ": the result at its end is damaged: ", error.what()));
      }
    }
    Print(absl::StrCat("replayed ", report.decisions, " decisions of ", (*search)->name(),
                       differs ? ", and then one differs\n" : ", none differs\n"));
  }
  if (!differs) return kSuccess;
  PrintNote(absl::StrCat(path, ":", report.line, ": ", report.difference));
  if (SpaceDigest(space) != header.space_digest) {
    PrintNote("the space of the function is another one than then");
  }
  if (header.lathe_version != LatheVersion()) {
    PrintNote(absl::StrCat("the journal is of lathe ", header.lathe_version, ", this is ",
                           std::string(LatheVersion())));
  }
  return kNegative;
}

}  // namespace lathe::cli
