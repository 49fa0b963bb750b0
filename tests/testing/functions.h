// Functions written down in tests.
#ifndef LATHE_TESTS_TESTING_FUNCTIONS_H_
#define LATHE_TESTS_TESTING_FUNCTIONS_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "compiler/tensor/function.h"

namespace lathe {

// The function `text`, without its first line; a text that is none fails the test.
inline Function Parse(const std::string& text) {
  absl::StatusOr<Function> function = ParseFunction("lathe 1\n" + text, "test");
  EXPECT_TRUE(function.ok()) << function.status();
  return *std::move(function);
}

}  // namespace lathe

#endif  // LATHE_TESTS_TESTING_FUNCTIONS_H_
