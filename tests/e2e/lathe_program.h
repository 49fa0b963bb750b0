// `lathe` as the scenarios call it: its own data directory, JSON parsed.
#ifndef LATHE_TESTS_E2E_LATHE_PROGRAM_H_
#define LATHE_TESTS_E2E_LATHE_PROGRAM_H_

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/testing/run_program.h"

namespace lathe::testing {

class LatheProgram {
 public:
  // Every call uses the data directory of this object as XDG_DATA_HOME.
  RunResult Run(std::vector<std::string> arguments, const std::string& input = "") const {
    arguments.insert(arguments.begin(), LATHE_PROGRAM);
    return RunProgram(arguments, {.input = input, .environment = Environment()});
  }
  std::map<std::string, std::string> Environment() const {
    return {{"XDG_DATA_HOME", scratch_.path("data")}};
  }
  std::string path(const std::string& name) const { return scratch_.path(name); }

 private:
  ScratchDirectory scratch_;
};

// A tensor function that tunes in seconds.
inline constexpr char kSmallMatmul[] = "op:matmul(m=48,n=48,k=32)";

}  // namespace lathe::testing

#endif  // LATHE_TESTS_E2E_LATHE_PROGRAM_H_
