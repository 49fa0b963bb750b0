// Errors in texts that people write: functions, programs, traces.
#ifndef LATHE_COMPILER_BASE_SOURCE_ERROR_H_
#define LATHE_COMPILER_BASE_SOURCE_ERROR_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lathe {

// InvalidArgument "FILE:LINE:COLUMN: message", then the line that holds byte
// `offset` of `text` and a caret below that byte. Long lines are cut around
// it, bytes that are not printable ASCII are shown as '?'.
absl::Status SourceError(std::string_view file_name, std::string_view text, size_t offset,
                         std::string_view message);

// " (did you mean NAME?)" for the candidate closest to `name`, or "" when none
// is close.
std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates);

// Debian 12's absl::string_view is not std::string_view.
inline absl::string_view ToAbsl(std::string_view s) {
  return absl::string_view(s.data(), s.size());
}
inline std::string_view FromAbsl(absl::string_view s) {
  return std::string_view(s.data(), s.size());
}

}  // namespace lathe

#endif  // LATHE_COMPILER_BASE_SOURCE_ERROR_H_
