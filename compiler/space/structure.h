// What rules see of a tensor function: how stages subscript what they read.
// Structure only; no operator has a name here.
#ifndef LATHE_COMPILER_SPACE_STRUCTURE_H_
#define LATHE_COMPILER_SPACE_STRUCTURE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/loop/program.h"
#include "compiler/tensor/expr.h"

namespace lathe {

// One read of a stage's store, with its row-major element offset as a function
// of the loop variables.
struct ReadStride {
  const Read* read;
  bool affine;                                           // else terms is empty
  std::vector<std::pair<std::string, int64_t>> strides;  // loop variable -> elements
  int64_t StrideOf(std::string_view loop) const;         // 0: does not depend on it
};

// One store of a naive program with the loops around it, outermost first.
struct StageNest {
  const Store* store;
  const StageInfo* stage;
  std::vector<const For*> loops;
  std::vector<ReadStride> reads;
  ReadStride output;  // of the store's own subscripts; `read` is null

  const For* LoopOf(std::string_view axis) const;  // naive loops are named STAGE.AXIS
};

// The nests of a naive program, in order.
std::vector<StageNest> NestsOf(const Program& naive);

// Scalar operations of one iteration of a nest, subscripts and guards left out.
struct OperationCounts {
  double multiply_adds = 0;  // products that are summed right away
  double arithmetic = 0;     // other additions, multiplications, comparisons, selects, casts
  double divisions = 0;      // and square roots
  double elementary = 0;     // exp, tanh, erf, ...
};
OperationCounts CountOperations(const StageNest& nest);

// Whether `consumer` can be fused into the loops of `producer`: no reduction,
// and each dimension of what the producer stores is subscripted by a bare loop
// variable, the same in all its reads of it.
bool IsElementwiseConsumer(const StageNest& consumer, const StageNest& producer);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_STRUCTURE_H_
