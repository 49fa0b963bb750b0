// Random legal schedules, for differential tests.
#ifndef LATHE_TESTS_TESTING_RANDOM_TRACE_H_
#define LATHE_TESTS_TESTING_RANDOM_TRACE_H_

#include <random>

#include "compiler/loop/program.h"
#include "compiler/schedule/trace.h"

namespace lathe::testing {

struct RandomTraceOptions {
  int rewrites = 8;  // attempts at structural primitives
  int marks = 8;     // attempts at marks
  // Share of attempts that are drawn without regard to what is likely legal.
  double wild = 0.1;
};

// A trace that replays on `naive`: steps drawn at random, of which those that
// are refused are left out. Depends on the generator's state only.
Trace RandomTrace(const Program& naive, std::mt19937_64& random,
                  const RandomTraceOptions& options = {});

}  // namespace lathe::testing

#endif  // LATHE_TESTS_TESTING_RANDOM_TRACE_H_
