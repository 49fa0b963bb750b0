#include "compiler/target/target.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/source_error.h"
#include "compiler/target/isa_tables.h"

namespace lathe {
namespace {

constexpr Architecture kArchitectures[] = {Architecture::kX86_64, Architecture::kAArch64,
                                           Architecture::kRiscV64};

Target FromLevel(const NamedTarget& level) {
  Target target;
  target.features = absl::StrSplit(ToAbsl(level.features), ',');
  std::sort(target.features.begin(), target.features.end());
  target.tuning = std::string(level.tuning);
  SetX86Vectors(target);
  return target;
}

absl::Status Malformed(std::string_view text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown target '", std::string(text), "': ", why, "; use host, ",
      absl::StrJoin(NamedTargets(), ", "), ", or the line that `lathe target` prints"));
}

bool IsFeatureName(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") ==
                              std::string_view::npos;
}

// Sets the integer field named `key`; false if there is none or the value is
// out of its range.
bool SetNumber(Target& target, const std::string& key, int64_t value) {
  auto set = [value](auto& field, int64_t min, int64_t max) {
    if (value < min || value > max) return false;
    field = static_cast<std::remove_reference_t<decltype(field)>>(value);
    return true;
  };
  constexpr int64_t kMaxCache = int64_t{1} << 40;
  if (key == "vector") return value % 64 == 0 && set(target.vector_bits, 64, 4096);
  if (key == "registers") return set(target.vector_registers, 8, 1024);
  if (key == "l1") return set(target.l1_bytes, 1024, kMaxCache);
  if (key == "l2") return set(target.l2_bytes, 0, kMaxCache);
  if (key == "l3") return set(target.l3_bytes, 0, kMaxCache);
  if (key == "cores") return set(target.cores, 1, 65536);
  return false;
}

}  // namespace

bool Target::Has(std::string_view feature) const {
  return std::binary_search(features.begin(), features.end(), feature);
}

std::string ToText(const Target& target) {
  return absl::StrCat(std::string(Name(target.architecture)), " tuning=", target.tuning,
                      " vector=", target.vector_bits, " registers=", target.vector_registers,
                      " l1=", target.l1_bytes, " l2=", target.l2_bytes, " l3=", target.l3_bytes,
                      " cores=", target.cores, " features=", absl::StrJoin(target.features, ","));
}

std::vector<std::string> NamedTargets() {
  std::vector<std::string> names;
  for (const NamedTarget& level : X86Levels()) names.emplace_back(level.name);
  return names;
}

absl::StatusOr<Target> ParseTarget(std::string_view text) {
  if (text == "host") return HostTarget();
  for (const NamedTarget& level : X86Levels()) {
    if (level.name == text) return FromLevel(level);
  }
  std::vector<std::string> words = absl::StrSplit(ToAbsl(text), ' ', absl::SkipWhitespace());
  if (words.empty()) return Malformed(text, "it is empty");
  Target target;
  auto architecture = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                   [&](Architecture a) { return Name(a) == words[0]; });
  if (architecture == std::end(kArchitectures)) {
    return Malformed(text, "no such name or architecture");
  }
  target.architecture = *architecture;
  for (size_t i = 1; i < words.size(); ++i) {
    std::pair<std::string, std::string> field = absl::StrSplit(words[i], absl::MaxSplits('=', 1));
    const auto& [key, value] = field;
    int64_t number;
    if (key == "features") {
      target.features = absl::StrSplit(value, ',', absl::SkipEmpty());
      std::sort(target.features.begin(), target.features.end());
      for (const std::string& feature : target.features) {
        if (!IsFeatureName(feature))
          return Malformed(text, absl::StrCat("feature '", feature, "'"));
      }
    } else if (key == "tuning") {
      if (!IsFeatureName(value)) return Malformed(text, absl::StrCat("tuning '", value, "'"));
      target.tuning = value;
    } else if (!absl::SimpleAtoi(value, &number) || !SetNumber(target, key, number)) {
      return Malformed(text, absl::StrCat("field '", words[i], "'"));
    }
  }
  return target;
}

absl::Status CheckRunsOn(const Target& target, const Target& host) {
  if (target.architecture != host.architecture) {
    return absl::FailedPreconditionError(
        absl::StrCat("code for ", std::string(Name(target.architecture)), " does not run on this ",
                     std::string(Name(host.architecture)), " machine"));
  }
  std::vector<std::string> missing;
  std::set_difference(target.features.begin(), target.features.end(), host.features.begin(),
                      host.features.end(), std::back_inserter(missing));
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this machine lacks features of the target: ", absl::StrJoin(missing, ", ")));
}

}  // namespace lathe
