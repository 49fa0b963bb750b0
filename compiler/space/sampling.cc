#include <algorithm>

#include "compiler/space/space.h"

namespace lathe {
namespace {

constexpr int kSampleAttempts = 1000;
constexpr int kMoveAttempts = 100;

}  // namespace

Setting SampleSetting(const Sketch& sketch, std::mt19937_64& rng) {
  const std::vector<Knob>& knobs = sketch.knobs();
  Setting setting(knobs.size());
  for (int attempt = 0; attempt < kSampleAttempts; ++attempt) {
    for (size_t k = 0; k < knobs.size(); ++k) {
      setting[k] = static_cast<int>(rng() % knobs[k].domain.size());
    }
    if (sketch.IsLegal(setting)) return setting;
  }
  return sketch.Analytic();
}

Setting MutateSetting(const Sketch& sketch, const Setting& setting, std::mt19937_64& rng) {
  const std::vector<Knob>& knobs = sketch.knobs();
  if (knobs.empty()) return setting;
  for (int attempt = 0; attempt < kMoveAttempts; ++attempt) {
    Setting moved = setting;
    for (uint64_t moves = 1 + rng() % 3; moves > 0; --moves) {
      size_t k = rng() % knobs.size();
      int last = static_cast<int>(knobs[k].domain.size()) - 1;
      if (rng() % 2 == 0) {
        moved[k] = std::clamp(moved[k] + (rng() % 2 == 0 ? 1 : -1), 0, last);
      } else {
        moved[k] = static_cast<int>(rng() % knobs[k].domain.size());
      }
    }
    if (moved != setting && sketch.IsLegal(moved)) return moved;
  }
  return setting;
}

Setting CrossSettings(const Sketch& sketch, const Setting& a, const Setting& b,
                      std::mt19937_64& rng) {
  for (int attempt = 0; attempt < kMoveAttempts; ++attempt) {
    Setting child = a;
    for (size_t k = 0; k < child.size(); ++k) {
      if (rng() % 2 == 0) child[k] = b[k];
    }
    if (child != a && child != b && sketch.IsLegal(child)) return child;
  }
  return a;
}

}  // namespace lathe
