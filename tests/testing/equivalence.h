// Whether two programs compute the same, by the interpreter.
#ifndef LATHE_TESTS_TESTING_EQUIVALENCE_H_
#define LATHE_TESTS_TESTING_EQUIVALENCE_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/loop/interpreter.h"
#include "compiler/loop/program.h"

namespace lathe::testing {

// One value per input of `program`, of small integers: sums and products of a
// moderate number of them are exact in f32, so that reassociation of sums
// changes no bit.
std::vector<TensorValue> SmallIntegerInputs(const Program& program, uint64_t seed);

// OK when every element of `actual` has the bits of `expected`, or, for floats,
// is as near as a reassociated sum of inexact terms may be. Otherwise names the
// output, the element and both values.
absl::Status SameOutputs(const Program& program, const std::vector<TensorValue>& expected,
                         const std::vector<TensorValue>& actual);

// Runs both programs on the inputs of `seed` and compares; parallel loops of
// `actual` run in an order drawn from the seed.
absl::Status SameResults(const Program& expected, const Program& actual, uint64_t seed);

}  // namespace lathe::testing

#endif  // LATHE_TESTS_TESTING_EQUIVALENCE_H_
