#include "cli/tune_search.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/status_macros.h"
#include "tuner/model_search.h"
#include "tuner/transfer.h"

namespace lathe::cli {
namespace {

constexpr int kMaxTransferred = 8;

}  // namespace

std::vector<std::string> SearchNames() { return {"model", "evolution", "random"}; }

absl::Status CheckSearchChoice(const SearchChoice& choice) {
  if (choice.name == "model" || choice.model.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--model belongs to --search model; --search ",
                                                 choice.name, " uses no cost model"));
}

absl::StatusOr<SearchKnowledge> GatherKnowledge(const SearchChoice& choice, const LoadedTask& task,
                                                const Space& space, RecordStore& store) {
  SearchKnowledge knowledge;
  if (choice.name != "model") return knowledge;
  const Task key = TaskOf(task.Query(LocalDeviceKind()));
  if (choice.model.empty()) {
    ASSIGN_OR_RETURN(knowledge.model, TransferredModel(store, key, choice.seed));
  } else {
    ASSIGN_OR_RETURN(knowledge.model, ReadFile(choice.model));
  }
  ASSIGN_OR_RETURN(knowledge.transferred, TransferredDecisions(store, key, space, kMaxTransferred));
  return knowledge;
}

absl::StatusOr<std::unique_ptr<Search>> MakeSearch(const SearchChoice& choice,
                                                   const SearchKnowledge& knowledge,
                                                   const Space& space,
                                                   const SpaceOptions& options) {
  if (choice.name == "random") return NewRandomSearch(&space, choice.seed);
  if (choice.name == "evolution") return NewEvolutionSearch(&space, choice.seed);
  if (choice.name != "model") {
    return absl::InvalidArgumentError(absl::StrCat("there is no search '", choice.name, "', but ",
                                                   absl::StrJoin(SearchNames(), ", ")));
  }
  ModelSearchOptions model;
  model.space = options;
  model.seed = choice.seed;
  model.learner = NewBoostedTrees(choice.seed);
  model.transferred = knowledge.transferred;
  if (!knowledge.model.empty()) {
    ASSIGN_OR_RETURN(model.prior,
                     ParseCostModel(knowledge.model,
                                    choice.model.empty() ? "the database's model" : choice.model));
  }
  return NewModelSearch(&space, std::move(model));
}

}  // namespace lathe::cli
