// Where suites stand.
#ifndef LATHE_CLI_SUITE_FILE_H_
#define LATHE_CLI_SUITE_FILE_H_

#include <string>

namespace lathe::cli {

// The file that a suite named without a path would be in; it need not exist.
std::string SuitePath(const std::string& name);

}  // namespace lathe::cli

#endif  // LATHE_CLI_SUITE_FILE_H_
