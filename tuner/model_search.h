// The default search: analytic candidates and what was best for near functions,
// then evolution that a cost model guides, and coordinate descent around the best.
#ifndef LATHE_TUNER_MODEL_SEARCH_H_
#define LATHE_TUNER_MODEL_SEARCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "compiler/space/space.h"
#include "tuner/cost_model.h"
#include "tuner/search.h"

namespace lathe {

struct ModelSearchOptions {
  SpaceOptions space;
  uint64_t seed = 1;
  // Trained on other tasks; scores from the first moment. May be null.
  std::shared_ptr<const CostModel> prior;
  // Trained anew on this task's results as they come. May be null.
  std::unique_ptr<CostModel> learner;
  // Decisions of the best records of near functions, nearest first.
  std::vector<std::string> transferred;
};

// `space` must outlive it. A Suggest takes some 10 ms per candidate at most.
std::unique_ptr<Search> NewModelSearch(const Space* space, ModelSearchOptions options);

}  // namespace lathe

#endif  // LATHE_TUNER_MODEL_SEARCH_H_
