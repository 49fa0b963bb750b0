// Searches by name, and what they know before they begin.
#ifndef LATHE_CLI_TUNE_SEARCH_H_
#define LATHE_CLI_TUNE_SEARCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/options.h"
#include "tuner/search.h"

namespace lathe::cli {

struct SearchChoice {
  std::string name = "model";  // model | evolution | random
  std::string model;           // file of a cost model; "": one trained on the database
  uint64_t seed = 1;
};

// The names there are.
std::vector<std::string> SearchNames();

// InvalidArgument for options that do not belong together.
absl::Status CheckSearchChoice(const SearchChoice& choice);

// What earlier tuning knows of a task.
struct SearchKnowledge {
  std::vector<std::string> transferred;  // see TransferredDecisions
  std::string model;                     // bytes of a cost model; "": none
};
absl::StatusOr<SearchKnowledge> GatherKnowledge(const SearchChoice& choice, const LoadedTask& task,
                                                const Space& space, RecordStore& store);

// `space` must outlive it. InvalidArgument for an unknown name; the errors of
// ParseCostModel.
absl::StatusOr<std::unique_ptr<Search>> MakeSearch(const SearchChoice& choice,
                                                   const SearchKnowledge& knowledge,
                                                   const Space& space, const SpaceOptions& options);

}  // namespace lathe::cli

#endif  // LATHE_CLI_TUNE_SEARCH_H_
