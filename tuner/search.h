// Search strategies: they suggest candidates and learn from results.
#ifndef LATHE_TUNER_SEARCH_H_
#define LATHE_TUNER_SEARCH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "compiler/schedule/trace.h"
#include "compiler/space/space.h"

namespace lathe {

struct Candidate {
  int sketch = -1;  // index into the space; -1 for a trace from elsewhere
  Setting setting;
  std::string decisions;  // text of the setting; "" for a trace from elsewhere
  Trace trace;
  std::string origin;   // "analytic", "random", "transfer", ...
  bool repeat = false;  // one that was measured before, to be measured again in full
};

// Seconds per call: the median and its 95 % confidence interval, if `ok`; of an
// abandoned candidate those of its few samples; otherwise 0.
struct Outcome {
  Candidate candidate;
  bool ok = false;
  double seconds = 0, ci_low = 0, ci_high = 0;
};

// Suggest changes no state but that its candidates count as suggested and are
// not suggested again, unless as repeats; Update alone learns. Same seed and same
// calls in the same order give the same suggestions.
class Search {
 public:
  virtual ~Search() = default;
  virtual std::string name() const = 0;  // with its seed: "random seed=1"
  // Up to n new candidates; fewer (or none) when the space is exhausted.
  virtual std::vector<Candidate> Suggest(int n) = 0;
  virtual void Update(absl::Span<const Outcome> outcomes) = 0;
  // By how much the next `trials` candidates are expected to lower the best time,
  // as a share of it; nullopt where the search does not know.
  virtual std::optional<double> ForecastGain(int trials) const { return std::nullopt; }
};

// First the analytic candidate of each sketch, then uniform draws without
// repetition. `space` must outlive it.
std::unique_ptr<Search> NewRandomSearch(const Space* space, uint64_t seed);

// The same, and then mutations and crossings of the fastest measured ones.
std::unique_ptr<Search> NewEvolutionSearch(const Space* space, uint64_t seed);

}  // namespace lathe

#endif  // LATHE_TUNER_SEARCH_H_
