// Uses of every operator of the library, for tests that hold for all of them.
#ifndef LATHE_TESTS_TESTING_OPERATOR_CASES_H_
#define LATHE_TESTS_TESTING_OPERATOR_CASES_H_

#include <string>
#include <vector>

namespace lathe::testing {

// Specs for BuildOperator: every operator with every type it allows, at two or
// more small odd shapes each, which between them use its other parameters.
// An operator without cases fails a CHECK.
std::vector<std::string> OperatorCases();

}  // namespace lathe::testing

#endif  // LATHE_TESTS_TESTING_OPERATOR_CASES_H_
