#include "bench/suite.h"

#include <cmath>
#include <filesystem>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

constexpr std::string_view kHeader = "lathe-suite";
constexpr std::string_view kOperator = "op:";

// A path relative to the suite's, as the command line would take it; a FILE#NAME
// stays one.
std::string Resolve(const std::string& path, const std::string& suite) {
  std::filesystem::path given(path);
  if (given.is_absolute()) return path;
  return (std::filesystem::path(suite).parent_path() / given).lexically_normal().string();
}

bool IsNamedTrace(const std::string& trace) {
  return trace == "best" || trace == "default" || trace == "naive";
}

// Where a comment begins: a # at the start or after a blank, as FILE#NAME has one.
size_t CommentStart(absl::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    const bool word_start = i == 0 || absl::ascii_isspace(static_cast<unsigned char>(line[i - 1]));
    if (line[i] == '#' && word_start) return i;
  }
  return line.npos;
}

// Splits a line at blanks outside of parentheses.
std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words(1);
  int depth = 0;
  for (char c : line) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth > 0 || !absl::ascii_isspace(static_cast<unsigned char>(c))) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

absl::StatusOr<SuiteEntry> ParseEntry(const std::vector<std::string>& words,
                                      const std::string& suite) {
  SuiteEntry entry;
  entry.name = words[0];
  entry.function = words[0].starts_with(kOperator) ? words[0] : Resolve(words[0], suite);
  std::set<std::string> seen;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    if (value.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("'", words[i], "' is not SETTING=VALUE"));
    }
    if (!seen.insert(key).second) {
      return absl::InvalidArgumentError(absl::StrCat(key, " is given twice"));
    }
    if (key == "name") {
      entry.name = value;
    } else if (key == "trace") {
      entry.trace = IsNamedTrace(value) ? value : Resolve(value, suite);
    } else if (key == "as") {
      if (!value.starts_with(kOperator)) {
        return absl::InvalidArgumentError("'as' must name an operator: as=op:NAME(...)");
      }
      entry.as = value;
    } else if (key == "weight") {
      if (!absl::SimpleAtod(value, &entry.weight) || !(entry.weight > 0) ||
          !std::isfinite(entry.weight)) {
        return absl::InvalidArgumentError(
            absl::StrCat("weight '", value, "' is no positive number"));
      }
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no setting '", key, "'; settings are name, trace, as, weight"));
    }
  }
  return entry;
}

}  // namespace

bool IsSuite(std::string_view text) { return text.starts_with(kHeader); }

absl::StatusOr<std::vector<SuiteEntry>> ParseSuite(std::string_view text, const std::string& path) {
  std::vector<SuiteEntry> entries;
  std::set<std::string> names;
  int number = 0;
  for (absl::string_view raw : absl::StrSplit(ToAbsl(text), '\n')) {
    ++number;
    auto error = [&](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", what));
    };
    std::string line(absl::StripAsciiWhitespace(raw.substr(0, CommentStart(raw))));
    if (number == 1) {
      if (line != "lathe-suite 1") return error("a suite begins with the line 'lathe-suite 1'");
      continue;
    }
    if (line.empty()) continue;
    absl::StatusOr<SuiteEntry> entry = ParseEntry(Words(line), path);
    if (!entry.ok()) return error(std::string(entry.status().message()));
    if (!names.insert(entry->name).second) {
      return error(
          absl::StrCat("there is a workload '", entry->name, "' already; give this one a name="));
    }
    entries.push_back(*std::move(entry));
  }
  if (entries.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the suite has no workloads"));
  }
  return entries;
}

}  // namespace lathe
