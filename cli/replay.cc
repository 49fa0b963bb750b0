#include "cli/replay.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "cli/tune_result.h"
#include "cli/tune_search.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "tuner/search_journal.h"

namespace lathe::cli {
namespace {

// What is known of a run that was killed before its result was written.
Json UnfinishedResult(const Journal& journal) {
  int64_t ok = 0, learned = 0;
  const Outcome* best = nullptr;
  for (const JournalEvent& event : journal.events) {
    for (const Outcome& outcome : event.outcomes) {
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

}  // namespace

absl::StatusOr<ExitCode> ReplayTuning(const std::string& path, bool json) {
  ASSIGN_OR_RETURN(Journal journal, ReadJournal(path));
  const JournalHeader& header = journal.header;
  ASSIGN_OR_RETURN(Function function, ParseFunction(header.function, path));
  SpaceOptions options;
  ASSIGN_OR_RETURN(options.target, ParseTarget(header.target));
  options.threads = header.threads;
  ASSIGN_OR_RETURN(Space space, SketchesOf(Canonicalize(function).function, options));
  const std::string model_name = absl::StrCat("the cost model of ", path);
  ASSIGN_OR_RETURN(std::unique_ptr<Search> search,
                   MakeSearch({header.search, model_name, header.seed},
                              {header.transferred, header.model}, space, options));
  const ReplayReport report = Replay(journal, *search);

  const bool killed = journal.result.empty();
  Json result = killed ? UnfinishedResult(journal) : Json::parse(journal.result);
  if (json) {
    PrintJson({{"suggested", report.suggested},
               {"differing", report.differing},
               {"first_difference", report.first_difference},
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
    Print(absl::StrCat("replayed ", report.suggested, " suggestions of ", search->name(), ", ",
                       report.differing, " differ\n"));
  }
  if (report.differing == 0) return kSuccess;
  PrintNote(report.first_difference);
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
