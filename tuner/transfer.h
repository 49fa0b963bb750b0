// What was best for near functions: where a search begins.
#ifndef LATHE_TUNER_TRANSFER_H_
#define LATHE_TUNER_TRANSFER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/space/space.h"
#include "compiler/tensor/function.h"
#include "database/store.h"

namespace lathe {

// How far apart the shapes of two functions are: the sum over the axes of all
// stages of |log2 of the ratio of the extents|. Infinite unless they have the same
// stages with the same axes.
double FunctionDistance(const Function& a, const Function& b);

// Decisions of the best records of other tasks of the target, device kind and
// number of threads of `task`, without repetition: first those of its family,
// nearest first, then those of others that name a sketch of `space`. At most `limit`.
absl::StatusOr<std::vector<std::string>> TransferredDecisions(RecordStore& store, const Task& task,
                                                              const Space& space, int limit);

// The bytes of a cost model (ParseCostModel) that learned from the other tasks of the
// same machine, its own family's first; "" where they are too few to learn from. Takes
// milliseconds per task, of which it reads a limited number.
absl::StatusOr<std::string> TransferredModel(RecordStore& store, const Task& task, uint64_t seed);

}  // namespace lathe

#endif  // LATHE_TUNER_TRANSFER_H_
