#include "compiler/base/source_error.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lathe {
namespace {

constexpr size_t kShownBytes = 100;
constexpr size_t kMaxNameToCompare = 64;

std::string Printable(std::string_view s) {
  std::string result(s);
  for (char& c : result) {
    if (c == '\t') c = ' ';
    if (c < ' ' || c > '~') c = '?';
  }
  return result;
}

// Levenshtein's distance, by rows.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

absl::Status SourceError(std::string_view file_name, std::string_view text, size_t offset,
                         std::string_view message) {
  offset = std::min(offset, text.size());
  size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  size_t begin = before == std::string_view::npos ? 0 : before + 1;
  size_t end = std::min(text.find('\n', offset), text.size());
  size_t line = 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + begin, '\n'));
  size_t column = offset - begin + 1;

  size_t shown = begin;
  if (offset - begin > kShownBytes / 2) shown = offset - kShownBytes / 2;
  std::string source = Printable(text.substr(shown, std::min(end - shown, kShownBytes)));
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(file_name), ":", line, ":", column, ": ",
                                                 ToAbsl(message), "\n  ", source, "\n  ",
                                                 std::string(offset - shown, ' '), "^"));
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kMaxNameToCompare) return "";
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kMaxNameToCompare) continue;
    size_t distance = EditDistance(name, candidate);
    // A bare last part of a dotted name is close whatever its length.
    if (candidate.size() > name.size() + 1 && candidate.ends_with(name) &&
        candidate[candidate.size() - name.size() - 1] == '.') {
      distance = 1;
    }
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  return best ? absl::StrCat(" (did you mean ", *best, "?)") : "";
}

}  // namespace lathe
