// The passes of lowering, in the order in which lower.cc runs them. Each takes
// a correct program and returns an equivalent one; an error is InvalidArgument
// naming the loop or buffer whose mark cannot be expanded.
#ifndef LATHE_COMPILER_LOOP_PASSES_PASSES_H_
#define LATHE_COMPILER_LOOP_PASSES_PASSES_H_

#include "absl/status/statusor.h"
#include "compiler/loop/program.h"

namespace lathe {

// kReduce stores become kUpdate, with a kInit nest right before the outermost
// loop that binds one of their reduction axes, or in its peeled first iteration.
Program MaterializeInit(const Program& program);

// Each buffer that is neither argument nor table is allocated at the innermost
// place that sees all of its contents, in the shape of the region in use there.
Program ShrinkBuffers(const Program& program);

// Forgets which axis values a store computes: no later pass asks.
Program DropBindings(const Program& program);

// Loops marked prefetch begin each iteration with prefetches of what a later one
// will read.
absl::StatusOr<Program> ExpandPrefetches(const Program& program);

// Loops marked peel: the first or last iteration becomes code of its own. Loops
// marked tail=partition: iterations where the predicates below always hold run
// without them, the others apart.
absl::StatusOr<Program> PartitionLoops(const Program& program, int64_t max_stores);

// Cuts off the iterations at the end of a loop in which no predicate below
// holds. Vectorized loops keep their lanes.
Program TrimLoops(const Program& program);

// Nests marked tensorize become intrinsic statements where they compute what the
// intrinsic does without a predicate; elsewhere they lose the mark.
Program TensorizeNests(const Program& program);

// Loops marked vectorize become vector statements; predicates that differ
// between lanes become masks of stores and of reads that would leave a buffer.
absl::StatusOr<Program> VectorizeLoops(const Program& program);

// Buffers become one-dimensional, row-major.
Program FlattenBuffers(const Program& program);

// Loops marked unroll become straight-line code of at most `max_stores` stores.
absl::StatusOr<Program> UnrollLoops(const Program& program, int64_t max_stores);

// Scalar predicates of stores become `If`s, as far out as they are invariant.
Program HoistPredicates(const Program& program);

// Forgets marks and unused buffers: the result is a lowered program. Refuses
// indices of register buffers that are not constant.
absl::StatusOr<Program> FinishLowering(const Program& program);

// What writes packed arguments becomes the program's `prepare` part.
Program MovePrepare(const Program& program);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_PASSES_PASSES_H_
