// Libraries that candidates may call: opened by name, before the sandbox closes.
#ifndef LATHE_MEASURER_LIBRARY_ROUTINES_H_
#define LATHE_MEASURER_LIBRARY_ROUTINES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "measurer/kernel_runtime.h"

namespace lathe {

// Opens `libraries`, as the dynamic loader names them, for good; a routine is that
// of the first that has it. NotFound naming the library and the loader's reason.
absl::StatusOr<RoutineFinder> OpenLibraries(const std::vector<std::string>& libraries);

}  // namespace lathe

#endif  // LATHE_MEASURER_LIBRARY_ROUTINES_H_
