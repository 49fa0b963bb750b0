#include <iterator>

#include "database/store.h"

namespace lathe {
namespace {

constexpr std::string_view kStatusNames[] = {"ok",        "wrong_output", "crash",
                                             "timeout",   "build_failed", "refused",
                                             "abandoned", "kernel_error", "reference_failed"};
constexpr std::string_view kRegimeNames[] = {"warm", "cold"};
constexpr std::string_view kAccuracyNames[] = {"strict", "relaxed"};

template <typename Enum, size_t n>
std::optional<Enum> FromName(const std::string_view (&names)[n], std::string_view name) {
  for (size_t i = 0; i < n; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(RecordStatus status) { return kStatusNames[static_cast<int>(status)]; }
std::string_view Name(Regime regime) { return kRegimeNames[static_cast<int>(regime)]; }
std::string_view Name(Accuracy accuracy) { return kAccuracyNames[static_cast<int>(accuracy)]; }

std::optional<RecordStatus> RecordStatusFromName(std::string_view name) {
  return FromName<RecordStatus>(kStatusNames, name);
}
std::optional<Regime> RegimeFromName(std::string_view name) {
  return FromName<Regime>(kRegimeNames, name);
}
std::optional<Accuracy> AccuracyFromName(std::string_view name) {
  return FromName<Accuracy>(kAccuracyNames, name);
}

}  // namespace lathe
