#include "compiler/space/space.h"

namespace lathe {

Setting SampleSetting(const Sketch& sketch, std::mt19937_64& rng) {
  const std::vector<Knob>& knobs = sketch.knobs();
  Setting setting(knobs.size());
  for (int attempt = 0; attempt < 1000; ++attempt) {
    for (size_t k = 0; k < knobs.size(); ++k) {
      setting[k] = static_cast<int>(rng() % knobs[k].domain.size());
    }
    if (sketch.IsLegal(setting)) return setting;
  }
  return sketch.Analytic();
}

}  // namespace lathe
