// A text that a user wrote: validity, and errors that point into it.
#ifndef LATHE_COMPILER_TENSOR_SOURCE_TEXT_H_
#define LATHE_COMPILER_TENSOR_SOURCE_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "compiler/base/source_error.h"

namespace lathe {

// Refers to `text`, which must outlive it.
class SourceText {
 public:
  SourceText(std::string_view text, std::string_view file_name)
      : text_(text), file_name_(file_name) {}

  std::string_view text() const { return text_; }

  // Ok if this is UTF-8 text of a sensible size, without NUL bytes, and not blank.
  absl::Status CheckIsText() const;

  absl::Status ErrorAt(size_t offset, std::string_view message) const {
    return SourceError(file_name_, text_, offset, message);
  }

 private:
  std::string_view text_;
  std::string file_name_;
};

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_SOURCE_TEXT_H_
