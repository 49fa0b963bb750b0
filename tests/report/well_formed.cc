#include "tests/report/well_formed.h"

#include <algorithm>
#include <regex>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lathe::testing {
namespace {

// The first & of `text` that begins no entity; npos if all do.
size_t BadEntity(const std::string& text) {
  static const std::regex* entity = new std::regex("^&(amp|lt|gt|quot|#[0-9]+);");
  for (size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
    if (!std::regex_search(text.substr(at, 12), *entity)) return at;
  }
  return std::string::npos;
}

// Why the inside of a start tag is wrong; adds its id to `ids`.
std::string CheckAttributes(const std::string& inside, std::set<std::string>& ids) {
  static const std::regex* attribute = new std::regex("^\\s+([A-Za-z][\\w:-]*)=\"([^\"<]*)\"");
  std::set<std::string> names;
  std::string rest = inside;
  for (std::smatch match; std::regex_search(rest, match, *attribute); rest = match.suffix()) {
    if (!names.insert(match[1]).second) return absl::StrCat("twice ", match[1].str());
    if (match[1] == "id" && !ids.insert(match[2]).second) {
      return absl::StrCat("the id ", match[2].str(), " again");
    }
    if (BadEntity(match[2]) != std::string::npos) return "a bare & in an attribute";
  }
  const bool ends = rest.find_first_not_of(" \n") == std::string::npos;
  return ends ? "" : absl::StrCat("attributes that are none: ", rest);
}

}  // namespace

std::string WhyNotWellFormed(std::string_view view) {
  std::string text(view);
  const std::string kDoctype = "<!DOCTYPE html>";
  if (text.starts_with(kDoctype)) text.erase(0, kDoctype.size());
  if (BadEntity(text) != std::string::npos) {
    return absl::StrCat("a bare &: ", text.substr(BadEntity(text), 40));
  }
  std::vector<std::string> open;
  std::set<std::string> ids;
  size_t at = 0;
  while ((at = text.find('<', at)) != std::string::npos) {
    const size_t end = text.find('>', at);
    const std::string where = text.substr(at, 60);
    if (end == std::string::npos) return absl::StrCat("a tag without end: ", where);
    std::string tag = text.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) {
        return absl::StrCat("closes what is not open: ", where);
      }
      open.pop_back();
      continue;
    }
    const bool empty = tag.ends_with("/");
    if (empty) tag.pop_back();
    const size_t name = tag.find_first_of(" \n");
    if (std::string why = CheckAttributes(tag.substr(std::min(name, tag.size())), ids);
        !why.empty()) {
      return absl::StrCat(why, ": ", where);
    }
    if (!empty) open.push_back(tag.substr(0, name));
  }
  return open.empty() ? "" : absl::StrCat(open.back(), " is not closed");
}

}  // namespace lathe::testing
