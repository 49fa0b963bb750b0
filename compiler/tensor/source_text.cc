#include "compiler/tensor/source_text.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr size_t kMaxTextBytes = 16 << 20;

// The length of the UTF-8 sequence that starts at `text[i]`, or 0 if none does.
size_t SequenceLength(std::string_view text, size_t i) {
  auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  uint8_t first = byte(i);
  if (first < 0x80) return 1;
  size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || i + length > text.size()) return 0;
  for (size_t k = i + 1; k < i + length; ++k) {
    if ((byte(k) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace

absl::Status SourceText::CheckIsText() const {
  if (text_.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name_, ": larger than ", kMaxTextBytes >> 20, " MiB; is this a text?"));
  }
  size_t length = 0;
  for (size_t i = 0; i < text_.size(); i += length) {
    length = SequenceLength(text_, i);
    if (length == 0 || text_[i] == '\0') {
      return absl::InvalidArgumentError(absl::StrCat(
          file_name_, ": not a text file: ", length == 0 ? "invalid UTF-8" : "a NUL byte",
          " at byte ", i));
    }
  }
  if (text_.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(file_name_, ": the file is empty"));
  }
  return absl::OkStatus();
}

}  // namespace lathe
