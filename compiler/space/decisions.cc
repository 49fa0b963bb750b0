// Settings in words.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "compiler/space/space.h"

namespace lathe {
namespace {

struct Decisions {
  std::string sketch;
  std::map<std::string, int64_t> values;  // by knob
};

std::optional<Decisions> Parse(std::string_view text) {
  std::vector<std::string> words =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ' ', absl::SkipEmpty());
  if (words.empty()) return std::nullopt;
  Decisions decisions;
  decisions.sketch = words.front();
  for (size_t w = 1; w < words.size(); ++w) {
    size_t equals = words[w].find('=');
    int64_t value = 0;
    if (equals == std::string::npos || !absl::SimpleAtoi(words[w].substr(equals + 1), &value)) {
      return std::nullopt;
    }
    decisions.values[words[w].substr(0, equals)] = value;
  }
  return decisions;
}

int NearestIndex(const std::vector<int64_t>& domain, int64_t value) {
  auto nearest = std::min_element(domain.begin(), domain.end(), [value](int64_t a, int64_t b) {
    return std::abs(a - value) < std::abs(b - value);
  });
  return static_cast<int>(nearest - domain.begin());
}

}  // namespace

std::string DecisionsText(const Sketch& sketch, const Setting& setting) {
  std::string text(sketch.name());
  for (size_t k = 0; k < setting.size(); ++k) {
    const Knob& knob = sketch.knobs()[k];
    absl::StrAppend(&text, " ", knob.name, "=", knob.domain.at(setting[k]));
  }
  return text;
}

std::optional<std::pair<int, Setting>> FindSetting(const Space& space, std::string_view text) {
  std::optional<Decisions> decisions = Parse(text);
  if (!decisions) return std::nullopt;
  for (size_t s = 0; s < space.size(); ++s) {
    if (space[s]->name() != decisions->sketch) continue;
    Setting setting;
    for (const Knob& knob : space[s]->knobs()) {
      auto value = decisions->values.find(knob.name);
      if (value == decisions->values.end()) return std::nullopt;
      auto at = std::find(knob.domain.begin(), knob.domain.end(), value->second);
      if (at == knob.domain.end()) return std::nullopt;
      setting.push_back(static_cast<int>(at - knob.domain.begin()));
    }
    if (setting.size() != decisions->values.size() || !space[s]->IsLegal(setting)) {
      return std::nullopt;
    }
    return {{static_cast<int>(s), std::move(setting)}};
  }
  return std::nullopt;
}

std::optional<std::pair<int, Setting>> RefitSetting(const Space& space, std::string_view text) {
  std::optional<Decisions> decisions = Parse(text);
  if (!decisions) return std::nullopt;
  for (size_t s = 0; s < space.size(); ++s) {
    const Sketch& sketch = *space[s];
    if (sketch.name() != decisions->sketch) continue;
    const Setting analytic = sketch.Analytic();
    Setting setting = analytic;
    for (size_t k = 0; k < sketch.knobs().size(); ++k) {
      auto value = decisions->values.find(sketch.knobs()[k].name);
      if (value == decisions->values.end()) continue;
      setting[k] = NearestIndex(sketch.knobs()[k].domain, value->second);
    }
    // Towards the analytic setting, which is legal, from the last knob on.
    for (size_t k = setting.size(); !sketch.IsLegal(setting) && k-- > 0;) setting[k] = analytic[k];
    return {{static_cast<int>(s), std::move(setting)}};
  }
  return std::nullopt;
}

}  // namespace lathe
