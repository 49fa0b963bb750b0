// Random tensor functions, for differential tests.
#ifndef LATHE_TESTS_TESTING_RANDOM_FUNCTION_H_
#define LATHE_TESTS_TESTING_RANDOM_FUNCTION_H_

#include <random>

#include "compiler/tensor/function.h"

namespace lathe::testing {

struct RandomFunctionOptions {
  int max_arguments = 3;
  int max_stages = 4;
  int max_extent = 9;
  int max_height = 3;      // of the expression of a term
  bool functions = false;  // also tanh, sigmoid, exp of bounded operands
  bool guarded = true;     // also guarded reads
  bool reductions = true;  // also sums and maxima, at the root of an equation and below
  // Arguments and stages of f16, bf16, i32, i8 and u8 too, with casts between
  // them. Floating sums are those of f32, exact for small integers: what a
  // schedule reassociates does not round.
  bool mixed_types = false;
};

// A function (of f32 alone, unless types are mixed) that obeys every rule of the language: several
// stages and outputs, reductions, guarded reads, affine subscripts, small odd shapes. Depends on
// the generator's state only, not on the platform.
Function RandomFunction(std::mt19937_64& random, const RandomFunctionOptions& options = {});

}  // namespace lathe::testing

#endif  // LATHE_TESTS_TESTING_RANDOM_FUNCTION_H_
